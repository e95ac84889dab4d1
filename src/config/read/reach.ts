/** Doubts about classes that no packet can reach. */
import type { ClassSpec, MatcherSpec } from '../../spec/spec.ts';
import type { Named } from '../yaml/reader.ts';
import type { ClassContext } from './context.ts';
import { areDisjoint, coversAll, ofTcp } from './overlap.ts';

/** Every value of a matcher is compared with every other. Longer lists of classes are not compared. */
const COMPARED_MAX = 2000;

/**
 * Warns of a class whose match never holds together with that of a class around it. `none` is meant to match
 * nothing.
 */
export function warnApart(parent: ClassContext, entry: Named, match: readonly MatcherSpec[]): void {
  if (match.length === 0) return;
  const outer = parent.within.find(
    (around) => isComparable([around.match, match]) && areDisjoint(around.match, match),
  );
  if (!outer) return;
  const message = `class ${entry.name} gets no packets: its match and that of ${outer.name} around it have none in common`;
  parent.reader.problems.warn(entry.offset, message);
}

/**
 * The first match wins: warns of classes all of whose packets go to classes before them. `children` ends with
 * `default`.
 */
export function warnUnreachable(
  { reader, within }: ClassContext,
  children: readonly { readonly entry: Named; readonly spec: ClassSpec }[],
): void {
  const around = within.at(-1)?.match ?? [{}];
  const matches = children.map(({ spec }) => spec.match ?? around);
  const isCompared = isComparable(matches);
  const takesAround = isCompared ? matches.map((match) => coversAll(match, around)) : [];
  const firstOpen = children.findIndex(({ spec }) => spec.match === null);
  for (const [i, { entry, spec: own }] of children.entries()) {
    if (own.match?.length === 0) continue;
    const taker = isCompared
      ? children.find(
          ({ spec }, k) =>
            k < i && (spec.match === null || takesAround[k] || coversAll(spec.match, matches[i]!)),
        )
      : children[firstOpen < i ? firstOpen : -1];
    if (taker) {
      const taken = `class ${entry.name} gets no packets: ${taker.entry.name}`;
      const isOpen = taker.spec.match === null;
      const message = isOpen ? `${taken} before it has no match` : `${taken} before it takes them all`;
      reader.problems.warn(entry.offset, message);
    } else if (isCompared && takesTogether(matches.slice(0, i), matches[i]!, around)) {
      reader.problems.warn(
        entry.offset,
        `class ${entry.name} gets no packets: those before it take them all`,
      );
    } else if (isCompared && own.pace && takesTcp(matches.slice(0, i), ofTcp(matches[i]!), ofTcp(around))) {
      const message = `tcp.pace: no TCP comes to class ${entry.name}: those before it take it all`;
      reader.problems.warn(entry.offset, message);
    }
  }
}

/** Whether several take what none of them takes alone, which must be several matchers then. */
function takesTogether(
  before: readonly (readonly MatcherSpec[])[],
  own: readonly MatcherSpec[],
  around: readonly MatcherSpec[],
): boolean {
  return [own, around].some((match) => match.length > 1 && coversAll(before.flat(), match));
}

/** Whether no TCP is left for a class. Matches that ask for other protocols are told of elsewhere. */
function takesTcp(
  before: readonly (readonly MatcherSpec[])[],
  own: readonly MatcherSpec[],
  around: readonly MatcherSpec[],
): boolean {
  const matches = [own, around];
  if (matches.some(({ length }) => length === 0)) return false;
  return matches.some((match) => coversAll(before.flat(), match));
}

function isComparable(matches: readonly (readonly MatcherSpec[])[]): boolean {
  let values = matches.length;
  for (const match of matches)
    for (const matcher of match) for (const list of Object.values(matcher)) values += list.length;
  return values <= COMPARED_MAX;
}
