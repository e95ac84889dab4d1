/**
 * Modules of users, before any class: which there are, what they decide about the packets of a batch, and the
 * packets that they hold.
 *
 *   runBatch    begin() > decide() > the engine takes each entry of the line to its classes or to a verdict >
 *               kept(), leave() for those that are held
 *   between     use(), call(), and answers from code that runs by itself (sockets, promises)
 *
 * A module that has never been on costs a few hundred kB, and packets one branch a batch.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { type HashKeys, hashKeys } from '../../base/hash.ts';
import { NONE } from '../../base/none.ts';
import type { Itm } from '../../modules/api/module.ts';
import type { Handle } from '../../modules/api/packet.ts';
import type { Arrivals } from '../../packet/batch.ts';
import type { Parsed } from '../../packet/parse.ts';
import type { QueuePlan } from '../../spec/queue-plan.ts';
import type { FlowOwners } from '../flows/flow-owners.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import type { DeviceNameOf } from '../flows/intake.ts';
import type { Hosts } from '../hosts/hosts.ts';
import type { HeldTable } from '../packets/held.ts';
import { FlowNumbers } from './flow-numbers.ts';
import { type ModuleGuard, PLAIN_GUARD } from './guard.ts';
import { ACCEPTED, DROPPED, Holds } from './holds.ts';
import { Interests } from './interests.ts';
import { Line } from './line.ts';
import { PacketView } from './packet-view.ts';
import { ModuleRecord, Session } from './record.ts';
import type { Rows } from './rows.ts';
import type { ModuleCounters, RunnableModule } from './runnable.ts';
import { Runner, reasonOf, reasonOfEnd } from './runner.ts';

/** What the core does for a module. The rest of Itm is the world's. */
export type CoreItm = Pick<Itm, 'now' | 'every' | 'random' | 'accept' | 'drop'>;

export interface StageParts {
  readonly held: HeldTable;
  readonly flows: FlowTable;
  readonly owners: FlowOwners;
  readonly hosts: Hosts;
  readonly seed: number;
  readonly markMask: number;
  readonly plan: QueuePlan;
  readonly nameOf: DeviceNameOf | null;
  readonly guard: ModuleGuard | undefined;
}

/** Names of devices are asked for again so often: nobody may have told of a change. */
const NAMES_NS = 1e9;
/** No module has this number: the owner of what a module that was first has left behind. */
const NOBODY = 0;

interface Ejected {
  readonly name: string;
  readonly reason: string;
}

export class ModuleStage {
  /** Whether any module has ever been on: packets may still come by the NFQUEUE of modules. */
  isUsed = false;
  /** A module was taken out. Called when the batch has ended. */
  onEjected: (name: string, reason: string) => void = () => {};
  /** Asks for a batch, because packets go on or another timer may be due. The engine sets it. */
  wake: () => void = () => {};
  /** The time between two batches, for code that runs by itself; within a batch time stands still. */
  clock: () => number = () => this.nowNs;
  readonly holds: Holds;
  readonly line: Line;
  private readonly parts: StageParts;
  private readonly guard: ModuleGuard;
  private readonly interests: Interests;
  private readonly view: PacketView;
  private readonly runner: Runner;
  private readonly flowNumbers: FlowNumbers;
  private readonly names = new Map<number, string>();
  private namesNs = FLOAT_ZERO;
  private modules: ModuleRecord[] = [];
  private lastNumber = NOBODY;
  /** By name: the life that began last. */
  private readonly sessions = new Map<string, Session>();
  private readonly ejected: Ejected[] = [];
  private nfqueue: number = NONE;
  private nowNs = FLOAT_ZERO;
  private isInBatch = false;

  constructor(parts: StageParts) {
    const holds = new Holds((packets) => parts.held.mayAllWait(packets));
    const line = new Line(holds);
    this.holds = holds;
    this.line = line;
    const { flows, owners, hosts, markMask, seed } = parts;
    this.parts = parts;
    this.guard = parts.guard ?? PLAIN_GUARD;
    this.flowNumbers = new FlowNumbers(...hashKeys(seed, 'flows of modules'));
    const nameOf = (ifIndex: number): string => this.nameOf(ifIndex);
    this.interests = new Interests({ flows, owners, hosts, markMask, nameOf });
    this.view = new PacketView(line.arrived, {
      markMask,
      nameOf,
      findFlow: (rows, p) => this.flowNumbers.find(rows, p),
      hold: (rows, p) => holds.handleOf(this.runner.hold(rows, p)),
      refused: () => this.runner.refused(),
    });
    const { guard, view, interests } = this;
    this.runner = new Runner({
      guard,
      line,
      holds,
      view,
      interests,
      eject: (record, reason) => this.eject(record, reason),
      indexOf: (owner) => this.modules.findIndex(({ number }) => number === owner),
    });
    this.usePlan(parts.plan);
    holds.heldBy[NOBODY] = 0;
  }

  /** Goes by another plan. Without an NFQUEUE for modules, packets of the one before may still be unread. */
  usePlan(plan: QueuePlan): void {
    this.nfqueue = plan.moduleNfqueue ?? this.nfqueue;
  }

  /**
   * These modules are on from now on, in this order. Call it between two batches. A module that stays, which
   * is one with the same instance, keeps its counters and held packets. Held packets of a module that goes
   * are accepted: they go on with the modules behind it.
   */
  use(list: readonly RunnableModule[], nowNs: number): void {
    this.nowNs = Math.max(this.nowNs, nowNs);
    if (list.length > 0) this.isUsed = true;
    const before = this.modules;
    const after = list.map((spec) => {
      const interest = this.interests.compile(spec.interest);
      const known = before.find(({ spec: { instance } }) => instance === spec.instance);
      known?.become(spec, interest);
      return known ?? this.begin(spec, interest);
    });
    const going = before.filter((record) => !after.includes(record));
    for (const record of going) this.end(record, before, after);
    this.modules = after;
    this.wake();
  }

  /**
   * What the core does for the module of this name. Ask for it before create(), each time: a module that is
   * loaded again is another one.
   */
  itmFor(name: string): CoreItm {
    const session = new Session(name, this.keysOf(name));
    this.sessions.set(name, session);
    return {
      now: () => this.time(),
      every: (ms, run) => {
        if (session.isOver) return () => {};
        const stop = session.every(ms, run, this.time());
        if (!this.isInBatch) this.wake();
        return stop;
      },
      random: () => session.prng.nextUnit(),
      accept: (handle) => this.answer(session, handle, ACCEPTED),
      drop: (handle) => this.answer(session, handle, DROPPED),
    };
  }

  /** Of all modules, in their order. */
  counters(): readonly ModuleCounters[] {
    return this.modules.map((record) => record.counters(this.holds.heldBy[record.number]));
  }

  /**
   * Runs other code of a module (create, onQuota, stop, onDevice) as its packets run: a module that throws or
   * does not return is taken out. Returns whether it has ended well.
   */
  call(name: string, fn: () => void): boolean {
    const record = this.modules.find(({ spec }) => spec.name === name) ?? null;
    const fromNs = this.guard.cpuNs();
    let reason: string | null = null;
    this.guard.owner[0] = this.guard.numberOf(name);
    try {
      if (!this.guard.run(fn)) reason = reasonOfEnd(this.guard.cpuNs() - fromNs);
    } catch (error) {
      reason = reasonOf(error);
    }
    record?.took(this.guard.cpuNs() - fromNs);
    if (reason === null) return true;
    if (record === null) this.ejected.push({ name, reason });
    else {
      record.errors += 1;
      this.eject(record, reason);
      this.wake();
    }
    if (!this.isInBatch) this.tellEjected();
    return false;
  }

  /** Names of devices may have changed. */
  forgetDevices(): void {
    this.namesNs = this.nowNs;
    this.names.clear();
    this.interests.forgetDevices();
  }

  /** Whether a packet has come by the NFQUEUE of modules. */
  isFor({ nfqueue }: Arrivals, p: number): boolean {
    return nfqueue[p] === this.nfqueue;
  }

  /** Instant at which a timer or a hold ends; at once if packets have been answered. */
  nextDueNs(): number {
    if (this.holds.hasAnswers) return this.nowNs;
    let dueNs = this.holds.endsNs;
    for (const { state, session } of this.modules)
      if (state === 'on') dueNs = Math.min(dueNs, session.nextDueNs());
    return dueNs;
  }

  /** A batch begins with these arrivals, which are parsed. Nothing is decided about them. */
  begins(
    arrivals: Arrivals,
    slab: Uint8Array,
    endOffset: number,
    parsed: Parsed,
    rows: number,
    nowNs: number,
  ): void {
    const { arrived } = this.line;
    this.nowNs = nowNs;
    this.isInBatch = true;
    arrived.use(arrivals, slab, endOffset, parsed);
    this.line.begin(rows, this.nfqueue);
    if (nowNs - this.namesNs >= NAMES_NS) this.forgetDevices();
    this.flowNumbers.begin(nowNs);
  }

  /** Modules decide. The line says then what becomes of packets, and in which order. */
  decide(): void {
    const { holds, line, nowNs, modules } = this;
    for (let r = holds.overdue(nowNs); r !== NONE; r = holds.overdue(nowNs)) this.expires(r);
    if (holds.hasAnswers) line.merge((owner) => modules.findIndex(({ number }) => number === owner), nowNs);
    if (line.count === 0 && !this.hasDueTimer()) return;
    holds.prepare((line.count + 1) * (modules.length + 1));
    this.parts.flows.flowKeys.isReadAhead = false;
    this.runner.run(modules, nowNs);
    for (const record of modules) {
      const reason = record.state === 'on' ? record.judge(nowNs) : null;
      if (reason !== null) this.eject(record, reason);
    }
  }

  /** A packet that is held has row `h` of the held table from now on. */
  keeps(rows: Rows, p: number, h: number): void {
    this.holds.keep(rows.hold[p], rows, p, h);
  }

  /** A changed packet could not be kept, and is dropped. */
  noRoom(): void {
    for (const record of this.modules) if (record.state === 'on') record.errors += 1;
  }

  /** The batch ends. */
  ends(): void {
    this.isInBatch = false;
    this.view.close();
    this.tellEjected();
  }

  /** Ends all holds, the oldest first. `each` is given the packet's row of the held table, and the packet. */
  takeAll(each: (h: number, rows: Rows, p: number) => void): void {
    const { holds, line } = this;
    while (holds.hasAnswers) holds.endAnswer();
    for (const r of holds.all()) {
      if (holds.isKept(r)) each(holds.h(r), line.released, line.loadAlone(r));
      holds.end(r, this.nowNs);
    }
  }

  /** Held packets that are lost: their rows of the held table. The modules' handles of them mean nothing. */
  takeLost(isLost: (h: number) => boolean): number[] {
    const { holds } = this;
    const lost = holds.all().filter((r) => holds.isKept(r) && isLost(holds.h(r)));
    return lost.map((r) => {
      holds.lose(r);
      return holds.h(r);
    });
  }

  /** Rows of the held table whose packets came or leave by these devices, as far as modules hold them. */
  heldOf(ifIndexes: ReadonlySet<number>): ReadonlySet<number> {
    const { holds } = this;
    const found = holds.all().filter((r) => holds.isKept(r) && holds.isOf(r, ifIndexes));
    return new Set(found.map((r) => holds.h(r)));
  }

  private time(): number {
    return this.isInBatch ? this.nowNs : Math.max(this.nowNs, this.clock());
  }

  private hasDueTimer(): boolean {
    for (const { state, session } of this.modules)
      if (state === 'on' && session.nextDueNs() <= this.nowNs) return true;
    return false;
  }

  private keysOf(name: string): HashKeys {
    return hashKeys(this.parts.seed, `module ${name}`);
  }

  private begin(spec: RunnableModule, interest: ReturnType<Interests['compile']>): ModuleRecord {
    const { name } = spec;
    const session = this.sessions.get(name) ?? new Session(name, this.keysOf(name));
    this.sessions.delete(name);
    const record = new ModuleRecord(++this.lastNumber, this.guard.numberOf(name), session, spec, interest);
    session.record = record;
    session.begin(this.nowNs);
    this.holds.heldBy[record.number] = 0;
    return record;
  }

  /** The module goes. What it holds goes on behind the last module before it that stays. */
  private end(record: ModuleRecord, before: readonly ModuleRecord[], after: readonly ModuleRecord[]): void {
    const { holds } = this;
    const stays = before.slice(0, before.indexOf(record)).filter((one) => after.includes(one));
    const heir = stays.at(-1)?.number ?? NOBODY;
    record.session.end();
    for (const r of holds.all()) {
      if (holds.owner(r) !== record.number) continue;
      holds.setOwner(r, heir);
      if (holds.isOpen(r)) holds.answer(heir, holds.handleOf(r), ACCEPTED, 0);
    }
  }

  private eject(record: ModuleRecord, reason: string): void {
    const { holds } = this;
    record.state = 'ejected';
    record.reason = reason;
    record.session.end();
    for (const r of holds.all())
      if (holds.owner(r) === record.number && holds.isOpen(r))
        holds.answer(record.number, holds.handleOf(r), ACCEPTED, this.runner.position);
    this.ejected.push({ name: record.spec.name, reason });
  }

  private tellEjected(): void {
    for (const { name, reason } of this.ejected.splice(0)) this.onEjected(name, reason);
  }

  /** A packet was held for too long. */
  private expires(r: number): void {
    const { holds } = this;
    if (holds.isGone(r)) {
      holds.end(r, this.nowNs);
      return;
    }
    const record = this.modules.find(({ number }) => number === holds.owner(r));
    if (record !== undefined) record.errors += 1;
    holds.expire(r);
  }

  private answer({ record, isOver }: Session, handle: Handle, state: number): void {
    if (isOver) return;
    if (record === null) throw new Error('the module is not on yet: it holds no packet');
    this.holds.answer(record.number, handle, state, this.runner.position);
    if (state === DROPPED) record.dropped += 1;
    if (!this.isInBatch) this.wake();
  }

  private nameOf(ifIndex: number): string {
    if (ifIndex === 0) return '';
    let name = this.names.get(ifIndex);
    if (name === undefined) {
      name = this.parts.nameOf?.(ifIndex) ?? '';
      this.names.set(ifIndex, name);
    }
    return name;
  }
}
