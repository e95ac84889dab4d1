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
import { type LinkLayer, superpacketWireBytes, wireBytes } from '../algo/link-layer.ts';
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
import { AckFilter } from './ack-filter.ts';
import { Admission, SIGNAL_MARK, SIGNAL_NONE } from './admission.ts';
import { type Chain, type ClassInfo, chainOf, listClasses } from './classes.ts';
import { EachTable } from './each.ts';
import { EACH_FULL, EACH_PASS, EachPolicers } from './each-policers.ts';
import { FlowTable } from './flow-table.ts';
import { FLAG_ICMP_ERROR, FLAG_UNDELAYED, HeldTable, NO_LEAF } from './held.ts';
import { Intake } from './intake.ts';
import { LeafQueues } from './leaf-queues.ts';
import { Meters } from './meters.ts';
import { Outcomes } from './outcomes.ts';
import { POLICE_DROP, POLICE_MARK, Policers } from './policers.ts';
import { ALL_ABILITIES, planQueues, type QueuePlan } from './queue-plan.ts';
import { Remarks } from './remarks.ts';
import { Room } from './room.ts';
import type { ShaperSpec } from './spec.ts';
import { createStats, type Stats, TOTAL } from './stats.ts';
import { Steering } from './steering.ts';
import { Trees } from './trees.ts';
import { VerdictWriter } from './verdicts.ts';

/** Segments of superpackets are taken to fill packets of this length. */
const MTU_BYTES = 1500;

export interface EngineOptions {
  /** Seeds chance (RED) and the keys of the hash tables. */
  readonly seed: number;
  /** What is due within this span leaves together; default RELEASE_SLACK_NS. */
  readonly releaseSlackNs?: number;
  /** What the rules around the queues do; default: they set CE and DSCP, and nobody steers flows. */
  readonly plan?: QueuePlan;
}

export class Engine {
  readonly classes: readonly ClassInfo[];
  readonly stats: Stats;
  private readonly parsed: Parsed = createParsed();
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly intake: Intake;
  private readonly acks: AckFilter;
  private readonly policers: Policers;
  private readonly meters: Meters;
  private readonly remarks: Remarks;
  private readonly admission: Admission;
  private readonly each: EachTable;
  private readonly eachPolicers: EachPolicers;
  private readonly room: Room;
  private readonly queues: LeafQueues;
  private readonly trees: Trees;
  private readonly verdicts: VerdictWriter;
  private readonly outcomes: Outcomes;
  private readonly linkLayers: readonly LinkLayer[];
  /** The leaf's AQM marks what can carry a mark. */
  private readonly marksEcn: Uint8Array;
  private readonly rootOf: Uint16Array;
  /** Classes with `each` buckets in which packets wait. */
  private readonly waits: Chain;
  private readonly slackNs: number;
  private lastNs = 0;
  private stopping = false;

  constructor(spec: ShaperSpec, options: EngineOptions) {
    const { count, length, markMask } = spec.nfqueue;
    const prng = new Prng(options.seed);
    const nextKey = (): number => prng.nextUint32();
    const classes = listClasses(spec);
    this.classes = classes;
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
    this.each = new EachTable(
      EACH_BUCKETS_MAX,
      nextKey(),
      nextKey(),
      classes,
      this.held,
      this.flows,
      this.stats,
    );
    this.acks = new AckFilter(classes, this.held);
    this.queues = new LeafQueues(FAIR_QUEUES_MAX, nextKey, classes, this.held, this.flows, this.acks);
    this.trees = new Trees(classes, this.held, this.queues);
    this.policers = new Policers(classes);
    this.meters = new Meters(classes, this.held);
    this.remarks = new Remarks(classes, this.held, plan.dscps);
    this.admission = new Admission(classes, this.stats, this.held, this.trees, prng);
    this.eachPolicers = new EachPolicers(classes, this.each);
    const { held, admission, each, queues } = this;
    const areDelayed = Uint8Array.from(classes, (info) => (delays(info) ? 1 : 0));
    this.room = new Room(held, admission, each, queues, areDelayed);
    this.verdicts = new VerdictWriter(markMask, this.held, this.stats, steering);
    this.outcomes = new Outcomes(this.stats, this.held, this.flows, this.admission, this.verdicts);
    this.linkLayers = classes.map((info) => info.link.linkLayer);
    this.marksEcn = Uint8Array.from(classes, (info) => (info.spec.queue?.ecn ? 1 : 0));
    this.rootOf = Uint16Array.from(classes, (info) => info.root);
    this.waits = chainOf(classes, delays);
    this.slackNs = options.releaseSlackNs ?? RELEASE_SLACK_NS;
  }

  /** Device names whose interface index the core must be told. */
  get devices(): readonly string[] {
    return this.intake.devices;
  }

  /** The device has this interface index from now on; every flow is classified again. */
  setDeviceIndex(device: string, ifIndex: number): void {
    this.intake.setDeviceIndex(device, ifIndex);
  }

  /** Handles what waits at the port and what is due at `nowNs`; returns the packets read, at most ARRIVAL_ROWS. */
  runBatch(port: Port, nowNs: number): number {
    // A clock that steps back mints nothing and takes nothing: time stands still until it has caught up.
    const now = nowNs > this.lastNs ? nowNs : this.lastNs;
    this.lastNs = now;
    const rows = port.drain();
    for (let row = 0; row < port.failureRows; row++) this.verdicts.refused(port.batch.failures.tag[row]);
    // First what was due before: arrivals find the queues as they are now, and take no tokens that were others' since.
    this.leaveDue(port, now);
    // New packets must not join them: a run is refused only as a whole, and the kernel may have dropped what we held.
    this.verdicts.closeRuns(port);
    if (rows > 0) {
      parseBatch(port.batch.arrivals, port.slab, rows, this.parsed);
      this.intake.prepare(this.parsed, rows, now);
      this.queues.readAhead(rows);
      for (let p = 0; p < rows; p++) this.arrive(port, p, now);
      this.flows.sweep(now);
      this.each.sweep(now);
      this.queues.sweep(now);
    }
    this.verdicts.flush(port);
    this.stats.totals[TOTAL.batches] += 1;
    this.stats.totals[TOTAL.flows] = this.flows.size;
    port.arm(this.nextDueNs());
    return rows;
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
  releaseAll(port: Port, nowNs: number): void {
    this.stopping = true;
    const now = Math.max(nowNs, this.lastNs);
    // What has passed its `each` bucket is older than what waits for it.
    for (let h = this.trees.popAny(); h !== NONE; h = this.trees.popAny()) this.leaveTrees(port, h, now);
    for (let h = this.each.popAny(); h !== NONE; h = this.each.popAny()) this.leaveTrees(port, h, now);
    this.verdicts.flush(port);
    while (this.runBatch(port, now) > 0) {
      // Every batch is accepted as it is read.
    }
  }

  private arrive(port: Port, p: number, now: number): void {
    const { held, verdicts } = this;
    const { arrivals } = port.batch;
    const h = this.intake.take(arrivals, this.parsed, p, now);
    if (this.acks.isUsed) this.acks.read(arrivals, port.slab, this.parsed, p, h);
    verdicts.waiting[held.queue[h]] += 1;
    if (held.leaf[h] === NO_LEAF) {
      this.stats.totals[TOTAL.unmatchedPackets] += 1;
      this.outcomes.accept(port, h);
    } else {
      this.enter(port, h, now, now);
    }
  }

  /** Packet `h` comes to its leaf; `atNs` (at most now) is the instant from which its ceilings count. */
  private enter(port: Port, h: number, atNs: number, now: number): void {
    const { held, stats } = this;
    const leaf = held.leaf[h];
    const chargeBytes = this.chargeBytes(h);
    held.chargeBytes[h] = chargeBytes;
    held.enteredNs[h] = now;
    held.readyNs[h] = atNs;
    const mayDrop = !held.neverDrop(h);
    if (this.stopping || !held.mayWait()) {
      if (!this.stopping && (held.flags[h] & FLAG_UNDELAYED) === 0) {
        stats.totals[TOTAL.heldFull] += 1;
        held.flags[h] |= FLAG_UNDELAYED;
      }
      if (this.meters.isUsed) this.meters.measure(h, now);
      this.outcomes.admitted(h);
      this.leaveTrees(port, h, now);
      return;
    }
    const isError = (held.flags[h] & FLAG_ICMP_ERROR) !== 0;
    if (!isError) {
      const answer = this.policers.ask(leaf, now, chargeBytes, mayDrop);
      if (answer === POLICE_DROP || (answer === POLICE_MARK && !this.outcomes.mark(h))) {
        stats.dropPolice[leaf] += 1;
        this.outcomes.drop(port, h);
        return;
      }
    }
    if (this.meters.isUsed) this.meters.measure(h, now);
    const signal = this.admission.signal(leaf, h, now);
    const marks = signal === SIGNAL_MARK && this.marksEcn[leaf] === 1 && this.outcomes.mark(h);
    if (signal !== SIGNAL_NONE && !marks && mayDrop) {
      const reason = this.admission.isEarly(leaf) ? stats.dropEarly : stats.dropAqm;
      reason[leaf] += 1;
      this.outcomes.drop(port, h);
      return;
    }
    if (mayDrop && !this.room.find(leaf, h)) {
      stats.dropTail[leaf] += 1;
      this.outcomes.drop(port, h);
      return;
    }
    if (!isError) {
      const answer = mayDrop ? this.eachPolicers.ask(leaf, h, now) : EACH_PASS;
      if (answer !== EACH_PASS) {
        if (answer === EACH_FULL) stats.totals[TOTAL.eachFull] += 1;
        const reason = answer === EACH_FULL ? stats.dropTail : stats.dropPolice;
        reason[leaf] += 1;
        this.outcomes.drop(port, h);
        return;
      }
      this.eachPolicers.charge(leaf, h, now);
    }
    if (mayDrop) this.makeRoom(port, leaf, h, now);
    this.outcomes.admitted(h);
    this.passEach(port, h, this.waits.from[leaf], now);
  }

  /** What packet `h` costs on the wire of its leaf's link; a superpacket costs what its segments will. */
  private chargeBytes(h: number): number {
    const { held } = this;
    const layer = this.linkLayers[held.leaf[h]];
    const headerBytes = held.headerBytes[h];
    if (headerBytes === 0) return wireBytes(layer, held.lengthBytes[h]);
    return superpacketWireBytes(layer, held.lengthBytes[h], headerBytes, MTU_BYTES - headerBytes);
  }

  /** Evicts what room.find() found. */
  private makeRoom(port: Port, leaf: number, arriving: number, now: number): void {
    const { room } = this;
    for (let h = room.evict(leaf, arriving); h !== NONE; h = room.evict(leaf, arriving)) {
      this.stats.dropTail[leaf] += 1;
      this.outcomes.withdraw(port, h, now);
    }
    this.trees.emptied(leaf);
  }

  /** Takes `h` through the `each` buckets in which it may wait, from class `c` upwards, then to its ceilings. */
  private passEach(port: Port, h: number, c: number, now: number): void {
    const { held, each } = this;
    for (let row = c; row !== NO_LEAF; row = this.waits.above[row]) {
      const e = each.bucketOf(row, h, now);
      if (e === NONE) {
        this.stats.totals[TOTAL.eachFull] += 1;
        if (held.neverDrop(h)) continue;
        this.stats.dropTail[held.leaf[h]] += 1;
        this.outcomes.withdraw(port, h, now);
        return;
      }
      if (!each.pass(e, now + this.slackNs, h)) return;
    }
    if (this.trees.pass(h)) {
      this.leaveTrees(port, h, now);
    } else if (this.trees.enqueue(h, now)) {
      this.serve(port, this.rootOf[held.leaf[h]], now);
    } else {
      this.stats.totals[TOTAL.fairFull] += 1;
      this.stats.dropTail[held.leaf[h]] += 1;
      this.outcomes.withdraw(port, h, now);
    }
  }

  /** Lets go what its buckets and ceilings allow by now. */
  private leaveDue(port: Port, now: number): void {
    const { each, trees } = this;
    const horizonNs = now + this.slackNs;
    trees.advance(horizonNs);
    for (let h = each.popDue(horizonNs); h !== NONE; h = each.popDue(horizonNs)) {
      this.passEach(port, h, this.waits.above[each.poppedClass], now);
    }
    for (const root of trees.roots) this.serve(port, root, now);
  }

  private serve(port: Port, root: number, now: number): void {
    const { trees, queues, stats, held } = this;
    for (let h = trees.next(root); h !== NONE; h = trees.next(root)) this.leaveTrees(port, h, now);
    for (let h = queues.popDoomed(); h !== NONE; h = queues.popDoomed()) {
      stats.dropAqm[held.leaf[h]] += 1;
      this.outcomes.withdraw(port, h, now);
    }
  }

  /** Packet `h` leaves its leaf: counted as sent there, then into the next tree or to its verdict. */
  private leaveTrees(port: Port, h: number, now: number): void {
    const { held } = this;
    this.outcomes.sent(h, now);
    if (this.remarks.isUsed) this.remarks.apply(h);
    const second = held.nextLeaf[h];
    if (second === NO_LEAF) {
      this.outcomes.accept(port, h);
      return;
    }
    held.leafBefore[h] = held.leaf[h];
    held.leaf[h] = second;
    held.nextLeaf[h] = NO_LEAF;
    this.enter(port, h, Math.min(held.readyNs[h], now), now);
  }
}

/** Whether packets wait in `each` buckets of the class. */
function delays({ spec }: ClassInfo): boolean {
  return spec.each?.exceed === 'delay';
}
