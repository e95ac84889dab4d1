/**
 * Spans of time in which a count grows: a class drops packets, a table is full. They begin at once and end
 * when the count has stood still for a while. Something that begins again soon after its end needs twice the
 * quiet the next time, so that what comes and goes is not told again and again.
 */

const QUIET_NS = 10e9;
const QUIET_NS_MAX = 160e9;
/** Whatever begins so soon after its end flaps. */
const SOON_NS = 60e9;

interface Counter {
  count: number;
  /** Of the growth at the last look. */
  grewNs: number;
  /** What it was before the span began; NaN outside of one. */
  countBefore: number;
  beganNs: number;
  endedNs: number;
  quietNs: number;
}

/** What has happened to a count. */
export type Turn =
  | { readonly isBeginning: true; readonly grownBy: number }
  /** By how much the count grew in the whole span, and how long that lasted. */
  | { readonly isBeginning: false; readonly grownBy: number; readonly seconds: number };

export class Episodes {
  private counters = new Map<string, Counter>();

  /**
   * Looks at all counts, by name. A name that is new begins with its count of now. A name that is missing is
   * forgotten.
   */
  look(counts: ReadonlyMap<string, number>, nowNs: number): Map<string, Turn> {
    const turns = new Map<string, Turn>();
    const kept = new Map<string, Counter>();
    for (const [name, count] of counts) {
      const counter = this.counters.get(name) ?? fresh(count);
      kept.set(name, counter);
      const turn = advance(counter, count, nowNs);
      if (turn !== null) turns.set(name, turn);
    }
    this.counters = kept;
    return turns;
  }
}

function fresh(count: number): Counter {
  const never = Number.NEGATIVE_INFINITY;
  return {
    ...{ count, grewNs: never, countBefore: Number.NaN, beganNs: never, endedNs: never },
    quietNs: QUIET_NS,
  };
}

function advance(counter: Counter, count: number, nowNs: number): Turn | null {
  const before = counter.count;
  counter.count = count;
  const isOpen = !Number.isNaN(counter.countBefore);
  if (count > before) {
    counter.grewNs = nowNs;
    if (isOpen) return null;
    const isSoon = nowNs - counter.endedNs < SOON_NS;
    counter.quietNs = isSoon ? Math.min(2 * counter.quietNs, QUIET_NS_MAX) : QUIET_NS;
    counter.countBefore = before;
    counter.beganNs = nowNs;
    return { isBeginning: true, grownBy: count - before };
  }
  if (!isOpen || nowNs - counter.grewNs < counter.quietNs) return null;
  const turn: Turn = {
    isBeginning: false,
    grownBy: Math.max(0, count - counter.countBefore),
    seconds: Math.round((counter.grewNs - counter.beganNs) / 1e9),
  };
  counter.countBefore = Number.NaN;
  counter.endedNs = nowNs;
  return turn;
}
