/** Blocks: parts of a configuration as text, key by key, in the order of the table of fields. */
import type { ListField, NodeField, RefusedField, ScalarField, Section } from '../fields/kinds.ts';

export type BlockValue = string | readonly string[] | Block | readonly Block[];

/** A map of a configuration. Its scalars are text as in a file. */
export interface Block {
  readonly [key: string]: BlockValue;
}

/**
 * Which keys a block has. `chosen`: those whose value differs from their default, so that
 * reading the block gives the same specification. `all`: every key that applies, for people.
 */
export type Detail = 'chosen' | 'all';

/** Value of a field as the field reads it. For a structure: the block that its own section wrote. */
type Value<F> =
  F extends ScalarField<infer T>
    ? T
    : F extends ListField<infer T>
      ? readonly T[]
      : F extends NodeField
        ? BlockValue
        : never;

/** Values of all keys of a section, so that none is forgotten. undefined for a key that does not apply. */
export type SectionValues<S extends Section> = {
  readonly [K in keyof S as S[K] extends RefusedField ? never : K]: Value<S[K]> | undefined;
};

type Values = Readonly<Record<string, unknown>>;

/**
 * Writes the keys of a section that have a value. With `chosen`, values that equal their defaults are left
 * out.
 */
export function writeSection<S extends Section>(
  section: S,
  values: SectionValues<S>,
  defaults: Partial<SectionValues<S>>,
  detail: Detail,
): Block {
  const block: Record<string, BlockValue> = {};
  for (const [key, field] of Object.entries(section)) {
    const textOf = (value: unknown): BlockValue | undefined => {
      if (value === undefined || field.shape === 'refused') return undefined;
      if (field.shape === 'scalar') return field.write(value);
      if (field.shape === 'list') return (value as readonly unknown[]).map((item) => field.write(item));
      return value as BlockValue;
    };
    const text = textOf((values as Values)[key]);
    if (text === undefined) continue;
    const isDefault = JSON.stringify(text) === JSON.stringify(textOf((defaults as Values)[key]));
    if (detail === 'all' || !isDefault) block[key] = text;
  }
  return block;
}

/** A list with one entry is written as the entry. */
export function oneOrList(blocks: readonly Block[]): BlockValue {
  return blocks.length === 1 ? blocks[0]! : blocks;
}
