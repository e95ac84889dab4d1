/** Whether a value is the definition of a module: files may be written without types. */
import { nearest } from '../base/nearest.ts';
import { shortText } from '../base/short-text.ts';
import { parseTime, UnitError } from '../base/units.ts';
import type { ModuleDefinition, ModuleInstance, OptionType } from './api/module.ts';
import type { Hook } from './api/packet.ts';

/** A definition whose options are not known to the compiler. */
export type AnyModule = ModuleDefinition<Record<string, unknown>>;

export const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];
export const OPTION_TYPES: readonly OptionType[] = [
  ...(['integer', 'number', 'boolean', 'string', 'rate', 'duration', 'size', 'list'] as const),
];
export const BUDGET_NS = 20_000;

const LABEL = /^[A-Za-z][\w-]{0,63}$/;
const OPTION_NAME = /^[A-Za-z]\w{0,63}$/;

type Check = (value: unknown) => string | null;

/** What each key holds; null: it is right. */
const KEYS: Readonly<Record<keyof AnyModule, Check>> = {
  label: (value) =>
    typeof value === 'string' && LABEL.test(value)
      ? null
      : 'must be a name: a letter, then letters, digits, - and _, at most 64',
  about: (value) => (typeof value === 'string' ? null : 'must be a text of one line'),
  options: () => null,
  hooks: hooksFault,
  interest: (value) =>
    typeof value === 'function' || (typeof value === 'object' && value !== null)
      ? null
      : 'must be a matcher, a list of them, or a function of the options that returns one',
  payload: (value) => (typeof value === 'boolean' ? null : 'must be true or false'),
  budget: budgetFault,
  create: functionFault,
  kernel: functionFault,
};

const OPTION_KEYS = ['type', 'default', 'help', 'min', 'max', 'values'];

/** Nanoseconds that a packet may take, over a second. */
export function budgetNsOf({ budget }: AnyModule): number {
  return budget === undefined ? BUDGET_NS : parseTime(budget);
}

/** Every fault as a sentence; none: it is a definition. Defaults of options are read elsewhere. */
export function definitionFaults(value: unknown): string[] {
  if (value === undefined || value === null)
    return ['it has no default export; write: export default defineModule({ … })'];
  if (typeof value !== 'object')
    return [`its default export is a ${typeof value}; write: export default defineModule({ … })`];
  const written = value as Record<string, unknown>;
  const faults = Object.entries(written).flatMap(([key, inner]) => {
    if (!Object.hasOwn(KEYS, key)) return [unknownKey(key, Object.keys(KEYS), 'a module')];
    const fault = inner === undefined ? null : KEYS[key as keyof AnyModule](inner);
    return fault === null ? [] : [`${key} ${fault}`];
  });
  for (const key of ['label', 'hooks'] as const)
    if (written[key] === undefined) faults.push(`${key} is missing: it ${KEYS[key](undefined)}`);
  if (written.create === undefined && written.kernel === undefined)
    faults.push('it does nothing: write create(itm, options), kernel(options), or both');
  return [...faults, ...optionFaults(written.options)];
}

const FUNCTIONS: readonly (keyof ModuleInstance)[] = [
  ...(['classify', 'log', 'process', 'updateClass', 'updateController', 'onQuota', 'stop'] as const),
];

/** Why what create() has returned is no module that can run, as the end of a sentence; null: it is one. */
export function instanceFault(value: unknown): string | null {
  if (value instanceof Promise)
    return 'returns a promise: nobody waits for it; return the functions at once, and begin other work in them';
  if (typeof value !== 'object' || value === null)
    return 'returns no object of functions such as { process(p) { … } }';
  const wrong = FUNCTIONS.flatMap((name) => {
    const one: unknown = (value as ModuleInstance)[name];
    return one === undefined || typeof one === 'function' ? [] : [`${name}: ${shortText(one)}`];
  });
  return wrong.length === 0 ? null : `returns ${wrong.join(', ')}: a function is expected`;
}

function hooksFault(value: unknown): string | null {
  const hooks: readonly unknown[] = Array.isArray(value) ? value : [];
  const isGood = hooks.length > 0 && hooks.every((hook) => HOOKS.includes(hook as Hook));
  if (!isGood) return `must be a list of one or more of: ${HOOKS.join(', ')}`;
  return new Set(hooks).size === hooks.length ? null : 'names a hook twice';
}

function budgetFault(value: unknown): string | null {
  try {
    if (typeof value === 'string' && parseTime(value) > 0) return null;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
  }
  return "must be a time, as '20us'";
}

function functionFault(value: unknown): string | null {
  return typeof value === 'function' ? null : 'must be a function';
}

function optionFaults(options: unknown): string[] {
  if (options === undefined) return [];
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    return ['options must be an object: its keys are names, its values say { type, default, help }'];
  return Object.entries(options).flatMap(([name, option]) => {
    const at = `options.${name}`;
    if (!OPTION_NAME.test(name)) return [`${at} is no name: a letter, then letters, digits and _`];
    if (typeof option !== 'object' || option === null) return [`${at} must be { type, default, help }`];
    return optionFault(option as Record<string, unknown>).map((fault) => `${at}: ${fault}`);
  });
}

function optionFault(option: Record<string, unknown>): string[] {
  const { type, help, min, max, values } = option;
  const faults = Object.keys(option)
    .filter((key) => !OPTION_KEYS.includes(key))
    .map((key) => unknownKey(key, OPTION_KEYS, 'an option'));
  if (!OPTION_TYPES.includes(type as OptionType))
    faults.push(`type must be one of: ${OPTION_TYPES.join(', ')}`);
  if (typeof help !== 'string' || help === '') faults.push('help is missing: one line for people');
  for (const [key, bound] of Object.entries({ min, max }))
    if (bound !== undefined && (typeof bound !== 'number' || Number.isNaN(bound)))
      faults.push(`${key} must be a number, in the unit that create() gets`);
  const isTexts =
    Array.isArray(values) && values.length > 0 && values.every((one) => typeof one === 'string');
  if (values !== undefined && !isTexts) faults.push('values must be a list of texts');
  return faults;
}

function unknownKey(key: string, known: readonly string[], what: string): string {
  const near = nearest(key, known);
  const advice = near?.isNear ? `did you mean '${near.word}'?` : `known: ${known.join(', ')}`;
  return `unknown key '${key}' in ${what}; ${advice}`;
}
