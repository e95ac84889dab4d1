/** A machine at the other end: the paths to it, what probes say of them, and which one is in use. */
import { PathChoice, PathProbes } from '../../algo/overlay/choose.ts';
import { NONE } from '../../base/none.ts';
import type { RouteSettings } from './settings.ts';

/** Path 0 goes without any neighbour. */
export const DIRECT = 0;

/** Probes that wait for an answer, per path. */
const WAITING = 8;
/** Three of them, and a round trip, fit a period: so long does a change of the delay take. */
const PROBES_PER_PERIOD = 5;
const WORD = 0x1_0000_0000;

interface Waiting {
  last: number;
  readonly sequence: Uint32Array;
  readonly nonceHigh: Uint32Array;
  readonly nonceLow: Uint32Array;
  /** 0: nothing waits there. */
  readonly sentNs: Float64Array;
}

/** What a question carries. */
export interface Question {
  readonly sequence: number;
  readonly nonceHigh: number;
  readonly nonceLow: number;
}

export class FarEnd {
  readonly address: number;
  /** The path in use; NONE if no probe has come back lately. */
  path = NONE;
  private readonly settings: RouteSettings;
  private readonly choice: PathChoice;
  private readonly probes: readonly PathProbes[];
  private readonly waiting: readonly Waiting[];

  constructor(address: number, settings: RouteSettings) {
    const paths = settings.neighbours.length + 1;
    this.address = address;
    this.settings = settings;
    this.choice = new PathChoice(paths, settings);
    this.probes = Array.from({ length: paths }, () => new PathProbes());
    this.waiting = Array.from({ length: paths }, () => ({
      last: 0,
      sequence: new Uint32Array(WAITING),
      nonceHigh: new Uint32Array(WAITING),
      nonceLow: new Uint32Array(WAITING),
      sentNs: new Float64Array(WAITING),
    }));
  }

  /** The paths that are to be asked now. `ask` sends one question; `random` gives 0 .. 1. */
  ask(random: () => number, nowNs: number, ask: (path: number, question: Question) => void): void {
    const { periodNs } = this.settings;
    this.probes.forEach((probes, path) => {
      if (!probes.isDue(nowNs)) return;
      probes.sent(periodNs / PROBES_PER_PERIOD, periodNs, nowNs);
      if (probes.isDead) this.choice.lost(path);
      ask(path, this.question(path, random, nowNs));
    });
  }

  private question(path: number, random: () => number, nowNs: number): Question {
    const waiting = this.waiting[path]!;
    waiting.last = (waiting.last + 1) >>> 0;
    const sequence = waiting.last;
    const nonceHigh = Math.floor(random() * WORD);
    const nonceLow = Math.floor(random() * WORD);
    const at = sequence % WAITING;
    waiting.sequence[at] = sequence;
    waiting.nonceHigh[at] = nonceHigh;
    waiting.nonceLow[at] = nonceLow;
    waiting.sentNs[at] = nowNs;
    return { sequence, nonceHigh, nonceLow };
  }

  /** An answer from this end. false: nobody has asked so. */
  answered(path: number, answer: Question, nowNs: number): boolean {
    const waiting = this.waiting[path];
    if (waiting === undefined) return false;
    const at = answer.sequence % WAITING;
    const isOurs =
      waiting.sentNs[at] > 0 &&
      waiting.sequence[at] === answer.sequence &&
      waiting.nonceHigh[at] === answer.nonceHigh &&
      waiting.nonceLow[at] === answer.nonceLow;
    if (!isOurs) return false;
    const rttNs = nowNs - waiting.sentNs[at];
    waiting.sentNs[at] = 0;
    this.choice.told(path, this.probes[path]!.answered(rttNs, nowNs), nowNs);
    return true;
  }

  /** Chooses again. Returns whether the path is another one now. */
  choose(nowNs: number): boolean {
    const before = this.path;
    this.path = this.choice.now(nowNs);
    return this.path !== before;
  }

  /** Round trips of the known paths, in ns; NaN: the path is not known. */
  rttsNs(nowNs: number): number[] {
    return this.probes.map((_, path) =>
      this.choice.isKnown(path, nowNs) ? this.choice.rttOf(path) : Number.NaN,
    );
  }
}
