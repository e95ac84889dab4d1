/**
 * The decision loop. One packet's way:
 *
 *   runBatch > arrive: parse > flow > leaf of each tree > enter
 *              enter:  police > queue admission (limit, RED) > each > trees          (answers at once, or waits)
 *              leave:  due buckets and ceilings > next tree, or verdict
 *
 * Nothing here reads a clock, allocates per packet or knows where packets come from: the live loop and the simulator call
 * the same runBatch(port, nowNs).
 */
import { HISTOGRAM_BINS, histogramBin } from '../base/histogram.ts';
import { NONE } from '../base/none.ts';
import { Prng } from '../base/prng.ts';
import { ARRIVAL_ROWS, EACH_BUCKETS_MAX, FLOWS_MAX, HELD_MAX, RELEASE_SLACK_NS } from '../limits.ts';
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../packet/batch.ts';
import { createParsed, type Parsed, parseBatch } from '../packet/parse.ts';
import type { Port } from '../packet/port.ts';
import { Admission } from './admission.ts';
import { type ClassInfo, listClasses } from './classes.ts';
import { Classifier } from './classifier.ts';
import { EachTable } from './each.ts';
import { FlowTable } from './flow-table.ts';
import { FragmentTable } from './fragments.ts';
import { FLAG_ICMP_ERROR, FLAG_NEVER_DROP, HeldTable, NO_LEAF } from './held.ts';
import { Policers } from './policers.ts';
import type { EachSpec, ShaperSpec } from './spec.ts';
import { createStats, type Stats, TOTAL } from './stats.ts';
import { Trees } from './trees.ts';
import { VerdictWriter } from './verdicts.ts';

const IPPROTO_TCP = 6;
const SSH_PORT = 22;

export interface EngineOptions {
  /** Seeds chance (RED) and the keys of the hash tables. */
  readonly seed: number;
  /** What is due within this span leaves together; default RELEASE_SLACK_NS. */
  readonly releaseSlackNs?: number;
}

export class Engine {
  readonly classes: readonly ClassInfo[];
  readonly stats: Stats;
  private readonly parsed: Parsed = createParsed();
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly fragments: FragmentTable;
  private readonly classifier: Classifier;
  private readonly policers: Policers;
  private readonly admission: Admission;
  private readonly each: EachTable;
  private readonly trees: Trees;
  private readonly verdicts: VerdictWriter;
  private readonly overheadBytes: Int32Array;
  private readonly rootOf: Uint16Array;
  private readonly eachSpec: readonly (EachSpec | null)[];
  /** The class itself or its nearest ancestor with `each`; NO_LEAF for none. */
  private readonly eachFrom: Uint16Array;
  /** The same, starting at the parent. */
  private readonly eachAbove: Uint16Array;
  private readonly foreignMask: number;
  private readonly slackNs: number;
  private lastNs = 0;
  private stopping = false;

  constructor(spec: ShaperSpec, options: EngineOptions) {
    const { count, length, markMask } = spec.nfqueue;
    const prng = new Prng(options.seed);
    const key = (): number => prng.nextUint32();
    const classes = listClasses(spec);
    this.classes = classes;
    this.stats = createStats(classes.length);
    this.held = new HeldTable(Math.min(HELD_MAX, count * length) + ARRIVAL_ROWS);
    this.flows = new FlowTable(FLOWS_MAX, key(), key(), this.stats);
    this.fragments = new FragmentTable(key(), key());
    this.classifier = new Classifier(spec, classes);
    this.each = new EachTable(EACH_BUCKETS_MAX, key(), key(), classes, this.held, this.flows, this.stats);
    this.trees = new Trees(classes, this.held);
    this.policers = new Policers(classes);
    this.admission = new Admission(classes, this.stats, this.trees, prng);
    this.verdicts = new VerdictWriter(count, markMask, this.held, this.stats);
    this.overheadBytes = Int32Array.from(classes, (info) => info.link.overheadBytes);
    this.rootOf = Uint16Array.from(classes, (info) => info.root);
    this.eachSpec = classes.map((info) => info.spec.each);
    this.eachFrom = new Uint16Array(classes.length);
    this.eachAbove = new Uint16Array(classes.length);
    for (const [row, info] of classes.entries()) {
      this.eachAbove[row] = info.parent === NONE ? NO_LEAF : this.eachFrom[info.parent];
      this.eachFrom[row] = info.spec.each ? row : this.eachAbove[row];
    }
    this.foreignMask = ~markMask >>> 0;
    this.slackNs = options.releaseSlackNs ?? RELEASE_SLACK_NS;
  }

  /** Device names whose interface index the core must be told. */
  get devices(): readonly string[] {
    return this.classifier.devices;
  }

  /** The device has this interface index from now on; every flow is classified again. */
  setDeviceIndex(device: string, ifIndex: number): void {
    this.classifier.setDeviceIndex(device, ifIndex);
    this.flows.hook.fill(0);
  }

  /** Handles what waits at the port and what is due at `nowNs`; returns the packets read, at most ARRIVAL_ROWS. */
  runBatch(port: Port, nowNs: number): number {
    // A clock that steps back mints nothing and takes nothing: time stands still until it has caught up.
    const now = nowNs > this.lastNs ? nowNs : this.lastNs;
    this.lastNs = now;
    const rows = port.drain();
    for (let row = 0; row < port.failureRows; row++) this.verdicts.refused(port.batch.failures.tag[row]);
    if (rows > 0) {
      parseBatch(port.batch.arrivals, port.slab, rows, this.parsed);
      for (let p = 0; p < rows; p++) this.arrive(port, p, now);
      this.flows.sweep(now);
      this.each.sweep(now);
    }
    this.leaveDue(port, now);
    this.verdicts.flush(port);
    const { totals } = this.stats;
    totals[TOTAL.batches] += 1;
    totals[TOTAL.flows] = this.flows.keys.size;
    port.arm(this.nextDueNs());
    return rows;
  }

  /** Instant at which the next waiting packet is due; Infinity when none waits. */
  nextDueNs(): number {
    return Math.min(this.trees.nextDueNs(), this.each.nextDueNs());
  }

  /** Accepts everything held, then everything that still arrives: the orderly stop. */
  releaseAll(port: Port, nowNs: number): void {
    this.stopping = true;
    const now = Math.max(nowNs, this.lastNs);
    for (let h = this.each.popAny(); h !== NONE; h = this.each.popAny()) this.leaveTrees(port, h, now);
    for (let h = this.trees.popAny(); h !== NONE; h = this.trees.popAny()) this.leaveTrees(port, h, now);
    this.verdicts.flush(port);
    while (this.runBatch(port, now) > 0) {
      // Every batch is accepted as it is read.
    }
  }

  private arrive(port: Port, p: number, now: number): void {
    const { held, flows, parsed } = this;
    const a = port.batch.arrivals;
    if (parsed.fragment[p] !== 0) this.fragments.join(parsed, p, now);
    const f = flows.findOrMake(parsed, p, now);
    const h = held.take();
    const lengthBytes = a.lengthBytes[p];
    const queue = a.queue[p];
    held.packetId[h] = a.packetId[p];
    held.queue[h] = queue;
    held.hook[h] = a.hook[p];
    held.mark[h] = a.mark[p];
    held.lengthBytes[h] = lengthBytes;
    held.flow[h] = f;
    held.flags[h] = this.flagsOf(a.hook[p], p);
    held.leafBefore[h] = NO_LEAF;
    this.verdicts.waiting[queue] += 1;
    const { totals } = this.stats;
    totals[TOTAL.receivedPackets] += 1;
    totals[TOTAL.receivedBytes] += lengthBytes;
    totals[TOTAL.heldPackets] += 1;
    totals[TOTAL.heldBytes] += lengthBytes;
    this.classify(port, p, f, h);
    if (f !== NONE) flows.held[f] += 1;
    if (held.leaf[h] === NO_LEAF) {
      totals[TOTAL.unmatchedPackets] += 1;
      this.answer(port, h);
    } else {
      this.enter(port, h, now, now);
    }
  }

  /** Sets the packet's leaves: from its flow, or by the matchers when the flow is new or looks different. */
  private classify(port: Port, p: number, f: number, h: number): void {
    const { flows, held, parsed, classifier } = this;
    const a = port.batch.arrivals;
    const hook = a.hook[p];
    const ifIndexIn = a.ifIndexIn[p];
    const ifIndexOut = a.ifIndexOut[p];
    const foreignMark = (a.mark[p] & this.foreignMask) >>> 0;
    const known =
      f !== NONE &&
      flows.hook[f] === hook &&
      flows.dscp[f] === parsed.dscp[p] &&
      flows.ifIndexIn[f] === ifIndexIn &&
      flows.ifIndexOut[f] === ifIndexOut &&
      flows.foreignMark[f] === foreignMark;
    let first: number;
    let second: number;
    if (known) {
      first = flows.leaf[f];
      second = flows.secondLeaf[f];
    } else {
      const down = classifier.firstRoot(hook, ifIndexIn);
      const up = classifier.lastRoot(hook, ifIndexOut);
      const downLeaf =
        down === NO_LEAF ? NO_LEAF : classifier.leafOf(down, parsed, p, foreignMark, ifIndexIn, ifIndexOut);
      const upLeaf =
        up === NO_LEAF ? NO_LEAF : classifier.leafOf(up, parsed, p, foreignMark, ifIndexIn, ifIndexOut);
      first = downLeaf === NO_LEAF ? upLeaf : downLeaf;
      second = downLeaf === NO_LEAF ? NO_LEAF : upLeaf;
      if (f !== NONE) {
        flows.assign(f, first, second);
        flows.hook[f] = hook;
        flows.dscp[f] = parsed.dscp[p];
        flows.ifIndexIn[f] = ifIndexIn;
        flows.ifIndexOut[f] = ifIndexOut;
        flows.foreignMark[f] = foreignMark;
      }
    }
    held.leaf[h] = first;
    held.nextLeaf[h] = second;
  }

  private flagsOf(hook: number, p: number): number {
    const { parsed } = this;
    if (parsed.icmpError[p] === 1) return FLAG_ICMP_ERROR;
    const ssh =
      parsed.protocol[p] === IPPROTO_TCP &&
      ((hook === NF_INET_LOCAL_IN && parsed.dport[p] === SSH_PORT) ||
        (hook === NF_INET_LOCAL_OUT && parsed.sport[p] === SSH_PORT));
    return ssh ? FLAG_NEVER_DROP : 0;
  }

  /** Packet `h` comes to its leaf; `atNs` (at most now) is the instant from which its ceilings count. */
  private enter(port: Port, h: number, atNs: number, now: number): void {
    const { held, stats } = this;
    const leaf = held.leaf[h];
    const lengthBytes = held.lengthBytes[h];
    const chargeBytes = Math.max(1, lengthBytes + this.overheadBytes[leaf]);
    held.chargeBytes[h] = chargeBytes;
    held.enteredNs[h] = now;
    held.readyNs[h] = atNs;
    const mayDrop = (held.flags[h] & FLAG_NEVER_DROP) === 0;
    if (this.stopping || !held.mayWait()) {
      if (!this.stopping) stats.totals[TOTAL.heldFull] += 1;
      stats.backlogPackets[leaf] += 1;
      stats.backlogBytes[leaf] += lengthBytes;
      this.leaveTrees(port, h, now);
      return;
    }
    if ((held.flags[h] & FLAG_ICMP_ERROR) === 0 && !this.policers.pass(leaf, now, chargeBytes, mayDrop)) {
      stats.dropPolice[leaf] += 1;
      this.discard(port, h);
      return;
    }
    if (!this.admission.admit(leaf, now, lengthBytes, mayDrop)) {
      this.discard(port, h);
      return;
    }
    stats.backlogPackets[leaf] += 1;
    stats.backlogBytes[leaf] += lengthBytes;
    this.passEach(port, h, this.eachFrom[leaf], now);
  }

  /** Takes `h` through the `each` buckets from class `c` upwards, then to its ceilings. */
  private passEach(port: Port, h: number, c: number, now: number): void {
    const { held, each } = this;
    for (let row = c; row !== NO_LEAF; row = this.eachAbove[row]) {
      const e = each.bucketOf(row, h, now);
      const mayDrop = (held.flags[h] & FLAG_NEVER_DROP) === 0;
      if (e === NONE) {
        this.stats.totals[TOTAL.eachFull] += 1;
        if (!mayDrop) continue;
        this.stats.dropTail[held.leaf[h]] += 1;
        this.withdraw(port, h, now);
        return;
      }
      if (this.eachSpec[row]?.exceed === 'drop') {
        if (each.police(e, now, h) || !mayDrop) continue;
        this.stats.dropPolice[held.leaf[h]] += 1;
        this.withdraw(port, h, now);
        return;
      }
      if (!each.pass(e, now + this.slackNs, h)) return;
    }
    this.trees.enqueue(h);
    this.serve(port, this.rootOf[held.leaf[h]], now);
  }

  /** Lets go what its buckets and ceilings allow by now. */
  private leaveDue(port: Port, now: number): void {
    const { each, trees } = this;
    const horizonNs = now + this.slackNs;
    for (let h = each.popDue(horizonNs); h !== NONE; h = each.popDue(horizonNs)) {
      this.passEach(port, h, this.eachAbove[each.poppedClass], now);
    }
    trees.unblock(horizonNs);
    for (const root of trees.roots) this.serve(port, root, now);
  }

  private serve(port: Port, root: number, now: number): void {
    const horizonNs = now + this.slackNs;
    const { trees } = this;
    for (let h = trees.next(root, horizonNs); h !== NONE; h = trees.next(root, horizonNs))
      this.leaveTrees(port, h, now);
  }

  /** Packet `h` leaves its leaf: counted as sent there, then into the next tree or to its verdict. */
  private leaveTrees(port: Port, h: number, now: number): void {
    const { held, stats } = this;
    const leaf = held.leaf[h];
    const lengthBytes = held.lengthBytes[h];
    stats.backlogPackets[leaf] -= 1;
    stats.backlogBytes[leaf] -= lengthBytes;
    if (stats.backlogPackets[leaf] === 0) this.admission.becameEmpty(leaf, now);
    stats.sentPackets[leaf] += 1;
    stats.sentBytes[leaf] += lengthBytes;
    const atNs = held.readyNs[h];
    stats.delay[leaf * HISTOGRAM_BINS + histogramBin((now - held.enteredNs[h]) / 1e3)] += 1;
    if (atNs > held.enteredNs[h]) stats.lateness[histogramBin(Math.max(0, now - atNs) / 1e3)] += 1;
    const second = held.nextLeaf[h];
    if (second === NO_LEAF) {
      this.answer(port, h);
    } else {
      held.leafBefore[h] = leaf;
      held.leaf[h] = second;
      held.nextLeaf[h] = NO_LEAF;
      this.enter(port, h, Math.min(atNs, now), now);
    }
  }

  private answer(port: Port, h: number): void {
    this.unlinkFlow(h);
    this.verdicts.accept(port, h);
  }

  private discard(port: Port, h: number): void {
    this.unlinkFlow(h);
    this.verdicts.drop(port, h);
  }

  /** Drops a packet that was already admitted to its leaf. */
  private withdraw(port: Port, h: number, now: number): void {
    const leaf = this.held.leaf[h];
    this.stats.backlogPackets[leaf] -= 1;
    this.stats.backlogBytes[leaf] -= this.held.lengthBytes[h];
    if (this.stats.backlogPackets[leaf] === 0) this.admission.becameEmpty(leaf, now);
    this.discard(port, h);
  }

  private unlinkFlow(h: number): void {
    const f = this.held.flow[h];
    if (f !== NONE) this.flows.held[f] -= 1;
  }
}
