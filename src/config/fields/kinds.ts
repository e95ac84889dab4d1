/**
 * Kinds of fields. A field knows how to read its value from text and how to write it back,
 * what people are told about it, and how an editor's schema describes it. The table of fields
 * (sections.ts) is made of these kinds; quantities.ts has the kinds whose values are numbers.
 */

/** A value that does not fit its field. The message says which values do. */
export class FieldError extends Error {
  override readonly name = 'FieldError';
}

/**
 * How a value changes while packets flow: by `shaper set` and by a reload, only by a reload, or not at all.
 * Then the program has to be started again.
 */
export type Change = 'live' | 'reload' | 'restart';

interface FieldBase {
  /** Accepted values, for people. */
  readonly takes: string;
  /** As written in a file, or `required`, or a sentence where the default is computed. */
  readonly default: string;
  readonly help: string;
  /** Of a map: how it may come and go. */
  readonly change: Change;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Takes one value. */
export interface ScalarField<T> extends FieldBase {
  readonly shape: 'scalar';
  /** Throws FieldError or UnitError. */
  read(text: string): T;
  /** The text of a value: read() makes an equal value of it. */
  write(value: T): string;
}

/** Takes one value or a list of values. read() and write() take one item. */
export interface ListField<T> extends FieldBase {
  readonly shape: 'list';
  /** Whether a list without items means something. */
  readonly mayBeEmpty: boolean;
  read(text: string): T;
  write(item: T): string;
}

/** Takes a map or another structure, which has fields of its own. */
export interface NodeField extends FieldBase {
  readonly shape: 'node';
  /** In `both`: a map { up: …, down: … } may stand in its place, as in that of single values. */
  readonly mayDiffer: boolean;
}

/** A key that belongs elsewhere. It is known only to say where, and is not shown in tables. */
export interface RefusedField {
  readonly shape: 'refused';
  readonly message: string;
}

export type UsableField = ScalarField<unknown> | ListField<unknown> | NodeField;
export type Field = UsableField | RefusedField;
export type Section = Readonly<Record<string, Field>>;

/** The properties that every field states in the table. */
export interface About {
  readonly default: string;
  readonly help: string;
  /** `live` unless stated. */
  readonly change?: Change;
}

export const TEXT_SCHEMA = { type: 'string' };

/** How the text of a value is read and written. */
export interface TextForm<T> {
  read(text: string): T;
  write(value: T): string;
}

function base(about: About, takes: string, schema: Record<string, unknown>): FieldBase {
  return { takes, default: about.default, help: about.help, change: about.change ?? 'live', schema };
}

/** A value with a text form of its own. */
export function word<T>(
  about: About & { takes: string },
  { read, write }: TextForm<T>,
  schema: Record<string, unknown> = TEXT_SCHEMA,
): ScalarField<T> {
  return { shape: 'scalar', read, write, ...base(about, about.takes, schema) };
}

export function boolean(about: About): ScalarField<boolean> {
  const read = (text: string): boolean => {
    if (text !== 'true' && text !== 'false') throw new FieldError(`'${text}' is neither true nor false`);
    return text === 'true';
  };
  return word({ ...about, takes: 'true or false' }, { read, write: String }, { type: 'boolean' });
}

/** One of `choices`. */
export function choice<const C extends string>(about: About & { choices: readonly C[] }): ScalarField<C> {
  const { choices } = about;
  const read = (text: string): C => {
    const found = choices.find((c) => c === text);
    if (found !== undefined) return found;
    throw new FieldError(`'${text}' is not one of: ${choices.join(', ')}`);
  };
  const values = choices.map((c) => (c === 'true' || c === 'false' ? c === 'true' : c));
  return word({ ...about, takes: choices.join(', ') }, { read, write: (value) => value }, { enum: values });
}

/** One or several values; none if `mayBeEmpty`. */
export function list<T>(
  about: About & { takes: string; mayBeEmpty?: boolean },
  { read, write }: TextForm<T>,
): ListField<T> {
  const { mayBeEmpty = false } = about;
  const value = { type: ['string', 'integer'] };
  const schema = { oneOf: [value, { type: 'array', items: value, ...(mayBeEmpty ? {} : { minItems: 1 }) }] };
  return { shape: 'list', read, write, mayBeEmpty, ...base(about, about.takes, schema) };
}

/** `schema` describes the structure for editors. */
export function node(
  about: About & { takes: string; mayDiffer?: boolean },
  schema: Record<string, unknown>,
): NodeField {
  const { mayDiffer = false } = about;
  return { shape: 'node', mayDiffer, ...base(about, about.takes, schema) };
}

/** In `both`: the map that may stand in the place of a value. */
const OF_DIRECTION = node(
  { takes: 'a value for that direction', default: 'required', help: 'The value for that direction.' },
  {},
);
export const PER_DIRECTION = { up: OF_DIRECTION, down: OF_DIRECTION } satisfies Section;

/** `message` says where the key belongs. */
export function misplaced(message: string): RefusedField {
  return { shape: 'refused', message };
}

/** The schema of a section, by its name. */
export function ref(section: string): Record<string, unknown> {
  return { $ref: `#/$defs/${section}` };
}

/** Names of links and classes. */
export const NAME = /^[a-z][a-z0-9_-]*$/;

/** The schema of a map from names to sections, which may be left empty. */
export function mapOf(section: string): Record<string, unknown> {
  return {
    type: 'object',
    additionalProperties: { oneOf: [ref(section), { type: 'null' }] },
    propertyNames: { pattern: NAME.source },
  };
}
