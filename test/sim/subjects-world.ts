/** Local flows in a world, whose sockets a table knows as the kernel would, and what is told of subjects. */
import type { SubjectsUpdate } from '../../src/core/subjects/update.ts';
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../../src/packet/batch.ts';
import type { SocketOwners, TrackedProcesses } from '../../src/packet/sockets.ts';
import { IPPROTO_UDP, ipv4, type PacketShape } from '../../src/sim/packets/packets.ts';
import type { SimArrival } from '../port/sim-port.ts';

export const HERE = ipv4(192, 0, 2, 1);
export const THERE = ipv4(198, 51, 100, 7);
export const WAN = 1;
export const TCP_ESTABLISHED = 1;

export interface FakeSocket {
  readonly uid: number;
  readonly inode: number;
  readonly cgroup?: readonly [high: number, low: number];
  readonly state?: number;
}

/** Sockets by the local port alone: tests give each its own. */
export class FakeSockets implements SocketOwners {
  readonly question = {
    ...{ protocol: 0, family: 0, ifIndex: 0 },
    ...{ local0: 0, local1: 0, local2: 0, local3: 0, localPort: 0 },
    ...{ remote0: 0, remote1: 0, remote2: 0, remote3: 0, remotePort: 0 },
  };
  readonly answer = { uid: 0, inode: 0, cgroupHigh: 0, cgroupLow: 0, state: 0 };
  readonly byPort = new Map<number, FakeSocket>();
  /** Sets of sockets that no update has told. */
  readonly held = new Map<number, number>();
  readonly asked: number[] = [];
  readonly searched: number[] = [];
  readonly tracked: TrackedProcesses[] = [];

  ask(): boolean {
    const { localPort } = this.question;
    this.asked.push(localPort);
    const found = this.byPort.get(localPort);
    if (found === undefined) return false;
    const { uid, inode, cgroup: [cgroupHigh, cgroupLow] = [0, 0], state = TCP_ESTABLISHED } = found;
    Object.assign(this.answer, { uid, inode, cgroupHigh, cgroupLow, state });
    return true;
  }

  setOfInode(inode: number): number {
    this.searched.push(inode);
    return this.held.get(inode) ?? -1;
  }

  track(update: TrackedProcesses): void {
    this.tracked.push(update);
  }
}

export const NO_PROCESSES: TrackedProcesses = {
  pids: new Int32Array(0),
  startTicks: new Float64Array(0),
  setOfPid: new Int32Array(0),
  inheritedSet: new Int32Array(0),
  exes: [],
  lastPid: 0,
};

/** `sockets` are pairs of inode and set. */
export function updateOf({
  sockets = [],
  ...more
}: Partial<SubjectsUpdate> & { readonly sockets?: readonly (readonly [number, number])[] }): SubjectsUpdate {
  return {
    sets: [],
    inodes: Float64Array.from(sockets, ([inode]) => inode),
    inodeSets: Int32Array.from(sockets, ([, set]) => set),
    users: [],
    cgroups: [],
    devices: [],
    addresses: [],
    matched: [],
    attachments: [],
    processes: NO_PROCESSES,
    ...more,
  };
}

type More = Omit<Partial<SimArrival>, 'shape'> & { readonly shape?: Partial<PacketShape> };

/** A packet that this host sends from a local port. */
export function leaves(timeNs: number, localPort: number, more: More = {}): SimArrival {
  const { shape, ...rest } = more;
  const ends = { src: HERE, dst: THERE, protocol: IPPROTO_UDP, sport: localPort, dport: 443, ...shape };
  return {
    timeNs,
    lengthBytes: 100,
    hook: NF_INET_LOCAL_OUT,
    ifIndexIn: 0,
    ifIndexOut: WAN,
    ...rest,
    shape: ends,
  };
}

/** A packet that comes to a local port of this host. */
export function comes(timeNs: number, localPort: number, more: More = {}): SimArrival {
  const { shape, ...rest } = more;
  const ends = { src: THERE, dst: HERE, protocol: IPPROTO_UDP, sport: 443, dport: localPort, ...shape };
  return {
    timeNs,
    lengthBytes: 100,
    hook: NF_INET_LOCAL_IN,
    ifIndexIn: WAN,
    ifIndexOut: 0,
    ...rest,
    shape: ends,
  };
}
