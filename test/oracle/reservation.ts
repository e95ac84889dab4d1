/**
 * Ceilings that move, from a list of all that was sent: the slow twin of src/core/tree/moving-ceils.ts. It
 * goes through the ticks of 100 ms from the first to the last, and keeps nothing but who had all of its
 * ceiling reserved.
 */
export interface ReservingClass {
  readonly name: string;
  readonly parent?: string;
  readonly rate: number;
  readonly ceil: number;
  readonly hasOwnCeil: boolean;
  readonly adjust: boolean;
}

export interface Sent {
  readonly timeNs: number;
  /** Its leaf. */
  readonly name: string;
  readonly bytes: number;
}

const TICK_NS = 100e6;

/** The ceilings at the beginning of each tick up to that of `untilNs`, by name. */
export function ceilsByTick(
  classes: readonly ReservingClass[],
  sent: readonly Sent[],
  untilNs: number,
): Map<string, number>[] {
  const kept = new Set<string>();
  const ticks: Map<string, number>[] = [];
  const isInside = (name: string, around: string): boolean =>
    name === around || name.startsWith(`${around}/`);
  for (let tick = 0; tick * TICK_NS <= untilNs; tick++) {
    const recent = sent.filter(({ timeNs }) => {
      const at = Math.floor(timeNs / TICK_NS);
      return at >= tick - 10 && at < tick;
    });
    const usedBy = (around: string): number =>
      recent.reduce((sum, { name, bytes }) => sum + (isInside(name, around) ? bytes : 0), 0);
    const now = new Map<string, number>();
    /** The same, none above that of the class around it. */
    const bounds = new Map<string, number>();
    const moving = new Set<string>();
    for (const { name, parent = '', rate, ceil, adjust } of classes) {
      const around = bounds.get(parent) ?? Number.POSITIVE_INFINITY;
      const whole = Math.min(ceil, around);
      if (adjust || moving.has(parent)) moving.add(name);
      if (!adjust) {
        now.set(name, moving.has(name) ? whole : ceil);
        bounds.set(name, whole);
        continue;
      }
      let left = whole;
      for (const other of classes.filter((one) => (one.parent ?? '') === parent && one.name !== name)) {
        const limit = Math.min(other.ceil, around);
        const used = usedBy(other.name);
        const threshold = kept.has(other.name) ? (3 * limit) / 8 : limit / 2;
        const keeps = other.hasOwnCeil && used > threshold;
        if (keeps) kept.add(other.name);
        else kept.delete(other.name);
        left -= keeps ? limit : used;
      }
      left = Math.max(left, Math.min(whole, Math.max(rate, whole / 50, 2000)));
      now.set(name, left);
      bounds.set(name, left);
    }
    ticks.push(now);
  }
  return ticks;
}
