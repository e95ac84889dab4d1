/**
 * From a row of the batch to a held row: the packet's flow, its leaves and its flags. A packet whose flow is
 * known and unchanged costs one table look-up.
 */
import type { HashKeys } from '../../base/hash.ts';
import { NONE } from '../../base/none.ts';
import { type Arrivals, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../../packet/batch.ts';
import type { Parsed } from '../../packet/parse.ts';
import { IPPROTO_TCP } from '../../packet/tcp-header.ts';
import { type QueuePlan, showsPorts } from '../../spec/queue-plan.ts';
import type { PortRangeSpec, ShaperSpec } from '../../spec/spec.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import { NOBODY } from '../hosts/host-layout.ts';
import type { Hosts } from '../hosts/hosts.ts';
import { FLAG_ECT, FLAG_ICMP_ERROR, FLAG_MOVED, FLAG_STEER, type HeldTable } from '../packets/held.ts';
import type { Ledger } from '../packets/ledger.ts';
import { Classifier } from './classifier.ts';
import { SIDE_DST, SIDE_SRC } from './flow-hosts.ts';
import type { FlowOwners } from './flow-owners.ts';
import type { FlowTable } from './flow-table.ts';
import { FragmentTable } from './fragments.ts';
import { ExemptPorts, flagsOf, superpacketHeaderBytes } from './packet-flags.ts';
import { type ShownDevices, ShownPorts } from './ports.ts';
import type { Steering } from './steering.ts';

const WHOLE_PACKET = 0;
/** NFQA_SKB_GSO (linux/netfilter/nfnetlink_queue.h): the packet will be cut into segments after us. */
const SKB_GSO = 2;

const NO_DEVICES: ShownDevices = { ifIndexIn: new Uint32Array(0), ifIndexOut: new Uint32Array(0) };

/** What of a change of classes concerns flows. */
type Reclassification = Pick<ClassChange, 'classes' | 'newRow' | 'heir' | 'isRenumbered' | 'isReclassified'>;

/** Name of the device with this interface index; empty if there is none. */
export type DeviceNameOf = (ifIndex: number) => string;

/** What outlives a change of classes. */
export interface IntakeParts {
  readonly held: HeldTable;
  readonly flows: FlowTable;
  readonly hosts: Hosts;
  readonly owners: FlowOwners;
  readonly ledger: Ledger;
  readonly steering: Steering;
}

export class Intake {
  private classifier: Classifier;
  private readonly fragments: FragmentTable;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly hosts: Hosts;
  private readonly owners: FlowOwners;
  private readonly ledger: Ledger;
  private readonly foreignMask: number;
  private readonly steering: Steering;
  private readonly nameOf: DeviceNameOf | null;
  /** FLAG_ECT where the kernel can set CE, else 0: then no packet counts as able to carry it. */
  private ectFlag = 0;
  private moduleNfqueue: number = NONE;
  private readonly exemptPorts = new ExemptPorts();
  /** null where no packet that comes to us shows a port of a bridge beside its devices. */
  private ports: ShownPorts | null = null;
  /** The devices of the batch. */
  private shown: ShownDevices = NO_DEVICES;
  /** Whether the inside is behind the device with this interface index. */
  readonly isInsideDevice = (ifIndex: number): boolean => this.classifier.isLan(ifIndex);
  private readonly isShapedPort = (ifIndex: number): boolean => this.classifier.takesDown(ifIndex);

  constructor(
    spec: ShaperSpec,
    classes: readonly ClassInfo[],
    { held, flows, hosts, owners, ledger, steering }: IntakeParts,
    keys: HashKeys,
    plan: QueuePlan,
    nameOf: DeviceNameOf | null,
  ) {
    this.classifier = new Classifier(spec, classes, hosts.names, owners.subjects);
    this.hosts = hosts;
    this.owners = owners;
    hosts.names.ask(this.classifier.asked);
    this.fragments = new FragmentTable(...keys);
    this.held = held;
    this.flows = flows;
    this.ledger = ledger;
    this.foreignMask = ~spec.nfqueue.markMask;
    this.steering = steering;
    this.nameOf = nameOf;
    this.usePlan(plan);
    this.exempt(spec.local.exempt.ports);
  }

  /** Device names whose interface index the classifier must be told. */
  get devices(): readonly string[] {
    return this.classifier.devices;
  }

  /** The named devices whose interface index is known. */
  get named(): [ifIndex: number, device: string][] {
    const { classifier } = this;
    return classifier.devices
      .map((device): [number, string] => [classifier.indexOf(device), device])
      .filter(([ifIndex]) => ifIndex !== NONE);
  }

  /** The named device that has this interface index; null if none of them has. */
  deviceOf(ifIndex: number): string | null {
    return this.classifier.deviceOf(ifIndex);
  }

  /**
   * The device has this interface index from now on, or none (NONE). Every flow is classified again.
   */
  setDeviceIndex(device: string, ifIndex: number): void {
    this.classifier.setDeviceIndex(device, ifIndex);
    this.flows.reclassifyAll();
  }

  /**
   * Whether two names are names of the same device: it has one interface index. `deviceIndexes` has those of
   * devices that no class has named before.
   */
  isSameDevice(one: string, other: string, deviceIndexes: ReadonlyMap<string, number>): boolean {
    const indexOf = (device: string): number => deviceIndexes.get(device) ?? this.classifier.indexOf(device);
    return one === other || (indexOf(one) !== NONE && indexOf(one) === indexOf(other));
  }

  /** Goes by another plan. */
  usePlan(plan: QueuePlan): void {
    this.ectFlag = plan.ecn ? FLAG_ECT : 0;
    this.moduleNfqueue = plan.moduleNfqueue ?? NONE;
    if (!showsPorts(plan)) this.ports = null;
    else this.ports ??= new ShownPorts();
  }

  /** TCP of these ports of this host may have an exemption from drops. */
  exempt(ports: readonly PortRangeSpec[]): void {
    this.exemptPorts.set(ports);
  }

  /** Call for the whole batch before take(). */
  prepare(arrivals: Arrivals, parsed: Parsed, rows: number, nowNs: number): void {
    for (let p = 0; p < rows; p++) {
      if (parsed.fragment[p] !== WHOLE_PACKET) this.fragments.join(parsed, p, nowNs);
    }
    if (this.hosts.takeChange()) this.flows.reclassifyAll();
    this.flows.readAhead(parsed, rows);
    this.turnTo(arrivals, rows);
  }

  /** The next rows that are placed are of these arrivals, for which prepare() was called. */
  turnTo(arrivals: Arrivals, rows: number): void {
    this.shown = this.ports ?? arrivals;
    this.ports?.show(arrivals, rows, this.isShapedPort);
  }

  /**
   * Goes on with the classifier of the changed classes. `deviceIndexes` has the interface indexes of devices
   * that no class named before. If `isReclassified`, every flow is classified again.
   */
  reclassify(
    classifier: Classifier,
    change: Reclassification,
    deviceIndexes: ReadonlyMap<string, number>,
  ): void {
    const { heir, isRenumbered, isReclassified } = change;
    classifier.inherit(this.classifier);
    for (const [device, ifIndex] of deviceIndexes) classifier.setDeviceIndex(device, ifIndex);
    this.classifier = classifier;
    this.hosts.names.ask(classifier.asked);
    if (isRenumbered) {
      this.flows.renumber(heir);
      this.owners.subjects.regroup(change);
    }
    if (isReclassified) this.flows.reclassifyAll();
  }

  /**
   * Leaf under `root` of a waiting packet, found from its flow and its held row. Overwrites row 0 of
   * `parsed`.
   */
  leafAgain(h: number, root: number, parsed: Parsed): number {
    const { held, flows, owners } = this;
    const f = held.flow[h];
    if (f === NONE) return NONE;
    const [ifIndexIn, ifIndexOut] = [flows.ifIndexIn(f), flows.ifIndexOut(f)];
    flows.flowKeys.describe(f, parsed, 0);
    this.classifier.setHosts(flows.hosts.address(f, SIDE_SRC), flows.hosts.address(f, SIDE_DST), 0, 0);
    // The DSCP with which the packet arrived decides, not one that a class has written.
    parsed.dscp[0] = held.remark(h) === 0 ? held.dscp(h) : flows.dscp(f);
    const foreignMark = (held.mark[h] & this.foreignMask) >>> 0;
    if (owners.isUsed) owners.find(f, parsed, 0, held.hook(h), ifIndexIn, ifIndexOut, true);
    return this.leafIn(root, parsed, 0, foreignMark, ifIndexIn, ifIndexOut);
  }

  /** Counts row `p` as received and held. Returns its held row with its leaves set; NONE means no tree. */
  take(arrivals: Arrivals, slab: Uint8Array, parsed: Parsed, p: number, nowNs: number): number {
    const h = this.held.take();
    this.ledger.received(arrivals.lengthBytes[p]);
    this.place(arrivals, slab, parsed, p, h, nowNs);
    return h;
  }

  /**
   * Counts row `p` as received and held, in no class, of no flow and of no host: a module holds it, or it
   * comes by a hook that has no classes. Returns its held row.
   */
  takeAside(arrivals: Arrivals, p: number): number {
    const { held } = this;
    const h = held.take();
    held.packetId[h] = arrivals.packetId[p];
    held.setWay(h, arrivals.nfqueue[p], arrivals.hook[p], 0);
    held.setDscp(h, 0);
    held.mark[h] = arrivals.mark[p];
    held.lengthBytes[h] = arrivals.lengthBytes[p];
    held.chargeBytes[h] = arrivals.lengthBytes[p];
    held.flow[h] = NONE;
    held.leaf[h] = NONE;
    held.nextLeaf[h] = NONE;
    held.leafBefore[h] = NONE;
    held.flags[h] = 0;
    this.flows.hosts.setFlowless(h, 0);
    this.ledger.received(arrivals.lengthBytes[p]);
    return h;
  }

  /** Finds the flow and the leaves of row `p`, which is held as `h`; NONE means no tree. */
  place(arrivals: Arrivals, slab: Uint8Array, parsed: Parsed, p: number, h: number, nowNs: number): void {
    const { held, flows, shown, owners } = this;
    const f = flows.findOrMake(parsed, p, nowNs);
    const hook = arrivals.hook[p];
    const lengthBytes = arrivals.lengthBytes[p];
    held.packetId[h] = arrivals.packetId[p];
    const nfqueue = arrivals.nfqueue[p];
    const dscp = parsed.dscp[p];
    const headerBytes = arrivals.skbInfo[p] & SKB_GSO ? superpacketHeaderBytes(parsed, p) : 0;
    held.setWay(h, nfqueue, hook, headerBytes);
    held.setDscp(h, dscp);
    held.mark[h] = arrivals.mark[p];
    held.lengthBytes[h] = lengthBytes;
    held.flow[h] = f;
    const foreignMark = arrivals.mark[p] & this.foreignMask;
    held.flags[h] = flagsOf(this.exemptPorts, parsed, p, hook, this.ectFlag);
    held.leafBefore[h] = NONE;
    if (f === NONE) {
      this.findLeaves(arrivals, parsed, p, h, false);
      if (held.leaf[h] === NONE) this.passesBy(arrivals, p);
      return;
    }
    flows.packetHeld(f, lengthBytes);
    if (parsed.protocol[p] === IPPROTO_TCP) this.watchTcp(f, arrivals, slab, parsed, p);
    const ifIn = shown.ifIndexIn[p];
    const ifOut = shown.ifIndexOut[p];
    if (owners.isUsed && owners.begins(f, parsed, p, hook)) flows.unclassify(f);
    if (
      flows.isClassifiedBy(f, hook, dscp, ifIn, ifOut, foreignMark) &&
      flows.hosts.knows(f, arrivals, p, nowNs)
    ) {
      held.leaf[h] = flows.leaf(f);
      held.nextLeaf[h] = flows.secondLeaf(f);
    } else {
      // Whose a flow is does not depend on the DSCP or mark of its packets.
      this.findLeaves(arrivals, parsed, p, h, flows.hook(f) === hook);
      flows.assign(f, held.leaf[h], held.nextLeaf[h]);
      flows.setClassifiedBy(f, hook, dscp, ifIn, ifOut, foreignMark);
      // A host may find room with the next packet, and a connection its socket.
      if (this.hosts.lastFoundNoRoom || owners.lastIsPassing) flows.unclassify(f);
    }
    if (held.leaf[h] === NONE) this.passesBy(arrivals, p);
    if (flows.movesTo(f, nfqueue)) held.flags[h] |= FLAG_MOVED;
    if (this.steering.moves(nfqueue, held.leaf[h], held.nextLeaf[h])) this.steer(h);
  }

  /** No tree has arrival `p`: its device is not the one that the rule meant, or it answers a paced class. */
  private passesBy({ hook, nfqueue }: Arrivals, p: number): void {
    const { ifIndexIn, ifIndexOut } = this.shown;
    // Modules meet packets of any device.
    if (nfqueue[p] === this.moduleNfqueue) return;
    if (!this.classifier.isHalf(hook[p], ifIndexIn[p], ifIndexOut[p])) this.ledger.unmatched();
  }

  private watchTcp(f: number, arrivals: Arrivals, slab: Uint8Array, parsed: Parsed, p: number): void {
    const at = parsed.l4Offset[p];
    if (at === 0 || parsed.fragment[p] !== WHOLE_PACKET) return;
    const start = arrivals.slabOffset[p];
    const end = start + arrivals.copiedBytes[p];
    this.flows.tcp.read(f, slab, start + at, end, arrivals.lengthBytes[p] - at);
  }

  /**
   * Asks for steering, except for an ICMP error: it belongs to a connection, but not to that connection's
   * class.
   */
  private steer(h: number): void {
    const { flags } = this.held;
    if ((flags[h] & FLAG_ICMP_ERROR) === 0) flags[h] |= FLAG_STEER;
  }

  /** Asks the world for the name of a device. Every flow is classified again if that moves a named device. */
  private learn(ifIndex: number): void {
    if (this.nameOf === null || ifIndex === 0) return;
    if (this.classifier.learn(ifIndex, this.nameOf(ifIndex))) this.flows.reclassifyAll();
  }

  /** Finds the inside ends of arrival `p`, held as `h`, and their hosts. */
  private findHosts(arrivals: Arrivals, parsed: Parsed, p: number, h: number): void {
    const { classifier, hosts, shown } = this;
    const hook = arrivals.hook[p];
    const port = arrivals.portIn[p];
    const ifIndexIn = shown.ifIndexIn[p];
    const inside = classifier.insideEnds(hook, ifIndexIn, shown.ifIndexOut[p], port, arrivals.portOut[p]);
    const isFromLan = classifier.isLan(ifIndexIn) || classifier.isLan(port);
    const showsDevice = (inside & SIDE_SRC) !== 0 && hook !== NF_INET_LOCAL_OUT && isFromLan;
    const macHigh = showsDevice ? arrivals.macHigh[p] : 0;
    const macLow = showsDevice ? arrivals.macLow[p] : 0;
    const { family, src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = parsed;
    let source: number = NOBODY;
    let destination: number = NOBODY;
    if ((inside & SIDE_SRC) !== 0) {
      const isOwn = hook === NF_INET_LOCAL_OUT;
      source = hosts.addressOf(family[p], src0[p], src1[p], src2[p], src3[p], isOwn);
      if (showsDevice) hosts.shows(source, macHigh, macLow, port || arrivals.ifIndexIn[p]);
      source = hosts.enter(source);
    }
    if ((inside & SIDE_DST) !== 0) {
      const isOwn = hook === NF_INET_LOCAL_IN;
      destination = hosts.enter(hosts.addressOf(family[p], dst0[p], dst1[p], dst2[p], dst3[p], isOwn));
    }
    const pair = hosts.pairOf(source, destination);
    hosts.seen(pair);
    classifier.setHosts(source, destination, macHigh, macLow);
    const f = this.held.flow[h];
    if (f === NONE) this.flows.hosts.setFlowless(h, pair);
    else this.flows.hosts.set(f, pair, hosts.generationsOf(pair), showsDevice && source !== NOBODY);
  }

  /**
   * Sets the packet's leaves by attachments and matchers. The tree of the device by which it came is first.
   * With `mayKeep` the packet belongs to whom packets of its flow did before.
   */
  private findLeaves(arrivals: Arrivals, parsed: Parsed, p: number, h: number, mayKeep: boolean): void {
    const { held, classifier, shown, owners } = this;
    const hook = arrivals.hook[p];
    const ifIndexIn = shown.ifIndexIn[p];
    const ifIndexOut = shown.ifIndexOut[p];
    const foreignMark = (arrivals.mark[p] & this.foreignMask) >>> 0;
    if (!classifier.knows(ifIndexIn)) this.learn(ifIndexIn);
    if (!classifier.knows(ifIndexOut)) this.learn(ifIndexOut);
    let down = classifier.downRoot(hook, ifIndexIn);
    let up = classifier.upRoot(hook, ifIndexOut);
    if (down === NONE && up === NONE) {
      // A rule has queued it by the name of a device, so a device that we know otherwise was renamed.
      this.learn(ifIndexIn);
      this.learn(ifIndexOut);
      down = classifier.downRoot(hook, ifIndexIn);
      up = classifier.upRoot(hook, ifIndexOut);
    }
    this.hosts.lastFoundNoRoom = false;
    if (this.hosts.isUsed) this.findHosts(arrivals, parsed, p, h);
    if (owners.isUsed) owners.find(held.flow[h], parsed, p, hook, ifIndexIn, ifIndexOut, mayKeep);
    const upLeaf = up === NONE ? NONE : this.leafIn(up, parsed, p, foreignMark, ifIndexIn, ifIndexOut);
    if (down === NONE) {
      held.leaf[h] = upLeaf;
      held.nextLeaf[h] = NONE;
    } else {
      held.leaf[h] = this.leafIn(down, parsed, p, foreignMark, ifIndexIn, ifIndexOut);
      held.nextLeaf[h] = upLeaf;
    }
  }

  /** Leaf under `root` of the packet in parsed row `p`, whose subjects were found if anybody asks. */
  private leafIn(
    root: number,
    parsed: Parsed,
    p: number,
    foreignMark: number,
    ifIndexIn: number,
    ifIndexOut: number,
  ): number {
    const start = this.owners.isUsed ? this.owners.subjects.startIn(root) : root;
    return this.classifier.leafOf(start, parsed, p, foreignMark, ifIndexIn, ifIndexOut);
  }
}
