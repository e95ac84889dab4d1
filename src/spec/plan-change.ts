/**
 * From one queue plan to the next while packets wait and are on their way.
 *
 * A verdict names a code point by its place in the plan, and rules read it. So a code point keeps its place,
 * and the place of one that no class asks for any more is given away only if all others are taken.
 */
import { MARK_DSCPS_MAX } from './mark-codes.ts';
import { nfqueuesInBridges, type QueuePlan } from './queue-plan.ts';

/**
 * The places of the code points that classes ask for from now on. `asked` are those that classes have asked
 * for until now. null if there are not enough places for both.
 */
export function keepPlaces(
  places: readonly number[],
  asked: readonly number[],
  wanted: readonly number[],
): readonly number[] | null {
  const kept = [...places];
  const inUse = new Set([...asked, ...wanted]);
  for (const point of wanted) {
    if (kept.includes(point)) continue;
    const free = kept.findIndex((other) => !inUse.has(other));
    if (kept.length < MARK_DSCPS_MAX) kept.push(point);
    else if (free >= 0) kept[free] = point;
    else return null;
  }
  return kept;
}

/**
 * The plan before, with the NFQUEUEs of both: what the core goes by while packets of either may come. Call it
 * for plans of which keepsMeanings() is true.
 */
export function withNfqueuesOf(before: QueuePlan, { gso, copyBytes, moduleNfqueue }: QueuePlan): QueuePlan {
  const from = before.gso.length;
  return {
    ...before,
    gso: [...before.gso, ...gso.slice(from)],
    copyBytes: [...before.copyBytes, ...copyBytes.slice(from)],
    moduleNfqueue: before.moduleNfqueue ?? moduleNfqueue,
  };
}

/**
 * Whether no NFQUEUE of one plan brings packets to modules that has others by the other plan. Its packets
 * that are on their way would be taken for what they are not.
 */
export function keepsMeanings(before: QueuePlan, now: QueuePlan): boolean {
  const isKept = (one: QueuePlan, other: QueuePlan): boolean =>
    one.moduleNfqueue === null ||
    one.moduleNfqueue === other.moduleNfqueue ||
    one.moduleNfqueue >= other.gso.length;
  return isKept(before, now) && isKept(now, before);
}

/**
 * Which NFQUEUEs ask for superpackets while rules of either plan are in force: those that may under both, and
 * those that must under one.
 */
export function gsoOfBoth(before: QueuePlan, now: QueuePlan): readonly boolean[] {
  const both = withNfqueuesOf(before, now);
  const must = new Set([before, now].flatMap(nfqueuesInBridges));
  return both.gso.map((gso, nfqueue) => must.has(nfqueue) || (gso && now.gso[nfqueue] !== false));
}
