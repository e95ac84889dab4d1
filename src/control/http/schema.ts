/**
 * The shape of a query, a body or an answer. One value checks requests and describes itself in OpenAPI. It is
 * smaller than a library for schemas, and its errors name the key, what was expected, and what came.
 */
import { nearest } from '../../base/nearest.ts';
import { ApiError } from '../api-error.ts';

/** A schema of JSON Schema 2020-12, which OpenAPI 3.1 uses. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Schema<T> {
  readonly json: JsonSchema;
  /** The beginning of "… is expected". */
  readonly expected: string;
  /** The key may be left out. */
  readonly isOptional?: boolean;
  /** A value of a query, which comes as text. Text that is none stays text, and check() refuses it. */
  readonly fromText?: (text: string) => unknown;
  /** Returns the value if it has this shape. `where` is its place in the request: `body.each.rate`. */
  check(value: unknown, where: string): T;
}

export type Optional<T> = Schema<T> & { readonly isOptional: true };

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalKey<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly isOptional: true } ? K : never;
}[keyof F];
type ValueOf<S> = S extends Schema<infer T> ? T : never;
export type ObjectOf<F extends Fields> = {
  readonly [K in Exclude<keyof F, OptionalKey<F>>]: ValueOf<F[K]>;
} & { readonly [K in OptionalKey<F>]?: ValueOf<F[K]> };

function refuse(where: string, expected: string, value: unknown): never {
  throw new ApiError(400, 'wrong-type', `${where}: ${expected} is expected, not ${shown(value)}`, where);
}

const SHOWN_CHARS_MAX = 60;

/** A value in a message. Lists and objects are not shown, because they may be long and deep. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > SHOWN_CHARS_MAX ? `${json.slice(0, SHOWN_CHARS_MAX)}…` : json;
}

export function text(description: string): Schema<string> {
  const expected = 'text';
  return {
    json: { type: 'string', description },
    expected,
    check: (value, where) => (typeof value === 'string' ? value : refuse(where, expected, value)),
  };
}

export function choice<const T extends string>(description: string, choices: readonly T[]): Schema<T> {
  const expected = `one of ${choices.join(', ')}`;
  return {
    json: { type: 'string', enum: choices, description },
    expected,
    check: (value, where) => choices.find((one) => one === value) ?? refuse(where, expected, value),
  };
}

function numeric(description: string, type: 'integer' | 'number', range: Range): Schema<number> {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = range;
  const noun = type === 'integer' ? 'an integer' : 'a number';
  const bounds = [
    ...(Number.isFinite(min) ? [`at least ${min}`] : []),
    ...(Number.isFinite(max) ? [`at most ${max}`] : []),
  ];
  const expected = [noun, ...(bounds.length > 0 ? [`of ${bounds.join(' and ')}`] : [])].join(' ');
  const isOne = type === 'integer' ? Number.isSafeInteger : Number.isFinite;
  return {
    json: {
      ...{ type, description },
      ...(Number.isFinite(min) && { minimum: min }),
      ...(Number.isFinite(max) && { maximum: max }),
    },
    expected,
    fromText: (written) => (/^-?\d+(?:\.\d+)?$/.test(written) ? Number(written) : written),
    check: (value, where) =>
      typeof value === 'number' && isOne(value) && value >= min && value <= max
        ? value
        : refuse(where, expected, value),
  };
}

interface Range {
  readonly min?: number;
  readonly max?: number;
}

export function integer(description: string, range: Range = {}): Schema<number> {
  return numeric(description, 'integer', range);
}

export function number(description: string, range: Range = {}): Schema<number> {
  return numeric(description, 'number', range);
}

export function boolean(description: string): Schema<boolean> {
  const expected = 'true or false';
  return {
    json: { type: 'boolean', description },
    expected,
    fromText: (written) => ({ true: true, false: false })[written] ?? written,
    check: (value, where) => (typeof value === 'boolean' ? value : refuse(where, expected, value)),
  };
}

export function list<T>(description: string, item: Schema<T>): Schema<readonly T[]> {
  const expected = 'a list';
  return {
    json: { type: 'array', items: item.json, description },
    expected,
    check: (value, where) =>
      Array.isArray(value)
        ? value.map((one: unknown, i) => item.check(one, `${where}[${i}]`))
        : refuse(where, expected, value),
  };
}

export function nullable<T>(schema: Schema<T>): Schema<T | null> {
  const expected = `${schema.expected} or null`;
  return {
    json: { anyOf: [schema.json, { type: 'null' }] },
    expected,
    check: (value, where) => (value === null ? null : schema.check(value, where)),
  };
}

export function optional<T>(schema: Schema<T>): Optional<T> {
  return { ...schema, isOptional: true };
}

export type AnyObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is AnyObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object whose keys the handler checks, for example a JSON Merge Patch. */
export function anyObject(description: string): Schema<AnyObject> {
  const expected = 'an object';
  return {
    json: { type: 'object', description },
    expected,
    check: (value, where) => (isObject(value) ? value : refuse(where, expected, value)),
  };
}

/** An object of these keys and no others. */
export function object<F extends Fields>(description: string, fields: F): Schema<ObjectOf<F>> {
  const expected = 'an object';
  const keys = Object.keys(fields);
  const required = keys.filter((key) => !fields[key]!.isOptional);
  return {
    json: {
      type: 'object',
      description,
      properties: Object.fromEntries(keys.map((key) => [key, fields[key]!.json])),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    },
    expected,
    check: (value, where) => {
      if (!isObject(value)) return refuse(where, expected, value);
      for (const key of Object.keys(value)) if (!Object.hasOwn(fields, key)) refuseKey(where, key, keys);
      const missing = required.find((key) => !Object.hasOwn(value, key));
      if (missing !== undefined) {
        const place = `${where}.${missing}`;
        const message = `${place} is missing: ${fields[missing]!.expected} is expected`;
        throw new ApiError(400, 'missing-key', message, place);
      }
      const checked = Object.keys(value).map((key) => [
        key,
        fields[key]!.check(value[key], `${where}.${key}`),
      ]);
      return Object.fromEntries(checked) as ObjectOf<F>;
    },
  };
}

function refuseKey(where: string, key: string, known: readonly string[]): never {
  const near = nearest(key, known);
  const hint =
    known.length === 0
      ? `${where} takes no keys here`
      : near?.isNear
        ? `did you mean '${near.word}'?`
        : `known here: ${known.join(', ')}`;
  const place = `${where}.${key.slice(0, SHOWN_CHARS_MAX)}`;
  throw new ApiError(400, 'unknown-key', `unknown key ${shown(key)} in ${where}`, place, hint);
}

/**
 * The values of a query by the fields of its schema. Each key comes at most once.
 */
export function checkQuery<T>(schema: Schema<T>, fields: Fields, params: URLSearchParams): T {
  const values: Record<string, unknown> = Object.create(null);
  for (const [key, written] of params) {
    const place = `query.${key.slice(0, SHOWN_CHARS_MAX)}`;
    if (Object.hasOwn(values, key)) throw new ApiError(400, 'twice', `${place} is given twice`, place);
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    values[key] = field?.fromText?.(written) ?? written;
  }
  return schema.check(values, 'query');
}
