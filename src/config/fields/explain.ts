/** Any key of the configuration in a few sentences, from the table of fields. */
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { exampleOf } from './examples.ts';
import type { Change, Section, UsableField } from './kinds.ts';
import { innerSection, SECTIONS } from './sections.ts';

export interface Explanation {
  /** Dotted below the class, direction, link or quota that it belongs to: `queue.aqm.red.max`. */
  readonly key: string;
  /** What has the key: `a class`, `a class or direction`, `a link`, `the file`, `a quota`. */
  readonly of: string;
  readonly help: string;
  readonly takes: string;
  readonly default: string;
  readonly change: Change;
  /** As in a file. */
  readonly example: string;
}

interface Known {
  readonly key: string;
  readonly of: string;
  readonly field: UsableField;
}

const OWNERS: readonly (readonly [of: string, section: Section])[] = [
  ['a class', SECTIONS.class],
  ['a direction', SECTIONS.direction],
  ['a link', SECTIONS.link],
  ['the file', SECTIONS.top],
  ['a quota', SECTIONS.quota],
];
/** Their sections are owners by themselves. */
const OWN_SECTIONS: readonly (Section | null)[] = OWNERS.map(([, section]) => section);

/** Every key that ends as asked: `max` is one of red, of wred and of its profiles. Throws OperatingError. */
export function explainKey(asked: string): Explanation[] {
  const known = allKeys();
  const found = known.filter(({ key }) => key === asked);
  const matching = found.length > 0 ? found : known.filter(({ key }) => key.endsWith(`.${asked}`));
  if (matching.length === 0) throw unknown(asked, known);
  return joined(matching).map(({ key, of, field }) => ({
    key,
    of,
    ...{ help: field.help, takes: field.takes, default: field.default, change: field.change },
    example: exampleOf(key, field),
  }));
}

/**
 * Whether a key of the file needs a restart, such as `nfqueue.first`, or one below which it stands, or one
 * that stands below it: `history`, when it is written for the first time.
 */
export function needsRestart(key: string): boolean {
  const known = keysOf(SECTIONS.top, 'the file', '');
  const isIn = (inner: string, outer: string): boolean => `${inner}.`.startsWith(`${outer}.`);
  return known.some((one) => one.field.change === 'restart' && (isIn(key, one.key) || isIn(one.key, key)));
}

function allKeys(): Known[] {
  return OWNERS.flatMap(([of, section]) => keysOf(section, of, ''));
}

function keysOf(section: Section, of: string, prefix: string): Known[] {
  return Object.entries(section).flatMap(([name, field]): Known[] => {
    if (field.shape === 'refused') return [];
    const key = `${prefix}${name}`;
    const inner = innerSection(field);
    const below = inner === null || OWN_SECTIONS.includes(inner) ? [] : keysOf(inner, of, `${key}.`);
    return [{ key, of, field }, ...below];
  });
}

/** A key that classes and directions have alike is told once. */
function joined(keys: readonly Known[]): Known[] {
  const told: Known[] = [];
  for (const one of keys) {
    const same = told.findIndex(({ key, field }) => key === one.key && field === one.field);
    if (same < 0) told.push(one);
    else told[same] = { ...told[same]!, of: `${told[same]!.of} or ${one.of.replace(/^a /, '')}` };
  }
  return told;
}

function unknown(asked: string, known: readonly Known[]): OperatingError {
  const advice = new Set<string>();
  for (const [name, section] of Object.entries(SECTIONS) as [string, Section][]) {
    const field = Object.hasOwn(section, asked) ? section[asked] : undefined;
    if (field?.shape === 'refused') advice.add(`in ${name === 'top' ? 'the file' : name}: ${field.message}`);
  }
  if (advice.size > 0) return new OperatingError(EXIT_USAGE, `${asked} is no key`, [...advice].join('; '));
  const depth = (key: string): number => key.split('.').length;
  const words = known.flatMap(({ key }) => [key, key.slice(key.lastIndexOf('.') + 1)]);
  const alike = words.filter((word) => depth(word) === depth(asked));
  const near = nearest(asked, alike.length > 0 ? alike : words);
  return new OperatingError(EXIT_USAGE, `unknown key '${asked}'`, `the nearest is ${near?.word}`);
}
