/**
 * Kinds of fields: how the text of a value is read, what people are told it takes, and how an editor's schema
 * describes it. The table of fields (fields.ts) is made of these.
 */
import {
  formatBytes,
  formatRate,
  formatTime,
  parseBytes,
  parseRate,
  parseShare,
  parseSize,
  parseTime,
  type Size,
} from '../../base/units.ts';

/** A value that does not fit its field; the message says what would. */
export class FieldError extends Error {
  override readonly name = 'FieldError';
}

interface FieldBase {
  /** What it takes, for people. */
  readonly takes: string;
  /** As written in a file; `required`, or a sentence when it is computed. */
  readonly default: string;
  readonly help: string;
  /** Known, but refused: the message says where it belongs. Not shown in tables. */
  readonly refused?: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Takes one value, read from its text. */
export interface ScalarField<T> extends FieldBase {
  readonly shape: 'scalar';
  /** Throws FieldError or UnitError. */
  readonly read: (text: string) => T;
}

/** Takes one value or a list of them. */
export interface ListField<T> extends FieldBase {
  readonly shape: 'list';
  readonly read: (text: string) => T;
}

/** Takes a structure that other code walks. */
export interface NodeField extends FieldBase {
  readonly shape: 'node';
}

export type Field = ScalarField<unknown> | ListField<unknown> | NodeField;
export type Section = Readonly<Record<string, Field>>;

/** What every constructor below takes besides its own bounds. */
interface About {
  readonly default: string;
  readonly help: string;
}

function base(about: About, takes: string, schema: Record<string, unknown>): FieldBase {
  return { takes, default: about.default, help: about.help, schema };
}

const TEXT_SCHEMA = { type: 'string' };

/** A rate or a share of the parent's ceil. */
export type RateOrShare =
  | { readonly kind: 'rate'; readonly rateBytesPerSec: number }
  | { readonly kind: 'share'; readonly ratio: number };

export const RATE_MIN_BYTES_PER_SEC = parseRate('1kbit');
const RATE_MAX_BYTES_PER_SEC = parseRate('1000gbit');

function readRate(text: string): number {
  const rateBytesPerSec = parseRate(text);
  if (rateBytesPerSec < RATE_MIN_BYTES_PER_SEC || rateBytesPerSec > RATE_MAX_BYTES_PER_SEC) {
    const range = `${formatRate(RATE_MIN_BYTES_PER_SEC)} to ${formatRate(RATE_MAX_BYTES_PER_SEC)}`;
    throw new FieldError(`${text} is out of range: ${range}`);
  }
  return rateBytesPerSec;
}

export function rate(about: About): ScalarField<number> {
  return { shape: 'scalar', read: readRate, ...base(about, 'rate', TEXT_SCHEMA) };
}

export function rateOrShare(about: About): ScalarField<RateOrShare> {
  const read = (text: string): RateOrShare => {
    const ratio = parseShare(text);
    if (ratio === null) return { kind: 'rate', rateBytesPerSec: readRate(text) };
    if (ratio <= 0 || ratio > 1) throw new FieldError(`${text} is out of range: above 0% up to 100%`);
    return { kind: 'share', ratio };
  };
  return { shape: 'scalar', read, ...base(about, 'rate or share', TEXT_SCHEMA) };
}

/** Bytes, packets or time. */
export function size(about: About): ScalarField<Size> {
  return { shape: 'scalar', read: parseSize, ...base(about, 'size', TEXT_SCHEMA) };
}

/** Bytes or time, where a number of packets means nothing. */
export function byteSize(about: About): ScalarField<Exclude<Size, { kind: 'packets' }>> {
  const read = (text: string): Exclude<Size, { kind: 'packets' }> => {
    const parsed = parseSize(text);
    if (parsed.kind === 'packets')
      throw new FieldError(`${text}: give bytes (15kB) or a time (20ms), not packets`);
    return parsed;
  };
  return { shape: 'scalar', read, ...base(about, 'size', TEXT_SCHEMA) };
}

export function bytes(about: About & { min: number; max: number }): ScalarField<number> {
  const range = `${formatBytes(about.min)} to ${formatBytes(about.max)}`;
  const read = (text: string): number => {
    const value = parseBytes(text);
    if (value < about.min || value > about.max) throw new FieldError(`${text} is out of range: ${range}`);
    return value;
  };
  return { shape: 'scalar', read, ...base(about, range, TEXT_SCHEMA) };
}

/** Decimal or 0x… digits as a whole number; null for anything else. */
export function wholeNumber(text: string): number | null {
  return /^(-?\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : null;
}

export function integer(about: About & { min: number; max: number }): ScalarField<number> {
  const { min, max } = about;
  const read = (text: string): number => {
    const value = wholeNumber(text);
    if (value === null || value < min || value > max) {
      throw new FieldError(`'${text}' is not a whole number from ${min} to ${max}`);
    }
    return value;
  };
  const schema = { type: 'integer', minimum: min, maximum: max };
  return { shape: 'scalar', read, ...base(about, `${min} to ${max}`, schema) };
}

const DECIMAL = /^\d*\.?\d+(e-?\d+)?$/i;

/** A real number. */
export function number(about: About & { min: number; max: number }): ScalarField<number> {
  const { min, max } = about;
  const read = (text: string): number => {
    const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new FieldError(`'${text}' is not a number from ${min} to ${max}`);
    }
    return value;
  };
  const schema = { type: 'number', minimum: min, maximum: max };
  return { shape: 'scalar', read, ...base(about, `${min} to ${max}`, schema) };
}

/** A span of time; bounds and value in nanoseconds. */
export function time(about: About & { min: number; max: number }): ScalarField<number> {
  const range = `${formatTime(about.min)} to ${formatTime(about.max)}`;
  const read = (text: string): number => {
    const ns = parseTime(text);
    if (ns < about.min || ns > about.max) throw new FieldError(`${text} is out of range: ${range}`);
    return ns;
  };
  return { shape: 'scalar', read, ...base(about, range, TEXT_SCHEMA) };
}

/** A real number above 0 up to 1; also as a share. */
export function fraction(about: About): ScalarField<number> {
  const read = (text: string): number => {
    const share = parseShare(text);
    const value = share ?? (DECIMAL.test(text) ? Number(text) : Number.NaN);
    if (!(value > 0 && value <= 1))
      throw new FieldError(`'${text}' is not a number above 0 up to 1 (or 100%)`);
    return value;
  };
  return { shape: 'scalar', read, ...base(about, 'above 0 up to 1', { type: ['number', 'string'] }) };
}

export function boolean(about: About): ScalarField<boolean> {
  const read = (text: string): boolean => {
    if (text !== 'true' && text !== 'false') throw new FieldError(`'${text}' is neither true nor false`);
    return text === 'true';
  };
  return { shape: 'scalar', read, ...base(about, 'true or false', { type: 'boolean' }) };
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
  return { shape: 'scalar', read, ...base(about, choices.join(', '), { enum: values }) };
}

export function word<T>(
  about: About & { takes: string },
  read: (text: string) => T,
  schema: Record<string, unknown> = TEXT_SCHEMA,
): ScalarField<T> {
  return { shape: 'scalar', read, ...base(about, about.takes, schema) };
}

export function list<T>(about: About & { takes: string }, read: (text: string) => T): ListField<T> {
  const value = { type: ['string', 'integer'] };
  const schema = { oneOf: [value, { type: 'array', items: value, minItems: 1 }] };
  return { shape: 'list', read, ...base(about, about.takes, schema) };
}

/** `schema` describes the structure for editors. */
export function node(about: About & { takes: string }, schema: Record<string, unknown>): NodeField {
  return { shape: 'node', ...base(about, about.takes, schema) };
}

/** Known by name only to say where it belongs. */
export function misplaced(message: string): ScalarField<string> {
  const read = (): string => {
    throw new FieldError(message);
  };
  return {
    shape: 'scalar',
    read,
    refused: message,
    ...base({ default: 'none', help: message }, 'never', {}),
  };
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
