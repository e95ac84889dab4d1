/** The difference between what was written at a key before and after. */
import type { Section, UsableField } from '../fields/kinds.ts';
import { innerSection, SECTIONS } from '../fields/sections.ts';
import { isPatch, type MergePatch, type Value } from '../yaml/values.ts';
import { valueText } from './value-text.ts';

export interface KeyChange {
  /** Dotted below the class: `queue.aqm.red.max`. */
  readonly key: string;
  /** As in YAML; null if nothing is written. */
  readonly old: string | null;
  readonly new: string | null;
}

/** Maps without a value mean every default. Others mean something by being there. */
const EMPTY_BY_DEFAULT = [
  'queue',
  'tcp',
  'access',
  'local',
  'exempt',
  'hosts',
  'quotas',
  'modules',
  'nfqueue',
  'control',
  'log',
];

/** One change for each single value, as deep as maps were written before and after. */
export function keyChanges(
  key: string,
  section: Section,
  before: MergePatch = {},
  after: MergePatch = {},
): KeyChange[] {
  return changesAt([key], section, before[key] ?? null, after[key] ?? null);
}

function changesAt(keys: readonly string[], section: Section, before: Value, after: Value): KeyChange[] {
  const key = keys.at(-1)!;
  const field = section[key];
  if (field === undefined || field.shape === 'refused') return [];
  const [old, now] = [asMap(key, before), asMap(key, after)];
  if (key === 'quotas' && isPatch(old) && isPatch(now)) return quotaChanges(old, now);
  const inner = innerSection(field);
  const isDotted = inner !== null && isPatch(old) && isPatch(now) && !isOtherAlgorithm(key, old, now);
  if (isDotted) {
    return Object.keys({ ...old, ...now }).flatMap((name) =>
      changesAt([...keys, name], inner, old[name] ?? null, now[name] ?? null),
    );
  }
  if (means(field, before) === means(field, after)) return [];
  return [{ key: keys.join('.'), old: textOrNull(before), new: textOrNull(after) }];
}

/** A quota that came or went is one change. */
function quotaChanges(old: MergePatch, now: MergePatch): KeyChange[] {
  const { quota } = SECTIONS;
  return Object.keys({ ...old, ...now }).flatMap((name): KeyChange[] => {
    const [before, after] = [old[name] ?? null, now[name] ?? null];
    if (!isPatch(before) || !isPatch(after))
      return [{ key: `quotas.${name}`, old: textOrNull(before), new: textOrNull(after) }];
    return Object.keys({ ...before, ...after })
      .flatMap((key) => keyChanges(key, quota, before, after))
      .map((change) => ({ ...change, key: `quotas.${name}.${change.key}` }));
  });
}

/** `aqm: red` is short for `aqm: { red: {} }`, and `pace: true` for `pace: {}`. */
function asMap(key: string, value: Value): Value {
  if (value === null) return EMPTY_BY_DEFAULT.includes(key) ? {} : null;
  if (key === 'pace' && `${value}` === 'true') return {};
  return key === 'aqm' && typeof value === 'string' ? { [value]: {} } : value;
}

function isOtherAlgorithm(key: string, old: MergePatch, now: MergePatch): boolean {
  return key === 'aqm' && `${Object.keys(old)}` !== `${Object.keys(now)}`;
}

/** A text that is equal for texts that mean the same. A key that is not written means its default. */
function means(field: UsableField, value: Value): string {
  const written = value ?? (field.default === 'required' ? null : field.default);
  if (field.shape === 'node' || typeof written === 'object') return JSON.stringify(value);
  try {
    return JSON.stringify(field.read(`${written}`));
  } catch {
    return JSON.stringify(value);
  }
}

function textOrNull(value: Value): string | null {
  return value === null ? null : valueText(value);
}
