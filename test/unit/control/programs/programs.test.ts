/** Whose a flow of this machine is, from the lists of sockets and processes. */
import { beforeEach, expect, test } from 'vitest';
import { Programs } from '../../../../src/control/programs/programs.ts';
import { createFlowRecord, type FlowRecord } from '../../../../src/core/flows/flow-reader.ts';
import { FakeKernel } from '../../io/sockets/fake-kernel.ts';

const [LOCAL_IN, FORWARD, LOCAL_OUT] = [1, 2, 3];
const UDP = 17;
const HERE = 0x0a000001;
const THERE = 0x0a000002;

let kernel: FakeKernel;
let nowMs: number;
let looks: number;

interface Listed {
  readonly family?: number;
  readonly local?: readonly number[];
  readonly localPort: number;
  readonly remote?: number;
  readonly remotePort?: number;
  readonly inode: number;
}

/** The sockets that the kernel lists. */
function list(sockets: readonly Listed[]): void {
  const { columns: c, native } = kernel;
  let lists = 0;
  native.startList = () => {
    if (++lists % 6 === 1) looks++;
    return 0;
  };
  let told = -1;
  native.readList = () => {
    if (told === Math.floor((lists - 1) / 6)) return 0;
    told = Math.floor((lists - 1) / 6);
    sockets.forEach(({ family = 4, local = [HERE], localPort, remote = 0, remotePort = 0, inode }, r) => {
      [c.family[r], c.protocol[r], c.localPort[r], c.remotePort[r]] = [family, UDP, localPort, remotePort];
      [c.local0[r], c.local1[r], c.local2[r], c.local3[r]] = [local[0]!, 0, 0, 0];
      [c.remote0[r], c.remote1[r], c.remote2[r], c.remote3[r]] = [remote, 0, 0, 0];
      [c.inode[r], c.uid[r]] = [inode, 1000];
    });
    return sockets.length;
  };
}

function programs(): Programs {
  return new Programs({
    machine: {
      processes: {
        pids: () => [...kernel.processes.keys()],
        stat: (pid) => ({
          pid,
          name: `p${pid}`,
          parent: 1,
          group: 1,
          session: 1,
          startTicks: 1,
          isAlive: true,
        }),
        ...{ exe: () => '/bin/p', cgroup: () => null, uid: () => 0, threadGroup: (pid) => pid },
        ...{ sockets: () => new Map(), socket: () => null, netNamespace: () => null, lastPid: () => 0 },
      },
      accounts: { nameOf: (uid: number) => `u${uid}` } as never,
      containers: () => [],
    },
    openKernel: () => kernel,
    nowMs: () => nowMs,
  });
}

function flow(f: number, hook: number, port: number, peer: number, generation = 1): FlowRecord {
  const isOut = hook !== LOCAL_IN;
  const record = { ...createFlowRecord(), f, generation, hook, family: 4, protocol: UDP };
  record.src[0] = isOut ? HERE : THERE;
  record.dst[0] = isOut ? THERE : HERE;
  return { ...record, sport: isOut ? port : peer, dport: isOut ? peer : port };
}

beforeEach(() => {
  kernel = new FakeKernel();
  nowMs = 0;
  looks = 0;
  kernel.processes.set(5, { files: new Map([[3, 50]]) });
  kernel.processes.set(6, {
    files: new Map([
      [3, 60],
      [4, 61],
    ]),
  });
});

test('flows of both directions belong to the socket with their ends, else to the one that is bound', async () => {
  list([
    { localPort: 1000, remote: THERE, remotePort: 53, inode: 50 },
    { localPort: 2000, inode: 60 },
    { localPort: 3000, local: [0], inode: 61 },
    { family: 6, localPort: 4000, local: [0], inode: 99 },
  ]);
  const asked = programs();
  await asked.refresh();
  const pidOf = (record: FlowRecord) => asked.processOf(record)?.pid;
  expect(pidOf(flow(1, LOCAL_OUT, 1000, 53))).toBe(5);
  expect(pidOf(flow(2, LOCAL_IN, 1000, 53))).toBe(5);
  expect(pidOf(flow(3, LOCAL_IN, 2000, 9))).toBe(6);
  expect(pidOf(flow(4, LOCAL_OUT, 3000, 9))).toBe(6);
  // A socket whose process cannot be seen, and one that is not there.
  expect(asked.processOf(flow(5, LOCAL_OUT, 4000, 9))).toMatchObject({ pid: null, user: 'u1000' });
  expect(asked.processOf(flow(6, LOCAL_OUT, 1000, 54))).toBe(null);
  expect(asked.processOf(flow(7, FORWARD, 1000, 53))).toBe(null);
});

test('lists are read at most once a second, and a flow keeps its process', async () => {
  list([{ localPort: 1000, remote: THERE, remotePort: 53, inode: 50 }]);
  const asked = programs();
  await Promise.all([asked.refresh(), asked.refresh()]);
  nowMs = 999;
  await asked.refresh();
  expect(looks).toBe(1);
  expect(asked.processOf(flow(1, LOCAL_OUT, 1000, 53))?.pid).toBe(5);
  list([]);
  nowMs = 2000;
  await asked.refresh();
  expect(looks).toBe(2);
  expect(asked.processOf(flow(1, LOCAL_OUT, 1000, 53))?.pid).toBe(5);
  // Another flow in the same row.
  expect(asked.processOf(flow(1, LOCAL_OUT, 1000, 53, 2))).toBe(null);
});

test('without sock_diag nobody is known', async () => {
  const asked = new Programs({
    openKernel: () => {
      throw Object.assign(new Error('socket NETLINK_SOCK_DIAG'), { code: 'EPROTONOSUPPORT' });
    },
  });
  await asked.refresh();
  expect(asked.processOf(flow(1, LOCAL_OUT, 1000, 53))).toBe(null);
});
