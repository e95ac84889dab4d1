/**
 * The subjects of a packet: its socket, process, group of processes, control group, user, container. Whoever
 * classifies calls begin(), adds what is known of the packet's owner, and then asks which class the
 * attachments give, and whether matchers hold. Without an attachment or a matcher of subjects nothing is ever
 * looked up: `isUsed` is false.
 *
 * Nothing is allocated by a look-up.
 */
import { equal } from '../../base/equal.ts';
import { NONE } from '../../base/none.ts';
import { SUBJECTS_OF_PACKET_MAX } from '../../limits.ts';
import type { ClassInfo } from '../classes/classes.ts';
import { PrefixSet } from '../hosts/prefix-set.ts';
import { Attachments, type MovedClasses } from './attachments.ts';
import { InodeSets } from './inode-sets.ts';
import { KnownSets } from './known-sets.ts';
import type { SubjectsUpdate } from './update.ts';

/** What an update changes. */
export const CHANGE_OF_NOTHING = 0;
/** Sockets or control groups have come, gone, or have other subjects. */
export const CHANGE_OF_SETS = 1;
/** Subjects have another meaning: sets that others keep are void, and all packets must be looked at again. */
export const CHANGE_OF_MEANING = 2;

/** What an update says beside sockets and control groups, which come and go all the time. */
type Meaning = Pick<SubjectsUpdate, 'users' | 'devices' | 'addresses' | 'matched' | 'attachments'>;

const NO_MEANING: Meaning = { users: [], devices: [], addresses: [], matched: [], attachments: [] };
const NOBODY: readonly number[] = [];

export class Subjects {
  /** Whether anything is attached or matched. */
  isUsed = false;
  /** Whether forwarded packets may belong to a subject. */
  hasForwarded = false;
  /** Grows when subjects have other numbers or another meaning: sets that others keep are void then. */
  epoch = 0;
  private meaning: Meaning = NO_MEANING;
  private last: SubjectsUpdate | null = null;
  private readonly attachments = new Attachments();
  private readonly inodes = new InodeSets();
  private readonly sets = new KnownSets();
  /** By number in `sets` of the update: the number here. */
  private told: readonly number[] = [];
  private users = new Map<number, number[]>();
  /** By id of the group: a number of `sets`. */
  private cgroups = new Map<number, number>();
  private devices = new Map<number, number[]>();
  private addresses: { readonly set: PrefixSet; readonly subject: number }[] = [];
  private matched = new Map<string, number>();
  private readonly found = new Int32Array(SUBJECTS_OF_PACKET_MAX);
  private count = 0;

  /** Goes by another update. Returns CHANGE_*. */
  update(update: SubjectsUpdate, classes: readonly ClassInfo[]): number {
    const { users, devices, addresses, matched, attachments, inodes, inodeSets } = update;
    const meaning = { users, devices, addresses, matched, attachments };
    const isNew = !equal(meaning, this.meaning);
    if (!isNew && this.hasSame(update)) return CHANGE_OF_NOTHING;
    if (isNew) this.mean(meaning, classes);
    this.last = update;
    const told = update.sets.map((subjects) => this.sets.numberOf(subjects));
    this.told = told;
    this.inodes.begin(inodes.length);
    for (let i = 0; i < inodes.length; i++) this.inodes.set(inodes[i], told[inodeSets[i]]);
    this.cgroups = new Map(
      update.cgroups.map(({ high, low, subjects }) => [cgroupKey(high, low), this.sets.numberOf(subjects)]),
    );
    return isNew ? CHANGE_OF_MEANING : CHANGE_OF_SETS;
  }

  /** Classes have new rows. */
  regroup(moved: MovedClasses): void {
    this.attachments.regroup(moved);
  }

  /** Number here of a set that has this number in the last update; NONE for NONE. */
  setOfTold(set: number): number {
    return this.told[set] ?? NONE;
  }

  /** Set of a socket that the last update names; NONE if it does not. */
  setOfInode(inode: number): number {
    return this.inodes.get(inode);
  }

  /** Set of a control group; NONE if no subject has it. */
  setOfCgroup(high: number, low: number): number {
    return this.cgroups.get(cgroupKey(high, low)) ?? NONE;
  }

  /** Looks at another packet: nothing is found yet. */
  begin(): void {
    this.count = 0;
  }

  /** The packet belongs to the subjects of this set; NONE: to none more. */
  addSet(set: number): void {
    if (set !== NONE) this.addAll(this.sets.subjectsOf(set));
  }

  addUser(uid: number): void {
    this.addAll(this.users.get(uid) ?? NOBODY);
  }

  /** A forwarded packet shows this device; 0 is none. */
  addDevice(ifIndex: number): void {
    if (ifIndex !== 0) this.addAll(this.devices.get(ifIndex) ?? NOBODY);
  }

  /** A forwarded packet has this address. */
  addAddress(family: number, w0: number, w1: number, w2: number, w3: number): void {
    for (const { set, subject } of this.addresses) if (set.has(family, w0, w1, w2, w3)) this.add(subject);
  }

  /** Whether the packet belongs to the subject that a matcher names so. */
  has(key: string): boolean {
    const subject = this.matched.get(key);
    return subject !== undefined && this.isFound(subject);
  }

  /** Row of the class at which the packet begins in the tree of `root`: that of an attachment, or `root`. */
  startIn(root: number): number {
    return this.count === 0 ? root : this.attachments.find(root, this.found, this.count);
  }

  /** The attachment that decides in the tree of `root`; null if none does. */
  decidedBy(root: number): { readonly text: string; readonly rank: number } | null {
    const { attachments } = this;
    attachments.find(root, this.found, this.count);
    const a = attachments.lastFound;
    return a === NONE ? null : { text: attachments.text(a), rank: attachments.rank(a) };
  }

  /** The names by which matchers know what was found. */
  foundKeys(): string[] {
    return [...this.matched].flatMap(([key, subject]) => (this.isFound(subject) ? [key] : []));
  }

  /** Whether the update gives sockets and control groups the same subjects as the last one. */
  private hasSame({ sets, inodes, inodeSets, cgroups }: SubjectsUpdate): boolean {
    const { last } = this;
    return (
      last !== null &&
      sameNumbers(inodes, last.inodes) &&
      sameNumbers(inodeSets, last.inodeSets) &&
      equal(sets, last.sets) &&
      equal(cgroups, last.cgroups)
    );
  }

  private mean(meaning: Meaning, classes: readonly ClassInfo[]): void {
    const { users, devices, addresses, matched, attachments } = meaning;
    this.meaning = meaning;
    this.epoch += 1;
    this.sets.clear();
    this.isUsed = attachments.length > 0 || matched.length > 0;
    this.hasForwarded = devices.length > 0 || addresses.length > 0;
    this.users = listsBy(users, ({ uid }) => uid);
    this.devices = listsBy(devices, ({ ifIndex }) => ifIndex);
    this.addresses = addresses.map(({ prefix, subject }) => ({ set: new PrefixSet([prefix]), subject }));
    this.matched = new Map(matched.map(({ key, subject }) => [key, subject]));
    this.attachments.set(attachments, classes);
  }

  private addAll(subjects: readonly number[]): void {
    for (const subject of subjects) this.add(subject);
  }

  private add(subject: number): void {
    if (this.count < SUBJECTS_OF_PACKET_MAX && !this.isFound(subject)) this.found[this.count++] = subject;
  }

  private isFound(subject: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.found[i] === subject) return true;
    return false;
  }
}

/** One number for the id of a control group. Ids stay far below 2^53. */
function cgroupKey(high: number, low: number): number {
  return high * 2 ** 32 + low;
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function listsBy<T extends { readonly subject: number }>(
  rows: readonly T[],
  keyOf: (row: T) => number,
): Map<number, number[]> {
  const lists = new Map<number, number[]>();
  for (const row of rows) {
    const list = lists.get(keyOf(row));
    if (list === undefined) lists.set(keyOf(row), [row.subject]);
    else list.push(row.subject);
  }
  return lists;
}
