/** Which process has a socket, and how much is looked at to find out. */
import { beforeEach, describe, expect, test } from 'vitest';
import { LocalSockets } from '../../../../src/io/sockets/owners.ts';
import { DESCRIPTORS_PER_FLOW_MAX, DESCRIPTORS_PER_SEC_MAX } from '../../../../src/limits.ts';
import { warningsOfOwners } from '../../../../src/live/socket-owners.ts';
import { FakeKernel } from './fake-kernel.ts';

let kernel: FakeKernel;
let owners: LocalSockets;
let nowMs: number;

/** Processes with their sets; children get the set and 100. */
function track(sets: Record<number, number>, exes: { path: string; set: number }[] = []): void {
  const pids = Object.keys(sets).map(Number);
  owners.track({
    pids: Int32Array.from(pids),
    startTicks: Float64Array.from(pids, (pid) => kernel.processes.get(pid)?.startTicks ?? pid),
    setOfPid: Int32Array.from(Object.values(sets)),
    inheritedSet: Int32Array.from(Object.values(sets), (set) => set + 100),
    exes,
    lastPid: kernel.newest,
  });
}

/** How much is looked at by `act`. */
function looksOf(act: () => void): number {
  const before = kernel.looks;
  act();
  return kernel.looks - before;
}

beforeEach(() => {
  kernel = new FakeKernel();
  nowMs = 0;
  owners = new LocalSockets(kernel, () => nowMs);
});

/** A process with so many files that are no sockets of interest. */
function processWith(files: number, uid = 0): number {
  return kernel.begin({ uid, files: new Map(Array.from({ length: files }, (_, i) => [i, 100_000 + i])) });
}

test('nothing is looked at while no process belongs to anything', () => {
  const pid = processWith(3);
  kernel.openSocket(pid, 7);
  expect(looksOf(() => expect(owners.setOfInode(7, 0)).toBe(-1))).toBe(0);
  track({});
  expect(looksOf(() => expect(owners.setOfInode(7, 0)).toBe(-1))).toBe(0);
});

describe('the next socket of a process with a thousand files', () => {
  test.each([
    ['has the same number, after the last was closed', 0],
    ['has the next number', 1],
  ])('%s', (_, growth) => {
    const pid = processWith(1000);
    track({ [pid]: 4 });
    let descriptor = kernel.openSocket(pid, 7);
    expect(owners.setOfInode(7, 0)).toBe(4);
    for (let inode = 8; inode < 40; inode++) {
      if (!growth) kernel.processes.get(pid)!.files!.delete(descriptor);
      descriptor = kernel.openSocket(pid, inode);
      expect(looksOf(() => expect(owners.setOfInode(inode, 0)).toBe(4))).toBeLessThanOrEqual(2);
    }
    expect(owners.counts.givenUp).toBe(0);
  });

  test('is found without a look at all files also the first time', () => {
    const pid = processWith(1000);
    track({ [pid]: 4 });
    kernel.openSocket(pid, 7);
    expect(looksOf(() => expect(owners.setOfInode(7, 0)).toBe(4))).toBeLessThan(40);
  });
});

test('a known inode costs nothing, also one that nobody has', () => {
  const pid = processWith(10);
  track({ [pid]: 4 });
  kernel.openSocket(pid, 7);
  owners.setOfInode(7, 0);
  owners.setOfInode(8, 0);
  const again = looksOf(() => {
    expect(owners.setOfInode(7, 0)).toBe(4);
    expect(owners.setOfInode(8, 0)).toBe(-1);
  });
  expect(again).toBe(0);
  // Nobody had it in one generation only.
  kernel.openSocket(pid, 8);
  track({ [pid]: 5 });
  expect(owners.setOfInode(7, 0)).toBe(5);
  expect(owners.setOfInode(8, 0)).toBe(5);
});

test('processes of other users are not looked at', () => {
  const pids = Array.from({ length: 50 }, () => processWith(20, 1000));
  const pid = processWith(3, 1001);
  track(Object.fromEntries([...pids, pid].map((p) => [p, p])));
  kernel.openSocket(pid, 7);
  kernel.openSocket(pid, 8);
  expect(owners.setOfInode(7, 1001)).toBe(pid);
  expect(looksOf(() => owners.setOfInode(8, 1001))).toBeLessThan(5);
  kernel.openSocket(pid, 9);
  expect(owners.setOfInode(9, 1002)).toBe(-1);
});

test('people are told of processes whose files may not be seen', () => {
  const pid = kernel.begin({ uid: 0, isHidden: true, files: new Map([[3, 7]]) });
  track({ [pid]: 4 });
  expect(warningsOfOwners(owners)).toEqual([]);
  expect(owners.setOfInode(7, 0)).toBe(-1);
  expect(warningsOfOwners(owners)).toEqual([expect.stringContaining('CAP_SYS_PTRACE')]);
});

test('children and their children belong to what the process hands on', () => {
  const pid = processWith(3);
  track({ [pid]: 4 });
  const child = kernel.begin({ parent: pid });
  const thread = kernel.begin({ parent: 1, threadGroup: pid });
  const grandchild = kernel.begin({ parent: child });
  const stranger = kernel.begin({ parent: 1 });
  [child, grandchild, stranger].forEach((holder, i) => {
    kernel.openSocket(holder, 10 + i);
  });
  expect([10, 11, 12].map((inode) => owners.setOfInode(inode, 0))).toEqual([104, 104, -1]);
  // The next update knows the newer ones not yet, and numbers its sets anew.
  owners.track({
    pids: Int32Array.of(pid),
    startTicks: Float64Array.of(pid),
    setOfPid: Int32Array.of(1),
    inheritedSet: Int32Array.of(2),
    exes: [],
    lastPid: child - 1,
  });
  expect([10, 11, 12].map((inode) => owners.setOfInode(inode, 0))).toEqual([2, 2, -1]);
  // One that knows them, and that they belong to nothing.
  track({ [pid]: 4 });
  expect([10, 11, 12].map((inode) => owners.setOfInode(inode, 0))).toEqual([-1, -1, -1]);
  expect(thread).toBeGreaterThan(child);
});

test('numbers of processes that begin anew are followed', () => {
  const pid = processWith(3);
  track({ [pid]: 4 });
  kernel.processes.set(2, { parent: pid, startTicks: 9999, files: new Map([[3, 7]]) });
  kernel.newest = 2;
  expect(owners.setOfInode(7, 0)).toBe(104);
});

test('a process that has ended has no sockets, also if another one has its number', () => {
  const pid = processWith(3);
  track({ [pid]: 4 });
  kernel.openSocket(pid, 7);
  expect(owners.setOfInode(7, 0)).toBe(4);
  kernel.processes.set(pid, { startTicks: 5000, files: new Map([[0, 8]]) });
  expect(owners.setOfInode(8, 0)).toBe(-1);
  expect(kernel.open.size).toBe(0);
});

test('a process that belongs to nothing is found by its last socket, once it was looked for', () => {
  // This process itself: only processes that /proc shows are looked for.
  const files = new Map(Array.from({ length: 10 }, (_, i) => [i, 0]));
  kernel.processes.set(process.pid, { files });
  const pid = processWith(300);
  track({ [pid]: 4 });
  let looks = 0;
  for (let inode = 1000; inode < 3000; inode++) {
    const descriptor = kernel.openSocket(process.pid, inode);
    nowMs += 100;
    looks = looksOf(() => expect(owners.setOfInode(inode, 0)).toBe(-1));
    kernel.processes.get(process.pid)!.files!.delete(descriptor);
  }
  expect(looks).toBeLessThan(5);
});

test('a look is bounded, for one flow and in a second, and what is given up is counted', () => {
  const pids = Array.from({ length: 5 }, () => processWith(1000));
  track(Object.fromEntries(pids.map((pid) => [pid, 4])));
  expect(looksOf(() => owners.setOfInode(7, 0))).toBeLessThan(DESCRIPTORS_PER_FLOW_MAX + 20);
  expect(owners.counts.givenUp).toBe(1);
  const ofManyFlows = looksOf(() => {
    for (let inode = 8; inode < 200; inode++) owners.setOfInode(inode, 0);
  });
  expect(ofManyFlows).toBeLessThan(1.1 * DESCRIPTORS_PER_SEC_MAX);
  expect(owners.counts.givenUp).toBe(193);
  nowMs = 1000;
  expect(looksOf(() => owners.setOfInode(300, 0))).toBeGreaterThan(500);
});

test('a hundred thousand connections and ten thousand processes leave nothing behind', () => {
  const pid = processWith(10);
  track({ [pid]: 4 });
  for (let inode = 1000; inode < 101_000; inode++) {
    const descriptor = kernel.openSocket(pid, inode);
    expect(owners.setOfInode(inode, 0)).toBe(4);
    kernel.processes.get(pid)!.files!.delete(descriptor);
    if (inode % 10 > 0) continue;
    const child = kernel.begin({ parent: pid });
    kernel.openSocket(child, 2 ** 31 + inode);
    expect(owners.setOfInode(2 ** 31 + inode, 0)).toBe(104);
    kernel.processes.delete(child);
    nowMs += 10;
    if (inode % 1000 === 0) track({ [pid]: 4 });
  }
  track({ [pid]: 4 });
  expect(kernel.open.size).toBe(1);
  expect(owners.counts.givenUp).toBe(0);
});

describe('a connection without an inode', () => {
  const listener = { inode: 5, state: 10, uid: 33 };
  const ask = (state: number, hasListener: boolean): object => {
    kernel.answers = (remotePort) => (remotePort === 9 ? { inode: 0, state } : hasListener ? listener : null);
    Object.assign(owners.question, { protocol: 6, family: 4, remotePort: 9 });
    expect(owners.ask()).toBe(true);
    const { inode, uid } = owners.answer;
    return { inode, uid, state: owners.answer.state };
  };

  test.each([1, 3, 8, 12])('in state %i is one that the listener has not accepted', (state) => {
    expect(ask(state, true)).toEqual({ inode: 5, uid: 33, state: 12 });
  });

  test.each([4, 6, 9])('in state %i was closed', (state) => {
    expect(ask(state, true)).toEqual({ inode: 5, uid: 33, state });
    expect(ask(state, false)).toEqual({ inode: 0, uid: 0, state });
  });
});
