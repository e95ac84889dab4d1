/** A module as the stage keeps it: what it is, what is counted of it, and its timers. */
import { FLOAT_ZERO } from '../../base/float.ts';
import type { HashKeys } from '../../base/hash.ts';
import { Prng } from '../../base/prng.ts';
import { shortText } from '../../base/short-text.ts';
import { MODULE_BUDGET_PACKETS } from '../../limits.ts';
import type { Interest } from './interests.ts';
import { HOOKS } from './packet-view.ts';
import type { ModuleCounters, ModuleState, RunnableModule } from './runnable.ts';

const BUDGET_WINDOW_NS = 1e9;

interface Timer {
  readonly everyNs: number;
  readonly run: () => void;
  dueNs: number;
  isOff: boolean;
}

/** One life of a module, from before create() to after stop(): what its `itm` belongs to. */
export class Session {
  readonly name: string;
  readonly prng: Prng;
  /** null while the module is being created, and for good if it has never been on. */
  record: ModuleRecord | null = null;
  /** The module has gone: nothing that it calls has an effect. */
  isOver = false;
  private timers: Timer[] = [];

  constructor(name: string, [low, high]: HashKeys) {
    this.name = name;
    // 53 bits are whole numbers of a double.
    this.prng = new Prng((low >>> 0) + (high >>> 11) * 0x100000000);
  }

  /** @throws TypeError or RangeError unless `ms` is a number greater than 0, and `run` a function */
  every(ms: number, run: () => void, nowNs: number): () => void {
    if (typeof ms !== 'number') throw new TypeError(`every(): ${shortText(ms)} is no number of milliseconds`);
    if (!(ms > 0) || !Number.isFinite(ms)) throw new RangeError(`every(${ms}): the time must be above 0 ms`);
    if (typeof run !== 'function')
      throw new TypeError(`every(${ms}, …): ${shortText(run)} is no function to call`);
    const everyNs = Math.max(1, Math.round(ms * 1e6));
    const timer = { everyNs, run, dueNs: nowNs + everyNs, isOff: false };
    this.timers.push(timer);
    return () => {
      timer.isOff = true;
    };
  }

  /** The module begins: its timers count from now on. */
  begin(nowNs: number): void {
    for (const timer of this.timers) timer.dueNs = nowNs + timer.everyNs;
  }

  end(): void {
    this.isOver = true;
    this.timers = [];
  }

  nextDueNs(): number {
    let dueNs = Number.POSITIVE_INFINITY;
    for (const timer of this.timers) if (!timer.isOff) dueNs = Math.min(dueNs, timer.dueNs);
    return dueNs;
  }

  /** Takes a timer that is due, for which the next time is noted; null if there is none. */
  takeDue(nowNs: number): (() => void) | null {
    if (this.timers.some(({ isOff }) => isOff)) this.timers = this.timers.filter(({ isOff }) => !isOff);
    for (const timer of this.timers) {
      if (timer.dueNs > nowNs) continue;
      timer.dueNs += timer.everyNs * (Math.floor((nowNs - timer.dueNs) / timer.everyNs) + 1);
      return timer.run;
    }
    return null;
  }
}

export class ModuleRecord {
  /** Of no other module, ever. */
  readonly number: number;
  /** By which the guard knows whose code runs. */
  readonly owner: number;
  readonly session: Session;
  spec: RunnableModule;
  interest: Interest | null;
  /** Bit h: it meets packets at hook h (NF_INET_*). */
  hookBits = 0;
  state: ModuleState = 'on';
  reason: string | null = null;
  packets = 0;
  dropped = 0;
  stolen = 0;
  errors = 0;
  /** Of processor time, in all. */
  takenNs = FLOAT_ZERO;
  /** Of processor time, in the present run of the guard. */
  runNs = FLOAT_ZERO;
  private windowNs = FLOAT_ZERO;
  private windowPackets = 0;
  private windowTakenNs = FLOAT_ZERO;

  constructor(
    number: number,
    owner: number,
    session: Session,
    spec: RunnableModule,
    interest: Interest | null,
  ) {
    this.number = number;
    this.owner = owner;
    this.session = session;
    this.spec = spec;
    this.interest = interest;
    this.meet(spec);
  }

  /** Goes on under another specification. */
  become(spec: RunnableModule, interest: Interest | null): void {
    this.spec = spec;
    this.interest = interest;
    this.meet(spec);
  }

  /** It has taken so much processor time. */
  took(ns: number): void {
    this.takenNs += ns;
    this.runNs += ns;
  }

  /** Ends a window of a second. Returns what is wrong with the mean of it; null if nothing is. */
  judge(nowNs: number): string | null {
    if (nowNs - this.windowNs < BUDGET_WINDOW_NS) return null;
    const packets = this.packets - this.windowPackets;
    const meanNs = packets > 0 ? (this.takenNs - this.windowTakenNs) / packets : 0;
    this.windowNs = nowNs;
    this.windowPackets = this.packets;
    this.windowTakenNs = this.takenNs;
    const { budgetNs } = this.spec;
    if (packets < MODULE_BUDGET_PACKETS || meanNs <= budgetNs) return null;
    return `it took ${microseconds(meanNs)} us a packet over a second; its budget is ${microseconds(budgetNs)} us`;
  }

  counters(held: number): ModuleCounters {
    const { packets, dropped, stolen, errors, state, reason } = this;
    const nanosecondsPerPacket = packets > 0 ? this.takenNs / packets : 0;
    return {
      name: this.spec.name,
      packets,
      dropped,
      stolen,
      held,
      errors,
      nanosecondsPerPacket,
      state,
      reason,
    };
  }

  private meet({ hooks }: RunnableModule): void {
    this.hookBits = 0;
    for (const hook of hooks) this.hookBits |= 1 << HOOKS.indexOf(hook);
  }
}

function microseconds(ns: number): string {
  return (ns / 1e3).toFixed(1);
}
