/**
 * Finds the trees that a packet passes, by its devices, and its leaf in each: the first class in file order
 * that has a matcher for the packet.
 */
import { NONE } from '../../base/none.ts';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../../packet/batch.ts';
import type { Parsed } from '../../packet/parse.ts';
import { namedDevices } from '../../spec/devices.ts';
import { hasPacing } from '../../spec/queue-plan.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import type { ClassInfo } from '../classes/classes.ts';
import { NOBODY } from '../hosts/host-layout.ts';
import type { AskedHosts, HostNames } from '../hosts/host-names.ts';
import type { Subjects } from '../subjects/subjects.ts';
import { SIDE_DST, SIDE_SRC } from './flow-hosts.ts';
import { Matcher, type PacketContext } from './matcher.ts';

/** Indexes of other devices that are remembered; then they are forgotten, and learned again. */
const OTHERS_MAX = 4096;

export class Classifier {
  private readonly classes: readonly ClassInfo[];
  /** Matchers of each class; null if the class takes everything. */
  private readonly matchers: readonly (readonly Matcher[] | null)[];
  /** Number 0 is "another device". */
  private readonly deviceNames: readonly string[];
  private readonly deviceOfIndex = new Map<number, number>();
  /** Interface indexes of devices that nothing names. */
  private readonly others = new Set<number>();
  /**
   * By device number: root of the tree for packets that arrive by (down) or leave by (up) the device, or
   * NONE.
   */
  private readonly downRoots: number[] = [];
  private readonly upRoots: number[] = [];
  /** By device number: nothing shapes the direction, and its TCP comes because it answers paced classes. */
  private readonly downHalves: boolean[] = [];
  private readonly upHalves: boolean[] = [];
  /**
   * By device number: which end of a packet that arrives by the device, or leaves by it, is inside as far as
   * its tree says; 0 without a tree.
   */
  private readonly downEnds: number[] = [];
  private readonly upEnds: number[] = [];
  /** By device number: whether the inside is behind the device. */
  private readonly lan: readonly boolean[];
  private readonly isLanTold: boolean;
  private readonly context: PacketContext = {
    foreignMark: 0,
    deviceIn: 0,
    deviceOut: 0,
    srcAddress: NOBODY,
    dstAddress: NOBODY,
    macHigh: 0,
    macLow: 0,
  };

  /**
   * Without `names` no matcher of a MAC or of a host's name takes a packet, without `subjects` none of a user
   * or program.
   */
  constructor(
    spec: ShaperSpec,
    classes: readonly ClassInfo[],
    names: HostNames | null = null,
    subjects: Subjects | null = null,
  ) {
    this.classes = classes;
    this.deviceNames = ['', ...namedDevices(spec)];
    const numberOf = (name: string): number => this.deviceNames.indexOf(name);
    this.matchers = classes.map(
      ({ spec: node }) => node.match?.map((m) => new Matcher(m, numberOf, names, subjects)) ?? null,
    );
    for (const [row, info] of classes.entries()) {
      if (info.root !== row) continue;
      const roots = info.direction === 'up' ? this.upRoots : this.downRoots;
      roots[numberOf(info.link.device)] = row;
      const ends = info.direction === 'up' ? this.upEnds : this.downEnds;
      ends[numberOf(info.link.device)] = info.isSourceInside ? SIDE_SRC : SIDE_DST;
    }
    const links = new Set(spec.links.map(({ device }) => device));
    const { lan } = spec.hosts;
    this.isLanTold = lan !== null;
    this.lan = this.deviceNames.map((name) => (lan === null ? !links.has(name) : lan.includes(name)));
    for (const { device, up, down } of spec.links) {
      this.downHalves[numberOf(device)] = down === null && hasPacing(up);
      this.upHalves[numberOf(device)] = up === null && hasPacing(down);
    }
  }

  /** The hosts for which matchers ask. */
  get asked(): AskedHosts {
    const all = this.classes.flatMap(({ spec }) => spec.match ?? []);
    return {
      names: all.flatMap(({ hostNames = [] }) => hostNames),
      macs: all.flatMap(({ mac = [] }) => mac),
    };
  }

  /** Devices of links, of iif and oif matchers and of the inside, whose interface indexes must be known. */
  get devices(): readonly string[] {
    return this.deviceNames.slice(1);
  }

  /** The named device that has this interface index; null if none of them has. */
  deviceOf(ifIndex: number): string | null {
    const number = this.deviceOfIndex.get(ifIndex);
    return number === undefined ? null : this.deviceNames[number];
  }

  /** The interface index of a device; NONE if it is not known. */
  indexOf(device: string): number {
    for (const [index, number] of this.deviceOfIndex) if (this.deviceNames[number] === device) return index;
    return NONE;
  }

  /** The device has this interface index from now on; NONE: there is no such device. */
  setDeviceIndex(device: string, ifIndex: number): void {
    const number = this.deviceNames.indexOf(device);
    if (number < 1) return;
    for (const [index, n] of this.deviceOfIndex) if (n === number) this.deviceOfIndex.delete(index);
    if (ifIndex === NONE) return;
    this.deviceOfIndex.set(ifIndex, number);
    this.others.delete(ifIndex);
  }

  /** Whether the name of the device with this index was learned. Index 0 is no device. */
  knows(ifIndex: number): boolean {
    return ifIndex === 0 || this.deviceOfIndex.has(ifIndex) || this.others.has(ifIndex);
  }

  /**
   * The index belongs to the device of this name, which may be empty. Returns whether that is news of a named
   * device: packets may belong elsewhere then.
   */
  learn(ifIndex: number, name: string): boolean {
    const device = this.deviceOf(ifIndex);
    const isNamed = name !== '' && this.deviceNames.includes(name);
    if (isNamed ? device === name : device === null) {
      if (!isNamed) this.remember(ifIndex);
      return false;
    }
    if (device !== null) this.setDeviceIndex(device, NONE);
    if (isNamed) this.setDeviceIndex(name, ifIndex);
    else this.remember(ifIndex);
    return true;
  }

  /** Takes over the interface indices that `from` was told. */
  inherit(from: Classifier): void {
    for (const [index, number] of from.deviceOfIndex) this.setDeviceIndex(from.deviceNames[number], index);
  }

  /** Whether what arrives by the device with this interface index has a tree, or answers paced classes. */
  takesDown(ifIndex: number): boolean {
    const number = this.numberOf(ifIndex);
    return (this.downRoots[number] ?? NONE) !== NONE || this.downHalves[number] === true;
  }

  /** Root of the `down` tree, which a packet passes first, or NONE. */
  downRoot(hook: number, ifIndexIn: number): number {
    return arrives(hook) ? (this.downRoots[this.numberOf(ifIndexIn)] ?? NONE) : NONE;
  }

  /** Root of the `up` tree, which a packet passes last, or NONE. */
  upRoot(hook: number, ifIndexOut: number): number {
    return leaves(hook) ? (this.upRoots[this.numberOf(ifIndexOut)] ?? NONE) : NONE;
  }

  /** Whether a packet passes a direction that nothing shapes, and whose TCP answers paced classes. */
  isHalf(hook: number, ifIndexIn: number, ifIndexOut: number): boolean {
    if (arrives(hook) && this.downHalves[this.numberOf(ifIndexIn)]) return true;
    return leaves(hook) && this.upHalves[this.numberOf(ifIndexOut)] === true;
  }

  /**
   * The ends of a packet that are inside: SIDE_SRC, SIDE_DST or both. The trees that it passes say which. If
   * devices of the inside are named, the packet must come or leave by one of them too, unless that end is
   * this machine.
   */
  insideEnds(hook: number, ifIndexIn: number, ifIndexOut: number, portIn: number, portOut: number): number {
    const down = arrives(hook) ? (this.downEnds[this.numberOf(ifIndexIn)] ?? 0) : 0;
    const up = leaves(hook) ? (this.upEnds[this.numberOf(ifIndexOut)] ?? 0) : 0;
    const ends = down | up;
    if (!this.isLanTold) return ends;
    const isFromLan = hook === NF_INET_LOCAL_OUT || this.isLan(ifIndexIn) || this.isLan(portIn);
    const isToLan = hook === NF_INET_LOCAL_IN || this.isLan(ifIndexOut) || this.isLan(portOut);
    return ends & ((isFromLan ? SIDE_SRC : 0) | (isToLan ? SIDE_DST : 0));
  }

  /** Whether the inside is behind the device or port with this interface index; 0 is none. */
  isLan(ifIndex: number): boolean {
    return ifIndex !== 0 && this.lan[this.numberOf(ifIndex)];
  }

  /** The next leafOf() is of a packet with these inside addresses (NOBODY: none) and this source MAC. */
  setHosts(srcAddress: number, dstAddress: number, macHigh: number, macLow: number): void {
    const { context } = this;
    context.srcAddress = srcAddress;
    context.dstAddress = dstAddress;
    context.macHigh = macHigh;
    context.macLow = macLow;
  }

  /** Leaf in class `start`, a root or a class to which an attachment leads, that takes parsed row `p`. */
  leafOf(
    start: number,
    parsed: Parsed,
    p: number,
    foreignMark: number,
    ifIndexIn: number,
    ifIndexOut: number,
  ): number {
    this.context.foreignMark = foreignMark;
    this.context.deviceIn = this.numberOf(ifIndexIn);
    this.context.deviceOut = this.numberOf(ifIndexOut);
    let row = start;
    for (;;) {
      const children = this.classes[row].children;
      if (children.length === 0) return row;
      // The last child of an inner class is its default and takes everything.
      let i = 0;
      while (i < children.length - 1 && !this.takes(children[i], parsed, p)) i++;
      row = children[i];
    }
  }

  /** Number of the device; 0 is another one. */
  private numberOf(ifIndex: number): number {
    return this.deviceOfIndex.get(ifIndex) ?? 0;
  }

  private remember(other: number): void {
    if (this.others.size >= OTHERS_MAX) this.others.clear();
    this.others.add(other);
  }

  private takes(row: number, parsed: Parsed, p: number): boolean {
    const matchers = this.matchers[row];
    if (matchers === null) return true;
    for (const matcher of matchers) if (matcher.matches(parsed, p, this.context)) return true;
    return false;
  }
}

/** Whether packets at the hook have come by a device. */
function arrives(hook: number): boolean {
  return hook === NF_INET_FORWARD || hook === NF_INET_LOCAL_IN;
}

/** Whether packets at the hook leave by a device. */
function leaves(hook: number): boolean {
  return hook === NF_INET_FORWARD || hook === NF_INET_LOCAL_OUT;
}
