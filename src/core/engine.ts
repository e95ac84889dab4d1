/**
 * The decision loop. One packet's way:
 *
 *   runBatch > arrive: parse > flow > leaf of each tree > enter
 *              enter:  police > meter > admission (RED, limit) > each > trees   (a verdict, or it waits)
 *              leave:  due buckets and ceilings > next tree, or verdict
 *
 * Nothing here reads a clock, allocates per packet or knows where packets come from: the live loop and the
 * simulator call the same runBatch(port, nowNs).
 */
import { FLOAT_ZERO } from '../base/float.ts';
import { NONE } from '../base/none.ts';
import { RELEASE_SLACK_NS } from '../limits.ts';
import { createParsed, type Parsed, parseBatch } from '../packet/parse.ts';
import type { Port } from '../packet/port.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import { POLICE_DROP, POLICE_MARK } from './admission/policers.ts';
import { type ClassInfo, listClasses } from './classes/classes.ts';
import { NO_ROOM, PASSES } from './each/each.ts';
import { passBuckets } from './each/pass.ts';
import { EACH_FULL, EACH_PASS } from './each/policers.ts';
import type { EngineOptions } from './engine-options.ts';
import type { FlowTable } from './flows/flow-table.ts';
import type { Intake } from './flows/intake.ts';
import { lookInto } from './look-into.ts';
import { type LostPackets, letGo, takeBack } from './lost.ts';
import type { Backlog } from './packets/backlog.ts';
import { FLAG_CE, FLAG_ECT, FLAG_ICMP_ERROR, FLAG_NEVER_DROP, type HeldTable } from './packets/held.ts';
import { DROP_AQM, DROP_EARLY, DROP_POLICE, DROP_TAIL, type Ledger } from './packets/ledger.ts';
import type { Stats } from './packets/stats.ts';
import { chargeBytesOf } from './packets/wire-cost.ts';
import { SIGNAL_MARK, SIGNAL_NONE } from './queues/arrival-aqm.ts';
import { type Change, planReconfigure, reconfigure, type Told, told } from './reconfigure.ts';
import { createLasting, createStages, type Lasting, type Stages, takeAll } from './stages.ts';
import { type HostsUpdate, updateHosts } from './update-hosts.ts';
import type { VerdictWriter } from './verdicts/writer.ts';

export class Engine {
  private readonly ledger: Ledger;
  private readonly backlog: Backlog;
  private readonly parsed: Parsed = createParsed();
  private readonly held: HeldTable;
  /** Others read its memory at any time. */
  readonly flows: FlowTable;
  readonly hosts: Lasting['hosts'];
  readonly intake: Intake;
  readonly trace: Lasting['trace'];
  readonly pacing: Lasting['pacing'];
  private readonly verdicts: VerdictWriter;
  private readonly lasting: Lasting;
  /** By what it decides now. Only reconfigure() changes it. */
  told: Told;
  /** The parts that are made for the present classes. Others read them, between two batches only. */
  stages: Stages;
  private readonly slackNs: number;
  private lastNs = FLOAT_ZERO;
  private stopping = false;

  constructor(spec: ShaperSpec, options: EngineOptions) {
    const classes = listClasses(spec);
    this.told = told(spec, options.plan);
    const { seed, nameOf = null, findsHosts = true } = options;
    const lasting = createLasting(spec, classes, this.told.plan, seed, nameOf, findsHosts);
    this.lasting = lasting;
    ({ ledger: this.ledger, backlog: this.backlog, held: this.held, flows: this.flows } = lasting);
    ({ hosts: this.hosts, intake: this.intake, trace: this.trace, pacing: this.pacing } = lasting);
    this.verdicts = lasting.verdicts;
    this.stages = createStages(spec, classes, lasting.createEach(classes), this.told.plan, lasting);
    this.slackNs = options.releaseSlackNs ?? RELEASE_SLACK_NS;
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
    const rows = port.drain();
    const { acks, pacing, queues } = this.lasting;
    this.flows.begin(nowNs);
    const { arrivals } = port.batch;
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
    if (rows > 0) {
      parseBatch(arrivals, port.slab, rows, this.parsed);
      this.verdicts.connect(port, rows);
      this.intake.prepare(arrivals, this.parsed, rows, nowNs);
      queues.readAhead(rows);
      const isLookedInto = pacing.isUsed || this.trace.isOn;
      for (let p = 0; p < rows; p++) {
        const h = this.intake.take(arrivals, port.slab, this.parsed, p, nowNs);
        if (acks.isUsed) acks.read(arrivals, port.slab, this.parsed, p, h);
        this.verdicts.received(h);
        if (isLookedInto) this.arrive(port, p, h, nowNs);
        else this.comes(h, nowNs);
      }
      this.flows.sweep(nowNs);
      this.stages.each.sweep(nowNs);
      queues.sweep(nowNs);
    }
    this.verdicts.flush();
    this.ledger.batch(this.flows.size);
    port.arm(this.nextDueNs());
    return rows;
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

  /** Throws ChangeRefusedError if reconfigure() would. */
  checkChange(change: Change): void {
    planReconfigure(this.stages, this.told, change, this.lasting, this.lastNs);
  }

  /** What others know of hosts holds from the next batch on. */
  updateHosts(update: HostsUpdate, clockNs: number): void {
    updateHosts(this.lasting, update, Math.max(clockNs, this.lastNs));
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
    const count = letGo(this.stages, this.lasting, packets);
    this.goOn(port, nowNs);
    return count;
  }

  /** Instant at which the next waiting packet is due; Infinity when none waits. */
  nextDueNs(): number {
    const { trees, each } = this.stages;
    return Math.min(trees.nextDueNs(), each.nextDueNs(), this.lasting.pacing.nextDueNs());
  }

  /** Accepts everything held, then everything that still arrives: the orderly stop. */
  releaseAll(port: Port, clockNs: number): void {
    this.stopping = true;
    const nowNs = Math.max(clockNs, this.lastNs);
    this.leavePacing(Number.POSITIVE_INFINITY, nowNs);
    for (const h of [...this.lasting.released.takeAll(0), ...takeAll(this.stages)]) this.leaveLeaf(h, nowNs);
    this.verdicts.flush();
    while (this.runBatch(port, nowNs) > 0) {
      // Every batch is accepted as it is read.
    }
  }

  /** Packet `h` comes to its classes after what goes before it, unless pacing holds it. */
  private arrive(port: Port, p: number, h: number, nowNs: number): void {
    const isHeld = lookInto(this.lasting, port, this.parsed, p, h, !this.stopping, nowNs);
    this.leaveReleased(nowNs);
    if (!isHeld) this.comes(h, nowNs);
  }

  /** Packet `h` comes to its first class, or is accepted because no tree has it. */
  private comes(h: number, nowNs: number): void {
    if (this.held.leaf[h] !== NONE) {
      this.enter(h, nowNs, nowNs);
      return;
    }
    this.verdicts.accept(h);
  }

  /**
   * Packet `h` comes to its leaf. Its ceilings count from `atNs`, which is not later than now.
   *
   * The exits stay apart on purpose. With one decide() that returns a code and one switch, this method
   * shrinks below V8's bound for inlining, and a packet that passes costs 10 to 20 % more.
   */
  private enter(h: number, atNs: number, nowNs: number): void {
    const { held, stages, verdicts } = this;
    held.chargeBytes[h] = chargeBytesOf(stages.linkLayers, held, h);
    held.enter(h, atNs, nowNs);
    if (this.stopping || !held.mayWait()) {
      this.passUndelayed(h, nowNs);
      return;
    }
    const leaf = held.leaf[h];
    let flags = held.flags[h];
    if ((flags & FLAG_NEVER_DROP) !== 0) flags = stages.exemption.settle(h, nowNs);
    const mayDrop = (flags & FLAG_NEVER_DROP) === 0;
    const mayMark = (flags & FLAG_ECT) !== 0;
    const isError = (flags & FLAG_ICMP_ERROR) !== 0;
    if (!isError) {
      const decision = stages.policers.ask(leaf, held.chargeBytes[h], mayDrop, mayMark, nowNs);
      if (decision === POLICE_DROP) {
        verdicts.drop(h, DROP_POLICE, stages.policers.lastClass);
        return;
      }
      if (decision === POLICE_MARK) held.flags[h] |= FLAG_CE;
    }
    if (stages.meters.isUsed) stages.meters.measure(h, nowNs);
    const signal = stages.admission.signal(leaf, h, nowNs);
    if (signal !== SIGNAL_NONE) {
      const marks = signal === SIGNAL_MARK && mayMark && stages.marksEcn[leaf] === 1;
      if (marks) held.flags[h] |= FLAG_CE;
      else if (mayDrop) {
        verdicts.drop(h, stages.admission.isEarly(leaf) ? DROP_EARLY : DROP_AQM, leaf);
        return;
      }
    }
    const fits = stages.room.find(leaf, h);
    if (mayDrop && !fits) {
      verdicts.drop(h, DROP_TAIL, leaf);
      return;
    }
    if (!isError) {
      const decision = mayDrop ? stages.eachPolicers.ask(leaf, h, nowNs) : EACH_PASS;
      if (decision !== EACH_PASS) {
        if (decision === EACH_FULL) this.ledger.eachFull();
        verdicts.drop(h, decision === EACH_FULL ? DROP_TAIL : DROP_POLICE, stages.eachPolicers.lastClass);
        return;
      }
      stages.eachPolicers.charge(leaf, h, nowNs);
    }
    if (fits) this.makeRoom(h, nowNs);
    this.backlog.enter(h);
    this.passEach(h, stages.waits.from[leaf], nowNs);
  }

  /** Sends packet `h` at once: too many packets are held, which counts once a packet, or the engine stops. */
  private passUndelayed(h: number, nowNs: number): void {
    const { meters } = this.stages;
    if (!this.stopping && this.held.becomesUndelayed(h)) this.ledger.heldFull();
    if (meters.isUsed) meters.measure(h, nowNs);
    this.backlog.enter(h);
    this.leaveLeaf(h, nowNs);
  }

  /** Evicts the packets that room.find() chose for arriving packet `h`. */
  private makeRoom(h: number, nowNs: number): void {
    const { room, trees } = this.stages;
    const leaf = this.held.leaf[h];
    for (let evicted = room.evict(leaf, h, nowNs); evicted !== NONE; evicted = room.evict(leaf, h, nowNs)) {
      if (room.lastBucket !== NONE) this.discard(evicted, DROP_TAIL);
      else this.withdraw(evicted, DROP_TAIL, nowNs);
      trees.look(leaf);
    }
  }

  /**
   * Takes `h` through the `each` buckets in which it may wait, from class `c` upwards, then to its ceilings.
   */
  private passEach(h: number, c: number, nowNs: number): void {
    const { held, ledger } = this;
    const { each, trees, waits } = this.stages;
    const horizonNs = nowNs + this.slackNs;
    const answer = c === NONE ? PASSES : passBuckets(each, waits, ledger, held, h, c, nowNs, horizonNs);
    if (answer !== PASSES) {
      if (answer === NO_ROOM) this.discard(h, DROP_TAIL);
      for (let ack = each.popDoomed(); ack !== NONE; ack = each.popDoomed()) this.discard(ack, DROP_AQM);
      return;
    }
    if (trees.pass(h)) {
      this.leaveLeaf(h, nowNs);
    } else if (trees.enqueue(h, nowNs)) {
      this.flows.packetWaits(held, h);
      this.serve(this.stages.rootOf[held.leaf[h]], nowNs);
    } else if (held.neverDrop(h)) {
      // Its flow has no flow queue, so no packet of the flow waits there.
      this.leaveLeaf(h, nowNs);
    } else {
      this.ledger.fairFull();
      this.withdraw(h, DROP_TAIL, nowNs);
    }
  }

  /** Lets go the packets whose buckets and ceilings allow it by now. */
  private leaveDue(nowNs: number): void {
    const { each, trees, waits } = this.stages;
    const { released } = this.lasting;
    const horizonNs = nowNs + this.slackNs;
    this.leavePacing(nowNs, nowNs);
    while (!released.isEmpty(0)) this.leaveLeaf(released.shift(0), nowNs);
    trees.advance(horizonNs);
    for (let h = each.popDue(horizonNs, nowNs); h !== NONE; h = each.popDue(horizonNs, nowNs)) {
      if (each.lastPoppedIsDropped) this.discard(h, DROP_AQM);
      else this.passEach(h, waits.above[each.lastPoppedClass], nowNs);
    }
    for (const root of trees.roots) this.serve(root, nowNs);
  }

  /** Held acknowledgements that are due by `untilNs` come to their classes. */
  private leavePacing(untilNs: number, nowNs: number): void {
    this.pacing.release(untilNs);
    this.leaveReleased(nowNs);
  }

  /** Acknowledgements that pacing has let go come to their classes. */
  private leaveReleased(nowNs: number): void {
    for (let h = this.pacing.pop(); h !== NONE; h = this.pacing.pop()) this.comes(h, nowNs);
  }

  /** After a change between two batches: what is due by now leaves. */
  private goOn(port: Port, nowNs: number): void {
    this.lastNs = nowNs;
    this.leaveDue(nowNs);
    this.verdicts.flush();
    port.arm(this.nextDueNs());
  }

  private serve(root: number, nowNs: number): void {
    const { trees } = this.stages;
    const { queues } = this.lasting;
    for (let h = trees.next(root); h !== NONE; h = trees.next(root)) this.leaveLeaf(h, nowNs);
    for (let h = queues.popDoomed(); h !== NONE; h = queues.popDoomed()) this.withdraw(h, DROP_AQM, nowNs);
  }

  /** The leaf sends packet `h`, into the next tree or to its verdict. */
  private leaveLeaf(h: number, nowNs: number): void {
    const { held } = this;
    const { remarks } = this.stages;
    this.depart(h, nowNs);
    this.ledger.sent(h, nowNs);
    if (nowNs > held.enteredNs(h)) this.flows.measures.packetWaited(held, h, nowNs);
    if ((held.flags[h] & FLAG_CE) !== 0) this.flows.measures.packetMarked(held, h);
    if (remarks.isUsed) remarks.apply(h);
    const second = held.nextLeaf[h];
    if (second === NONE) {
      this.verdicts.accept(h);
      return;
    }
    held.leafBefore[h] = held.leaf[h];
    held.leaveTree(h);
    held.leaf[h] = second;
    held.nextLeaf[h] = NONE;
    this.enter(h, Math.min(held.readyNs(h), nowNs), nowNs);
  }

  /** Drops packet `h`, which its leaf has taken. */
  private withdraw(h: number, reason: number, nowNs: number): void {
    this.depart(h, nowNs);
    this.verdicts.drop(h, reason, this.held.leaf[h]);
  }

  /** Drops packet `h`, which has come no further than to a bucket of its leaf or of a class around it. */
  private discard(h: number, reason: number): void {
    this.backlog.leave(h);
    this.verdicts.drop(h, reason, this.held.leaf[h]);
  }

  /** Packet `h` is no longer in its leaf. */
  private depart(h: number, nowNs: number): void {
    this.backlog.leave(h);
    this.stages.admission.departed(h, nowNs);
  }
}
