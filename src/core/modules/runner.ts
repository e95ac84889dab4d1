/**
 * Runs code of modules over the line of packets: timers first, then one module after the other over all
 * packets that it meets. So two readings of the clock serve a module and a batch, and one call of the guard
 * serves a batch.
 *
 *   guard.run( timers of all  >  packets of module 1  >  packets of module 2 ... )
 *     ends early   where packets were answered: they go to their places before the next module
 *     throws       the module is taken out; the next one goes on
 *     is ended     after 100 ms: the module that has taken most of them is taken out; the others go on
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { NONE } from '../../base/none.ts';
import { shortText, thrownText } from '../../base/short-text.ts';
import { ACCEPT, DROP, STOLEN } from '../../modules/api/module.ts';
import type { ModuleGuard } from './guard.ts';
import type { Holds } from './holds.ts';
import { ACCEPTED, NEW } from './holds.ts';
import type { Interests } from './interests.ts';
import type { Line } from './line.ts';
import type { PacketView } from './packet-view.ts';
import type { ModuleRecord } from './record.ts';
import { GOES_ON, IS_DROPPED, IS_HELD, type Rows } from './rows.ts';

/** Stack frames of those who call modules. */
const OURS = /\/(core|live|io)\/modules\//;

/** The guard ends a run of 100 ms of processor time, or one that waits. */
const WAITED_NS_MAX = 50e6;

const TIMERS = 0;
const PACKETS = 1;

export interface RunnerParts {
  readonly guard: ModuleGuard;
  readonly line: Line;
  readonly holds: Holds;
  readonly view: PacketView;
  readonly interests: Interests;
  /** Takes a module out. */
  readonly eject: (record: ModuleRecord, reason: string) => void;
  /** Place of a module among all. */
  readonly indexOf: (owner: number) => number;
}

export class Runner {
  private readonly parts: RunnerParts;
  private readonly owner: Uint32Array;
  private modules: readonly ModuleRecord[] = [];
  private nowNs = FLOAT_ZERO;
  private phase = TIMERS;
  /** The module whose turn it is, and the place in the line of its packet. */
  private turn = 0;
  private at = 0;
  /** 1 once the packet has its verdict. */
  private isDecided = 0;
  /** Hold of the packet that process() is looking at. */
  private held: number = NONE;
  private isProcessing = false;
  private failure: unknown = null;
  private hasFailed = false;
  private clockNs = FLOAT_ZERO;

  constructor(parts: RunnerParts) {
    this.parts = parts;
    this.owner = parts.guard.owner;
  }

  /** Where in the line an answer takes effect that is given now. */
  get position(): number {
    return this.phase === TIMERS ? 0 : this.at + this.isDecided;
  }

  /** Runs all that is due. */
  run(modules: readonly ModuleRecord[], nowNs: number): void {
    const { guard, holds, line, indexOf } = this.parts;
    this.modules = modules;
    this.nowNs = nowNs;
    this.phase = TIMERS;
    this.turn = 0;
    while (this.phase === TIMERS || this.turn < modules.length) {
      this.hasFailed = false;
      this.clockNs = guard.cpuNs();
      for (const record of modules) record.runNs = 0;
      if (!guard.run(this.step)) this.wasEnded();
      else if (this.hasFailed) this.threw(this.failure);
      if (holds.hasAnswers) line.merge(indexOf, nowNs);
      if (this.phase === PACKETS && this.turn < modules.length && line.count === 0) break;
    }
    this.phase = TIMERS;
    this.at = 0;
  }

  /** hold() of the packet in row `p`. */
  hold(rows: Rows, p: number): number {
    if (!this.isProcessing) throw new Error('hold() is for process(): no packet is being decided about');
    if (this.held !== NONE) return this.held;
    const { holds, line } = this.parts;
    const { number } = this.modules[this.turn];
    this.held = holds.hold(number, rows, p, line.entries[this.at], this.nowNs);
    return this.held;
  }

  /** What a setter could not do. */
  refused(): void {
    const record = this.modules[this.turn];
    if (record !== undefined) record.errors += 1;
  }

  /**
   * One run of the guard: goes on where the last one ended, until packets were answered or a module throws.
   */
  private readonly step = (): void => {
    const { holds } = this.parts;
    const { modules } = this;
    for (; this.phase === TIMERS; this.turn++) {
      if (this.turn === modules.length) {
        this.phase = PACKETS;
        this.turn = 0;
        this.at = 0;
        this.isDecided = 0;
        if (holds.hasAnswers) return;
        break;
      }
      if (!this.ringTimers(modules[this.turn])) return;
    }
    for (; this.turn < modules.length; this.turn++, this.at = 0, this.isDecided = 0) {
      const record = modules[this.turn];
      if (record.state !== 'on') continue;
      if (!this.pass(record)) return;
      if (holds.hasAnswers) {
        this.turn++;
        this.at = 0;
        this.isDecided = 0;
        return;
      }
    }
  };

  /** Returns false if a timer has thrown. */
  private ringTimers(record: ModuleRecord): boolean {
    if (record.state !== 'on' || record.session.nextDueNs() > this.nowNs) return true;
    this.owner[0] = record.owner;
    try {
      for (
        let due = record.session.takeDue(this.nowNs);
        due !== null;
        due = record.session.takeDue(this.nowNs)
      )
        due();
    } catch (error) {
      this.fails(error);
    }
    this.clock(record);
    return !this.hasFailed;
  }

  /** Returns false if the module has thrown. */
  private pass(record: ModuleRecord): boolean {
    this.owner[0] = record.owner;
    try {
      this.passAll(record);
    } catch (error) {
      this.fails(error);
    }
    this.isProcessing = false;
    this.clock(record);
    return !this.hasFailed;
  }

  private passAll(record: ModuleRecord): void {
    const { line, view, interests } = this.parts;
    const { turn, nowNs } = this;
    const { entries, count } = line;
    const { interest, hookBits } = record;
    const { instance, payload } = record.spec;
    for (; this.at < count; this.at++) {
      const entry = entries[this.at];
      const rows = line.rowsOf(entry);
      const p = line.rowOf(entry);
      if (rows.decision[p] !== GOES_ON || rows.from[p] > turn) continue;
      if (((hookBits >> rows.arrivals.hook[p]) & 1) === 0) continue;
      if (interest !== null && !interests.takes(interest, rows, p, nowNs)) continue;
      view.show(rows, p, payload);
      record.packets += 1;
      this.isDecided = 0;
      this.held = NONE;
      const cls = instance.classify === undefined ? 1 : classOf(instance.classify(view));
      instance.log?.(view);
      if (cls !== 0 && instance.process !== undefined) {
        this.isProcessing = true;
        const verdict = instance.process(view, cls);
        this.isProcessing = false;
        if (verdict !== ACCEPT || this.held !== NONE) this.decide(record, rows, p, verdict);
      }
      this.isDecided = 1;
      instance.updateClass?.(view);
      instance.updateController?.();
    }
  }

  private decide(record: ModuleRecord, rows: Rows, p: number, verdict: number): void {
    const { held } = this;
    this.held = NONE;
    if (verdict === STOLEN && held !== NONE) {
      rows.decision[p] = IS_HELD;
      rows.hold[p] = held;
      record.stolen += 1;
      return;
    }
    if (verdict === DROP) {
      rows.decision[p] = IS_DROPPED;
      record.dropped += 1;
    } else if (verdict !== ACCEPT) this.isNoVerdict(record, verdict);
    if (held !== NONE) this.letGo(record, held);
  }

  private isNoVerdict(record: ModuleRecord, verdict: unknown): void {
    record.errors += 1;
    record.reason ??=
      verdict === STOLEN
        ? 'process() returned STOLEN without hold(): the packet goes on'
        : `process() returned ${shortText(verdict)}, which is no verdict: the packet goes on`;
  }

  /** The packet was held, and process() has said something else: the hold ends. */
  private letGo(record: ModuleRecord, held: number): void {
    const { holds } = this.parts;
    record.errors += 1;
    if (holds.state(held) === NEW) holds.answer(record.number, holds.handleOf(held), ACCEPTED, this.position);
  }

  private clock(record: ModuleRecord): void {
    const clockNs = this.parts.guard.cpuNs();
    record.took(clockNs - this.clockNs);
    this.clockNs = clockNs;
  }

  private fails(error: unknown): void {
    this.failure = error;
    this.hasFailed = true;
  }

  /** The module whose turn it is has thrown. */
  private threw(error: unknown): void {
    const record = this.modules[this.turn];
    this.clean(record);
    record.errors += 1;
    this.parts.eject(record, reasonOf(error));
    this.next();
  }

  /**
   * The guard has ended the run: the module that took most of it goes, perhaps not the one whose turn it is.
   * If it was ended because somebody waited, that is whose turn it is.
   */
  private wasEnded(): void {
    const { modules } = this;
    const current = modules[Math.min(this.turn, modules.length - 1)];
    this.clock(current);
    this.clean(current);
    let guilty = current;
    let takenNs = 0;
    for (const record of modules) {
      takenNs += record.runNs;
      if (record.runNs > guilty.runNs) guilty = record;
    }
    if (hasWaited(takenNs)) guilty = current;
    guilty.errors += 1;
    this.parts.eject(guilty, reasonOfEnd(takenNs));
    if (guilty === current) this.next();
    else if (this.phase === PACKETS) this.at++;
    this.isDecided = 0;
  }

  /** What the module had begun with its packet is ended. */
  private clean(record: ModuleRecord): void {
    const { view } = this.parts;
    view.repair();
    this.isProcessing = false;
    if (this.held !== NONE) this.letGo(record, this.held);
    this.held = NONE;
  }

  private next(): void {
    this.turn++;
    this.at = 0;
    this.isDecided = 0;
  }
}

/** @throws TypeError for what is no class */
function classOf(value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new TypeError(`classify() returned ${shortText(value)}; a whole number from 0 on is expected`);
}

/** Why a run was ended that has taken so much processor time: who waits takes little. 0: nobody measures. */
export function reasonOfEnd(takenNs: number): string {
  const what = takenNs > 0 && hasWaited(takenNs) ? 'it slept or waited for' : 'it took';
  return `${what} more than 100 ms at once`;
}

function hasWaited(takenNs: number): boolean {
  return takenNs < WAITED_NS_MAX;
}

/** The message of an error, and where in the module's file it was thrown. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${thrownText(error)}`;
  const lines = (error.stack ?? '').split('\n').map((line) => line.trim());
  const place = lines.find((line) => line.startsWith('at ') && !OURS.test(line));
  return place === undefined ? error.message : `${error.message} (${place})`;
}
