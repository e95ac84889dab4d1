/**
 * The decision loop: what happens in a batch and between two batches. One packet's way is way.ts.
 *
 *   runBatch > what waits and is due leaves > arrivals: parse > flow > leaves > their way > verdicts
 *
 * Nothing here reads a clock, allocates per packet or knows where packets come from: the live loop and the
 * simulator call the same runBatch(port, nowNs).
 */
import { FLOAT_ZERO } from '../base/float.ts';
import type { Arrivals } from '../packet/batch.ts';
import { parseBatch } from '../packet/parse.ts';
import type { Port } from '../packet/port.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import type { ClassInfo } from './classes/classes.ts';
import type { EngineOptions } from './engine-options.ts';
import type { HostsUpdate } from './hosts/update.ts';
import { type LostPackets, letGo, takeBack } from './lost.ts';
import { ModuleWay } from './module-way.ts';
import type { Stats } from './packets/stats.ts';
import { type Change, planReconfigure, reconfigure } from './reconfigure.ts';
import { takeAll } from './stages.ts';
import type { SubjectsUpdate } from './subjects/update.ts';
import { updateHosts } from './update-hosts.ts';

export class Engine extends ModuleWay {
  private lastNs = FLOAT_ZERO;
  /** Of the last batch, or that of the first. */
  private port: Port | null = null;

  constructor(spec: ShaperSpec, options: EngineOptions) {
    super(spec, options);
    this.modules.wake = () => this.port?.arm(this.nextDueNs());
  }

  /**
   * The port by which packets will come, and the clock of runBatch(): timers of modules ring before the first
   * packet, and between two batches modules see time go on.
   */
  connect(port: Port, clock: () => number): void {
    this.port ??= port;
    this.modules.clock = clock;
  }

  /** The live counters; read them between two batches only. */
  get stats(): Stats {
    return this.ledger.stats;
  }

  /** Row c describes row c of the statistics; parents stand first. Another list after reconfigure(). */
  get classes(): readonly ClassInfo[] {
    return this.stages.classes;
  }

  /**
   * Handles what waits at the port and what is due at `clockNs`; returns the packets read, at most
   * ARRIVAL_ROWS.
   */
  runBatch(port: Port, clockNs: number): number {
    // A clock that steps back mints nothing and takes nothing: time stands still until it has caught up.
    const nowNs = clockNs > this.lastNs ? clockNs : this.lastNs;
    this.lastNs = nowNs;
    this.port = port;
    const rows = port.drain();
    const { pacing, queues } = this.lasting;
    this.flows.begin(nowNs);
    if (port.failureRows > 0) takeBack(this.stages, this.lasting, port, nowNs);
    const hasTicked = this.stages.trees.endTicks(nowNs);
    // Due packets leave first: arrivals find the queues of now and take no tokens of packets that waited.
    this.leaveDue(nowNs);
    if (hasTicked) {
      this.stages.trees.moveCeils(nowNs);
      if (pacing.isUsed) pacing.advance(this.stages.available, nowNs);
    }
    // New packets join none of these runs: a run is refused as a whole, and held packets may be gone.
    this.verdicts.closeRuns();
    if (this.modules.isUsed) this.takeThroughModules(port, rows, nowNs);
    else if (rows > 0) this.takeArrivals(port, rows, nowNs);
    if (rows > 0) {
      this.flows.sweep(nowNs);
      if (this.stages.each.hasRows) this.stages.each.sweep(nowNs);
      queues.sweep(nowNs);
      if (this.limits.isUsed) this.limits.sweep(nowNs);
    }
    this.verdicts.flush();
    this.ledger.batch(this.flows.size);
    if (this.modules.isUsed) this.modules.ends();
    port.arm(this.nextDueNs());
    return rows;
  }

  private takeArrivals(port: Port, rows: number, nowNs: number): void {
    const { parsed, intake, verdicts } = this;
    const { acks, pacing, queues } = this.lasting;
    const { arrivals } = port.batch;
    parseBatch(arrivals, port.slab, rows, parsed);
    verdicts.connect(port, rows);
    intake.prepare(arrivals, parsed, rows, nowNs);
    queues.readAhead(rows);
    const isLookedInto = pacing.isUsed || this.trace.isOn;
    const isLimited = this.limits.isUsed && !this.limits.lets(this.bytesInHand(arrivals, rows), nowNs);
    for (let p = 0; p < rows; p++) {
      const h = intake.take(arrivals, port.slab, parsed, p, nowNs);
      if (acks.isUsed) acks.read(arrivals, port.slab, parsed, p, h);
      verdicts.received(h);
      if (isLookedInto) this.arrive(port, parsed, p, h, nowNs);
      else if (isLimited) this.arriveLimited(port, parsed, p, h, nowNs);
      else this.comes(h, nowNs, nowNs);
    }
  }

  /** Bytes of the batch that was just read, and of all packets that are held. */
  private bytesInHand({ lengthBytes }: Arrivals, rows: number): number {
    let bytes = this.ledger.heldBytes;
    for (let p = 0; p < rows; p++) bytes += lengthBytes[p];
    return bytes;
  }

  /**
   * Applies another specification between two batches; reconfigure.ts says what may change and what stays.
   * `renamed` tells where classes with a new path come from, `deviceIndexes` the interface indexes of devices
   * that no class named before: waiting packets are classified by them too. `plan` is what the rules do from
   * now on; without it they go on as before. Packets of an NFQUEUE that the plan has no more may still come
   * and wait: close it when waitingOf() says that none does. Throws ChangeRefusedError, and has changed
   * nothing then, if the change needs a restart.
   */
  reconfigure(port: Port, change: Change, clockNs: number): void {
    const nowNs = Math.max(clockNs, this.lastNs);
    const planned = planReconfigure(this.stages, this.told, change, this.lasting, nowNs);
    // Due packets leave by the rules under which they became due. Held acknowledgements have come to no
    // class.
    this.leavePacing(Number.POSITIVE_INFINITY, nowNs);
    this.leaveDue(nowNs);
    this.stages = reconfigure(this.stages, planned, this.lasting, this.slackNs);
    this.told = planned.told;
    this.goOn(port, nowNs);
  }

  /** What others know of hosts holds from the next batch on, limits from now on. */
  updateHosts(update: HostsUpdate, clockNs: number): void {
    const nowNs = Math.max(clockNs, this.lastNs);
    // Due packets leave by the limits of before.
    if (update.limits !== undefined) this.leaveDue(nowNs);
    updateHosts(this.lasting, update, nowNs);
    // Before the first batch nothing waits.
    if (update.limits !== undefined && this.port !== null) this.goOn(this.port, nowNs);
  }

  /**
   * Packets belong to these subjects from now on. Packets that wait go to their classes of now, if that moves
   * any flow.
   */
  updateSubjects(update: SubjectsUpdate, clockNs: number): void {
    if (!this.owners.update(update, this.classes)) return;
    const { port } = this;
    // Nothing waits that could move: stages need not be made anew.
    if (port === null || this.held.size === 0) this.flows.reclassifyAll();
    else this.reconfigure(port, { spec: this.told.spec, renamed: new Map(), reclassifies: true }, clockNs);
  }

  /** Throws ChangeRefusedError if reconfigure() would. */
  checkChange(change: Change): void {
    planReconfigure(this.stages, this.told, change, this.lasting, this.lastNs);
  }

  /** Packets of an NFQUEUE that were read and have no verdict yet. */
  waitingOf(nfqueue: number): number {
    return this.verdicts.waitingOf(nfqueue);
  }

  /**
   * Lets packets go that the kernel has discarded (lost.ts), between two batches. Returns how many.
   */
  letGo(port: Port, packets: LostPackets, clockNs: number): number {
    const nowNs = Math.max(clockNs, this.lastNs);
    // Held acknowledgements come to their classes first, where the lost ones among them are found.
    this.leavePacing(Number.POSITIVE_INFINITY, nowNs);
    const count = letGo(this.stages, this.lasting, packets, nowNs);
    this.leaveLost();
    this.goOn(port, nowNs);
    return count;
  }

  /** Instant at which the next waiting packet is due; Infinity when none waits. */
  nextDueNs(): number {
    const { trees, each } = this.stages;
    let dueNs = trees.nextDueNs();
    if (each.hasRows) dueNs = Math.min(dueNs, each.nextDueNs());
    if (this.pacing.isUsed) dueNs = Math.min(dueNs, this.pacing.nextDueNs());
    if (this.limits.isUsed) dueNs = Math.min(dueNs, this.limits.nextDueNs());
    return this.modules.isUsed ? Math.min(dueNs, this.modules.nextDueNs()) : dueNs;
  }

  /** Accepts everything held, then everything that still arrives: the orderly stop. */
  releaseAll(port: Port, clockNs: number): void {
    this.isStopping = true;
    const nowNs = Math.max(clockNs, this.lastNs);
    // Packets of a flow keep their order: those that have come furthest are the oldest.
    for (const h of this.lasting.released.takeAll(0)) this.leaveLeaf(h, nowNs);
    for (const h of takeAll(this.stages)) this.leaveLeaf(h, nowNs);
    for (const h of this.limits.takeAll()) this.comes(h, nowNs, nowNs);
    this.leavePacing(Number.POSITIVE_INFINITY, nowNs);
    this.releaseModules();
    this.verdicts.flush();
    while (this.runBatch(port, nowNs) > 0) {
      // Every batch is accepted as it is read.
    }
  }

  /** After a change between two batches: what is due by now leaves. */
  private goOn(port: Port, nowNs: number): void {
    this.lastNs = nowNs;
    this.leaveDue(nowNs);
    this.verdicts.flush();
    port.arm(this.nextDueNs());
  }
}
