/**
 * From a row of the batch to a held row: which flow the packet belongs to, which leaves it will pass, what is special
 * about it. A packet whose flow is known and unchanged costs one table look-up.
 */
import { NONE } from '../base/none.ts';
import { type Arrivals, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../packet/batch.ts';
import type { Parsed } from '../packet/parse.ts';
import type { ClassInfo } from './classes.ts';
import { Classifier } from './classifier.ts';
import type { FlowTable } from './flow-table.ts';
import { FragmentTable } from './fragments.ts';
import { FLAG_ECT, FLAG_ICMP_ERROR, FLAG_NEVER_DROP, type HeldTable, NO_LEAF } from './held.ts';
import type { ShaperSpec } from './spec.ts';
import { type Stats, TOTAL } from './stats.ts';

const IPPROTO_TCP = 6;
const SSH_PORT = 22;
const WHOLE_PACKET = 0;

export class Intake {
  private readonly classifier: Classifier;
  private readonly fragments: FragmentTable;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly stats: Stats;
  private readonly foreignMask: number;

  constructor(
    spec: ShaperSpec,
    classes: readonly ClassInfo[],
    held: HeldTable,
    flows: FlowTable,
    stats: Stats,
    key0: number,
    key1: number,
  ) {
    this.classifier = new Classifier(spec, classes);
    this.fragments = new FragmentTable(key0, key1);
    this.held = held;
    this.flows = flows;
    this.stats = stats;
    this.foreignMask = ~spec.nfqueue.markMask;
  }

  /** Device names whose interface index the classifier must be told. */
  get devices(): readonly string[] {
    return this.classifier.devices;
  }

  /** The device has this interface index from now on; every flow is classified again. */
  setDeviceIndex(device: string, ifIndex: number): void {
    this.classifier.setDeviceIndex(device, ifIndex);
    this.flows.reclassifyAll();
  }

  /** Counts row `p` as received and held, and returns its held row with its leaves set (NO_LEAF: no tree). */
  take(arrivals: Arrivals, parsed: Parsed, p: number, now: number): number {
    const { held, flows } = this;
    if (parsed.fragment[p] !== WHOLE_PACKET) this.fragments.join(parsed, p, now);
    const f = flows.findOrMake(parsed, p, now);
    const h = held.take();
    const hook = arrivals.hook[p];
    const lengthBytes = arrivals.lengthBytes[p];
    held.packetId[h] = arrivals.packetId[p];
    held.queue[h] = arrivals.queue[p];
    held.hook[h] = hook;
    held.dscp[h] = parsed.dscp[p];
    held.mark[h] = arrivals.mark[p];
    held.lengthBytes[h] = lengthBytes;
    held.flow[h] = f;
    held.flags[h] = flagsOf(parsed, p, hook);
    held.leafBefore[h] = NO_LEAF;
    const { totals } = this.stats;
    totals[TOTAL.receivedPackets] += 1;
    totals[TOTAL.receivedBytes] += lengthBytes;
    totals[TOTAL.heldPackets] += 1;
    totals[TOTAL.heldBytes] += lengthBytes;
    if (f === NONE) {
      this.findLeaves(arrivals, parsed, p, h);
      return h;
    }
    flows.addHeld(f, 1);
    flows.addBytes(f, lengthBytes);
    const dscp = parsed.dscp[p];
    const ifIn = arrivals.ifIndexIn[p];
    const ifOut = arrivals.ifIndexOut[p];
    const foreignMark = arrivals.mark[p] & this.foreignMask;
    if (flows.isClassifiedBy(f, hook, dscp, ifIn, ifOut, foreignMark)) {
      held.leaf[h] = flows.leaf(f);
      held.nextLeaf[h] = flows.secondLeaf(f);
      return h;
    }
    this.findLeaves(arrivals, parsed, p, h);
    flows.assign(f, held.leaf[h], held.nextLeaf[h]);
    flows.setClassifiedBy(f, hook, dscp, ifIn, ifOut, foreignMark);
    return h;
  }

  /** Sets the packet's leaves by the matchers: the tree of the device it came by first, then that of the one it leaves by. */
  private findLeaves(arrivals: Arrivals, parsed: Parsed, p: number, h: number): void {
    const { held, classifier } = this;
    const hook = arrivals.hook[p];
    const ifIndexIn = arrivals.ifIndexIn[p];
    const ifIndexOut = arrivals.ifIndexOut[p];
    const foreignMark = (arrivals.mark[p] & this.foreignMask) >>> 0;
    const down = classifier.downRoot(hook, ifIndexIn);
    const up = classifier.upRoot(hook, ifIndexOut);
    const upLeaf =
      up === NO_LEAF ? NO_LEAF : classifier.leafOf(up, parsed, p, foreignMark, ifIndexIn, ifIndexOut);
    if (down === NO_LEAF) {
      held.leaf[h] = upLeaf;
      held.nextLeaf[h] = NO_LEAF;
    } else {
      held.leaf[h] = classifier.leafOf(down, parsed, p, foreignMark, ifIndexIn, ifIndexOut);
      held.nextLeaf[h] = upLeaf;
    }
  }
}

function flagsOf(parsed: Parsed, p: number, hook: number): number {
  const ect = parsed.ecn[p] === 0 ? 0 : FLAG_ECT;
  if (parsed.icmpError[p] === 1) return FLAG_ICMP_ERROR | ect;
  if (parsed.protocol[p] !== IPPROTO_TCP) return ect;
  const ssh =
    (hook === NF_INET_LOCAL_IN && parsed.dport[p] === SSH_PORT) ||
    (hook === NF_INET_LOCAL_OUT && parsed.sport[p] === SSH_PORT);
  return ssh ? FLAG_NEVER_DROP | ect : ect;
}
