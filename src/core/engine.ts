/**
 * The decision loop. One packet's way:
 *
 *   runBatch > arrive: parse > flow > leaf of each tree > enter
 *              enter:  police > meter > queue admission (RED, limit) > each > trees          (answers at once, or waits)
 *              leave:  due buckets and ceilings > next tree, or verdict
 *
 * Nothing here reads a clock, allocates per packet or knows where packets come from: the live loop and the simulator call
 * the same runBatch(port, nowNs).
 */
import { FLOAT_ZERO } from '../base/float.ts';
import { NONE } from '../base/none.ts';
import { Prng } from '../base/prng.ts';
import {
  ARRIVAL_ROWS,
  EACH_BUCKETS_MAX,
  FAIR_QUEUES_MAX,
  FLOWS_MAX,
  HELD_MAX,
  RELEASE_SLACK_NS,
} from '../limits.ts';
import { createParsed, type Parsed, parseBatch } from '../packet/parse.ts';
import type { Port } from '../packet/port.ts';
import { ALL_ABILITIES, planQueues, type QueuePlan } from '../spec/queue-plan.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import { type Admission, SIGNAL_MARK, SIGNAL_NONE } from './admission/admission.ts';
import type { Meters } from './admission/meters.ts';
import { POLICE_DROP, POLICE_MARK, type Policers } from './admission/policers.ts';
import { planChange } from './classes/change.ts';
import { type ClassInfo, listClasses } from './classes/classes.ts';
import { EachTable } from './each/each.ts';
import { EACH_FULL, EACH_PASS } from './each/policers.ts';
import { FlowTable } from './flows/flow-table.ts';
import { Intake } from './flows/intake.ts';
import { Steering } from './flows/steering.ts';
import { FLAG_ECT, FLAG_ICMP_ERROR, FLAG_UNDELAYED, HeldFifos, HeldTable } from './packets/held.ts';
import { createStats, type Stats, TOTAL } from './packets/stats.ts';
import { AckFilter } from './queues/ack-filter.ts';
import { LeafQueues } from './queues/leaf-queues.ts';
import { type Change, type Reconfigured, reconfigure } from './reconfigure.ts';
import { chargeBytesOf, createStages, type Stages, takeAll } from './stages.ts';
import type { Trees } from './tree/trees.ts';
import type { Outcomes } from './verdicts/outcomes.ts';
import type { Remarks } from './verdicts/remarks.ts';
import { VerdictWriter } from './verdicts/writer.ts';

export interface EngineOptions {
  /** Seeds chance (RED) and the keys of the hash tables. */
  readonly seed: number;
  /** What is due within this span leaves together; default RELEASE_SLACK_NS. */
  readonly releaseSlackNs?: number;
  /** What the rules around the queues do; default: they set CE and DSCP, and nobody steers flows. */
  readonly plan?: QueuePlan;
}

export class Engine {
  readonly stats: Stats;
  private readonly parsed: Parsed = createParsed();
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly intake: Intake;
  private readonly acks: AckFilter;
  private readonly queues: LeafQueues;
  private readonly verdicts: VerdictWriter;
  private readonly lasting: Reconfigured;
  private spec: ShaperSpec;
  // What is made for the present classes: on(stages) sets all.
  private stages!: Stages;
  private policers!: Policers;
  private meters!: Meters;
  private remarks!: Remarks;
  private admission!: Admission;
  private each!: EachTable;
  private trees!: Trees;
  private outcomes!: Outcomes;
  private readonly slackNs: number;
  private lastNs = FLOAT_ZERO;
  private stopping = false;

  constructor(spec: ShaperSpec, options: EngineOptions) {
    const { count, length, markMask } = spec.nfqueue;
    const [prng, classes] = [new Prng(options.seed), listClasses(spec)];
    const nextKey = (): number => prng.nextUint32();
    const plan = options.plan ?? planQueues(spec, { ...ALL_ABILITIES, connectionMarks: false });
    const steering = new Steering(plan, classes);
    this.stats = createStats(classes.length);
    this.held = new HeldTable(Math.min(HELD_MAX, count * length) + ARRIVAL_ROWS);
    this.flows = new FlowTable(FLOWS_MAX, nextKey(), nextKey(), this.stats);
    this.intake = new Intake(
      spec,
      classes,
      this.held,
      this.flows,
      this.stats,
      nextKey(),
      nextKey(),
      plan,
      steering,
    );
    const { stats, held, flows, intake } = this;
    this.acks = new AckFilter(classes, held);
    this.queues = new LeafQueues(FAIR_QUEUES_MAX, nextKey, classes, held, flows, this.acks);
    this.verdicts = new VerdictWriter(markMask, held, stats, steering);
    const { acks, queues, verdicts } = this;
    const released = new HeldFifos(1, held);
    const createEach = (all: readonly ClassInfo[]): EachTable =>
      new EachTable(EACH_BUCKETS_MAX, nextKey(), nextKey(), all, held, flows, stats);
    const parts = { stats, held, flows, queues, verdicts, prng, plan };
    this.lasting = { ...parts, intake, steering, acks, released, createEach };
    this.on(createStages(classes, createEach(classes), this.lasting));
    this.spec = spec;
    this.slackNs = options.releaseSlackNs ?? RELEASE_SLACK_NS;
  }

  /** Row c describes row c of the statistics; parents stand before their children. Another list after reconfigure(). */
  get classes(): readonly ClassInfo[] {
    return this.stages.classes;
  }

  /** Device names whose interface index the core must be told. */
  get devices(): readonly string[] {
    return this.intake.devices;
  }

  /** The device has this interface index from now on; every flow is classified again. */
  setDeviceIndex(device: string, ifIndex: number): void {
    this.intake.setDeviceIndex(device, ifIndex);
  }

  /** Handles what waits at the port and what is due at `clockNs`; returns the packets read, at most ARRIVAL_ROWS. */
  runBatch(port: Port, clockNs: number): number {
    // A clock that steps back mints nothing and takes nothing: time stands still until it has caught up.
    const nowNs = clockNs > this.lastNs ? clockNs : this.lastNs;
    this.lastNs = nowNs;
    const rows = port.drain();
    const { arrivals, failures } = port.batch;
    for (let row = 0; row < port.failureRows; row++) this.verdicts.refused(failures.tag[row]);
    // First what was due before: arrivals find the queues as they are now, and take no tokens that were others' since.
    this.leaveDue(nowNs);
    // New packets must not join them: a run is refused only as a whole, and the kernel may have dropped what we held.
    this.verdicts.closeRuns();
    if (rows > 0) {
      parseBatch(arrivals, port.slab, rows, this.parsed);
      this.verdicts.connect(port, rows);
      this.intake.prepare(this.parsed, rows, nowNs);
      this.queues.readAhead(rows);
      for (let p = 0; p < rows; p++) {
        const h = this.intake.take(arrivals, this.parsed, p, nowNs);
        if (this.acks.isUsed) this.acks.read(arrivals, port.slab, this.parsed, p, h);
        this.arrive(h, nowNs);
      }
      this.flows.sweep(nowNs);
      this.each.sweep(nowNs);
      this.queues.sweep(nowNs);
    }
    this.verdicts.flush();
    this.stats.totals[TOTAL.batches] += 1;
    this.stats.totals[TOTAL.flows] = this.flows.size;
    port.arm(this.nextDueNs());
    return rows;
  }

  /**
   * Applies another specification between two batches; reconfigure.ts says what may change and what stays. `renamed` tells where
   * classes with a new path come from, `deviceIndexes` the interface indexes of devices that no class named before: waiting packets
   * are classified by them too. Throws RangeError, and has changed nothing then, if sockets or rules would have to change.
   */
  reconfigure(port: Port, { spec, renamed, deviceIndexes }: Change, clockNs: number): void {
    const nowNs = Math.max(clockNs, this.lastNs);
    const change = planChange(this.classes, this.spec, spec, renamed, nowNs);
    this.lastNs = nowNs;
    // What is due leaves by the rules under which it became due.
    this.leaveDue(nowNs);
    this.on(reconfigure(this.stages, spec, change, this.lasting, deviceIndexes, this.slackNs));
    this.spec = spec;
    this.leaveDue(nowNs);
    this.verdicts.flush();
    port.arm(this.nextDueNs());
  }

  private on(stages: Stages): void {
    this.stages = stages;
    this.policers = stages.policers;
    this.meters = stages.meters;
    this.remarks = stages.remarks;
    this.admission = stages.admission;
    this.each = stages.each;
    this.trees = stages.trees;
    this.outcomes = stages.outcomes;
  }

  /** Instant at which the next waiting packet is due; Infinity when none waits. */
  nextDueNs(): number {
    return Math.min(this.trees.nextDueNs(), this.each.nextDueNs());
  }

  /** RED's average queue of class row `leaf` at `nowNs`, in bytes; NaN where RED is not configured. */
  redAverageBytes(leaf: number, nowNs: number): number {
    return this.admission.averageBytes(leaf, nowNs);
  }

  /** Accepts everything held, then everything that still arrives: the orderly stop. */
  releaseAll(port: Port, clockNs: number): void {
    this.stopping = true;
    const nowNs = Math.max(clockNs, this.lastNs);
    for (const h of this.lasting.released.takeAll(0)) this.leaveTrees(h, nowNs);
    for (const h of takeAll(this.stages, this.held)) this.leaveTrees(h, nowNs);
    this.verdicts.flush();
    while (this.runBatch(port, nowNs) > 0) {
      // Every batch is accepted as it is read.
    }
  }

  private arrive(h: number, nowNs: number): void {
    this.verdicts.received(h);
    if (this.held.leaf[h] === NONE) {
      this.stats.totals[TOTAL.unmatchedPackets] += 1;
      this.outcomes.accept(h);
    } else {
      this.enter(h, nowNs, nowNs);
    }
  }

  /** Packet `h` comes to its leaf; `atNs` (at most now) is the instant from which its ceilings count. */
  private enter(h: number, atNs: number, nowNs: number): void {
    const { held, stats } = this;
    const leaf = held.leaf[h];
    const chargeBytes = chargeBytesOf(this.stages, held, h);
    held.chargeBytes[h] = chargeBytes;
    held.enter(h, nowNs, atNs);
    const mayDrop = !held.neverDrop(h);
    if (this.stopping || !held.mayWait()) {
      if (!this.stopping && (held.flags[h] & FLAG_UNDELAYED) === 0) {
        stats.totals[TOTAL.heldFull] += 1;
        held.flags[h] |= FLAG_UNDELAYED;
      }
      if (this.meters.isUsed) this.meters.measure(h, nowNs);
      this.outcomes.admitted(h);
      this.leaveTrees(h, nowNs);
      return;
    }
    const isError = (held.flags[h] & FLAG_ICMP_ERROR) !== 0;
    if (!isError) {
      const mayMark = (held.flags[h] & FLAG_ECT) !== 0;
      const answer = this.policers.ask(leaf, nowNs, chargeBytes, mayDrop, mayMark);
      if (answer === POLICE_DROP) {
        this.refuse(h, stats.dropPolice);
        return;
      }
      if (answer === POLICE_MARK) this.outcomes.mark(h);
    }
    if (this.meters.isUsed) this.meters.measure(h, nowNs);
    const signal = this.admission.signal(leaf, h, nowNs);
    const marks = signal === SIGNAL_MARK && this.stages.marksEcn[leaf] === 1 && this.outcomes.mark(h);
    if (signal !== SIGNAL_NONE && !marks && mayDrop) {
      this.refuse(h, this.admission.isEarly(leaf) ? stats.dropEarly : stats.dropAqm);
      return;
    }
    if (mayDrop && !this.stages.room.find(leaf, h)) {
      this.refuse(h, stats.dropTail);
      return;
    }
    if (!isError) {
      const answer = mayDrop ? this.stages.eachPolicers.ask(leaf, h, nowNs) : EACH_PASS;
      if (answer !== EACH_PASS) {
        if (answer === EACH_FULL) stats.totals[TOTAL.eachFull] += 1;
        this.refuse(h, answer === EACH_FULL ? stats.dropTail : stats.dropPolice);
        return;
      }
      this.stages.eachPolicers.charge(leaf, h, nowNs);
    }
    if (mayDrop) this.makeRoom(leaf, h, nowNs);
    this.outcomes.admitted(h);
    this.passEach(h, this.stages.waits.from[leaf], nowNs);
  }

  /** Drops packet `h`, which its leaf does not take, and counts it there for this reason. */
  private refuse(h: number, reason: Float64Array): void {
    reason[this.held.leaf[h]] += 1;
    this.outcomes.drop(h);
  }

  /** Evicts what room.find() found. */
  private makeRoom(leaf: number, arriving: number, nowNs: number): void {
    const { room } = this.stages;
    for (let h = room.evict(leaf, arriving); h !== NONE; h = room.evict(leaf, arriving)) {
      this.stats.dropTail[leaf] += 1;
      this.outcomes.withdraw(h, nowNs);
      this.trees.look(leaf);
    }
  }

  /** Takes `h` through the `each` buckets in which it may wait, from class `c` upwards, then to its ceilings. */
  private passEach(h: number, c: number, nowNs: number): void {
    const { held, each } = this;
    for (let row = c; row !== NONE; row = this.stages.waits.above[row]) {
      const e = each.bucketOf(row, h, nowNs);
      if (e === NONE) {
        this.stats.totals[TOTAL.eachFull] += 1;
        if (held.neverDrop(h)) continue;
        this.stats.dropTail[held.leaf[h]] += 1;
        this.outcomes.withdraw(h, nowNs);
        return;
      }
      if (!each.pass(e, nowNs + this.slackNs, h)) return;
    }
    if (this.trees.pass(h)) {
      this.leaveTrees(h, nowNs);
    } else if (this.trees.enqueue(h, nowNs)) {
      this.serve(this.stages.rootOf[held.leaf[h]], nowNs);
    } else if (held.neverDrop(h)) {
      // Its flow has no queue, so nothing of it waits there.
      this.leaveTrees(h, nowNs);
    } else {
      this.stats.totals[TOTAL.fairFull] += 1;
      this.stats.dropTail[held.leaf[h]] += 1;
      this.outcomes.withdraw(h, nowNs);
    }
  }

  /** Lets go what its buckets and ceilings allow by now. */
  private leaveDue(nowNs: number): void {
    const { each, trees, lasting } = this;
    const horizonNs = nowNs + this.slackNs;
    while (!lasting.released.isEmpty(0)) this.leaveTrees(lasting.released.shift(0), nowNs);
    trees.advance(horizonNs);
    for (let h = each.popDue(horizonNs); h !== NONE; h = each.popDue(horizonNs)) {
      this.passEach(h, this.stages.waits.above[each.poppedClass], nowNs);
    }
    for (const root of trees.roots) this.serve(root, nowNs);
  }

  private serve(root: number, nowNs: number): void {
    const { trees, queues } = this;
    for (let h = trees.next(root); h !== NONE; h = trees.next(root)) this.leaveTrees(h, nowNs);
    for (let h = queues.popDoomed(); h !== NONE; h = queues.popDoomed()) {
      this.stats.dropAqm[this.held.leaf[h]] += 1;
      this.outcomes.withdraw(h, nowNs);
    }
  }

  /** Packet `h` leaves its leaf: counted as sent there, then into the next tree or to its verdict. */
  private leaveTrees(h: number, nowNs: number): void {
    const { held } = this;
    this.outcomes.sent(h, nowNs);
    if (this.remarks.isUsed) this.remarks.apply(h);
    const second = held.nextLeaf[h];
    if (second === NONE) {
      this.outcomes.accept(h);
      return;
    }
    held.leafBefore[h] = held.leaf[h];
    held.leaf[h] = second;
    held.nextLeaf[h] = NONE;
    this.enter(h, Math.min(held.readyNs(h), nowNs), nowNs);
  }
}
