/** Blocks: parts of a configuration as text, key by key, in the order of the table of fields. */
import type { ListField, NodeField, ScalarField, Section } from '../fields/kinds.ts';

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

/** Values of a section as its fields read them; of structures, what their own sections wrote. */
export type SectionValues<S extends Section> = {
  readonly [K in keyof S]?:
    | (S[K] extends ScalarField<infer T>
        ? T
        : S[K] extends ListField<infer T>
          ? readonly T[]
          : S[K] extends NodeField
            ? BlockValue
            : never)
    | undefined;
};

/**
 * Writes `values`, which have no entry for a key that does not apply. With `chosen`, defaults are left out.
 */
export function writeSection<S extends Section>(
  section: S,
  values: SectionValues<S>,
  defaults: SectionValues<S>,
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
    const text = textOf(values[key]);
    if (text === undefined) continue;
    const isDefault = JSON.stringify(text) === JSON.stringify(textOf(defaults[key]));
    if (detail === 'all' || !isDefault) block[key] = text;
  }
  return block;
}

/** A list with one entry is written as the entry. */
export function oneOrList(blocks: readonly Block[]): BlockValue {
  return blocks.length === 1 ? blocks[0]! : blocks;
}
