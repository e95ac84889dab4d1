/** Options of modules: from what users write to the values that create() gets, and back. */
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import {
  formatBytes,
  formatRate,
  formatTime,
  parseBytes,
  parseRate,
  parseTime,
  UnitError,
} from '../../base/units.ts';
import type { OptionSpec, OptionType } from '../../modules/api/module.ts';
import type { AnyModule } from '../../modules/definition.ts';
import { FieldError } from '../fields/kinds.ts';
import { wholeNumber } from '../fields/quantities.ts';

export type OptionValue = number | boolean | string | readonly string[];

export interface OptionProblem {
  /** null: of the module itself. */
  readonly option: string | null;
  readonly message: string;
}

/** Has every problem of the options. */
export class OptionsError extends OperatingError {
  override readonly name = 'OptionsError';
  readonly problems: readonly OptionProblem[];

  constructor(label: string, problems: readonly OptionProblem[]) {
    super(EXIT_USAGE, problems.map(({ message }) => `${label}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

/** An option for people. */
export interface OptionReport {
  readonly name: string;
  readonly type: OptionType;
  /** Both as users write them. `default` is null if the option must be given. */
  readonly value: string;
  readonly default: string | null;
  readonly help: string;
}

/**
 * Values of all options, in the units of the API. `given` are single values, as text, number or boolean, and
 * lists; of a list a text may have the items with commas between them.
 * @throws OptionsError
 */
export function readOptions(
  { label, options = {} }: AnyModule,
  given: Readonly<Record<string, unknown>>,
): Record<string, OptionValue> {
  const problems: OptionProblem[] = [];
  const values: Record<string, OptionValue> = {};
  const names = Object.keys(options);
  for (const option of Object.keys(given))
    if (!Object.hasOwn(options, option))
      problems.push({ option, message: unknownOption(option, names, label) });
  for (const [name, spec] of Object.entries(options)) {
    const isGiven = Object.hasOwn(given, name);
    if (!isGiven && spec.default === undefined) {
      problems.push({ option: null, message: `option ${name} must be given: ${spec.help}` });
      continue;
    }
    const read = readOption(spec, isGiven ? given[name] : spec.default);
    if (read.fault === null) values[name] = read.value;
    else if (isGiven) problems.push({ option: name, message: `${name}: ${read.fault}` });
    else problems.push({ option: null, message: `the default of option ${name} is wrong: ${read.fault}` });
  }
  if (problems.length > 0) throw new OptionsError(label, problems);
  return values;
}

/** `values` are those of readOptions. */
export function reportOptions(
  { options = {} }: AnyModule,
  values: Readonly<Record<string, OptionValue>>,
): OptionReport[] {
  return Object.entries(options).map(([name, spec]) => ({
    name,
    type: spec.type,
    value: writeOption(spec.type, values[name]!),
    default: spec.default === undefined ? null : String(spec.default),
    help: spec.help,
  }));
}

function unknownOption(option: string, names: readonly string[], label: string): string {
  if (names.length === 0) return `unknown option '${option}': ${label} has none`;
  const near = nearest(option, names);
  const advice = near?.isNear ? `did you mean '${near.word}'?` : `it has: ${names.join(', ')}`;
  return `unknown option '${option}' of ${label}; ${advice}`;
}

type Read = { readonly value: OptionValue; readonly fault: null } | { readonly fault: string };

function readOption(spec: OptionSpec, given: unknown): Read {
  try {
    if (spec.type === 'list') return { value: readList(spec, given), fault: null };
    if (Array.isArray(given) || (typeof given === 'object' && given !== null))
      return { fault: `takes one ${NOUN[spec.type]}` };
    if (given === null || given === undefined) return { fault: `has no value; it takes ${NOUN[spec.type]}` };
    return { value: readSingle(spec, String(given)), fault: null };
  } catch (error) {
    if (error instanceof FieldError || error instanceof UnitError) return { fault: error.message };
    throw error;
  }
}

const NOUN: Readonly<Record<OptionType, string>> = {
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  string: 'text',
  rate: 'rate',
  duration: 'time',
  size: 'size',
  list: 'list',
};

function readList(spec: OptionSpec, given: unknown): string[] {
  const items = Array.isArray(given) ? given : String(given ?? '').split(',');
  const texts = items.map((item) => {
    if (typeof item === 'object') throw new FieldError('takes a list of texts');
    return String(item).trim();
  });
  // No text at all is a list without items.
  const filled = texts.length === 1 && texts[0] === '' ? [] : texts;
  for (const text of filled) checkChoice(spec, text);
  checkBounds(spec, filled.length, (bound) => `${bound} items`);
  return filled;
}

function readSingle(spec: OptionSpec, text: string): OptionValue {
  switch (spec.type) {
    case 'integer':
      return checkBounds(spec, readInteger(text), String);
    case 'number':
      return checkBounds(spec, readNumber(text), String);
    case 'rate':
      return checkBounds(spec, parseRate(text), formatRate);
    case 'duration':
      return checkBounds(spec, parseTime(text), formatTime);
    case 'size':
      return checkBounds(spec, parseBytes(text), formatBytes);
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw new FieldError(`'${text}' is neither true nor false`);
      return text === 'true';
    default:
      checkChoice(spec, text);
      return text;
  }
}

function readInteger(text: string): number {
  const value = wholeNumber(text);
  if (value === null || !Number.isSafeInteger(value)) throw new FieldError(`'${text}' is not a whole number`);
  return value;
}

const DECIMAL = /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

function readNumber(text: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new FieldError(`'${text}' is not a number`);
  return value;
}

function checkBounds({ min, max }: OptionSpec, value: number, write: (bound: number) => string): number {
  if (min !== undefined && value < min) throw new FieldError(`is less than ${write(min)}, the least`);
  if (max !== undefined && value > max) throw new FieldError(`is more than ${write(max)}, the most`);
  return value;
}

function checkChoice({ values }: OptionSpec, text: string): void {
  if (values !== undefined && !values.includes(text))
    throw new FieldError(`'${text}' is not one of: ${values.join(', ')}`);
}

function writeOption(type: OptionType, value: OptionValue): string {
  if (typeof value === 'number') {
    if (type === 'rate') return formatRate(value);
    if (type === 'duration') return formatTime(value);
    if (type === 'size') return formatBytes(value);
  }
  return String(value);
}
