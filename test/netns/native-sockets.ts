/** Scenarios for native-sockets.test.ts: whose sockets there are, asked of the kernel and of /proc. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, Socket as Datagram } from 'node:dgram';
import { once } from 'node:events';
import { copyFileSync, fstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSocketKernel } from '../../src/io/sockets/kernel.ts';
import { SocketListing } from '../../src/io/sockets/listing.ts';
import { LocalSockets } from '../../src/io/sockets/owners.ts';
import { processOf, socketsOf } from '../../src/io/sockets/processes.ts';
import { until } from './native-bed.ts';

const TCP = 6;
const UDP = 17;
const LOOPBACK = [0x7f000001, 0, 0, 0];
const LOOPBACK6 = [0, 0, 0, 1];

interface Ends {
  readonly protocol: number;
  readonly family: number;
  readonly local: readonly number[];
  readonly localPort: number;
  readonly remote: readonly number[];
  readonly remotePort: number;
}
const ends4 = (protocol: number, localPort: number, remotePort: number): Ends => {
  return { protocol, family: 4, local: LOOPBACK, localPort, remote: LOOPBACK, remotePort };
};
const ends6 = (protocol: number, localPort: number, remotePort: number): Ends => {
  return { protocol, family: 6, local: LOOPBACK6, localPort, remote: LOOPBACK6, remotePort };
};

function ask(owners: LocalSockets, ends: Ends): { inode: number; state: number; uid: number } | null {
  const { question: q, answer } = owners;
  const { protocol, family, localPort, remotePort } = ends;
  Object.assign(q, { protocol, family, localPort, remotePort, ifIndex: 1 });
  [q.local0, q.local1, q.local2, q.local3] = ends.local as [number, number, number, number];
  [q.remote0, q.remote1, q.remote2, q.remote3] = ends.remote as [number, number, number, number];
  if (!owners.ask()) return null;
  const { inode, state, uid } = answer;
  return { inode, state, uid };
}

/** The inode of a socket of this process. */
function inodeOf(socket: Socket | Server | Datagram): number {
  const { fd } = socket instanceof Datagram ? handleOf(socket) : (socket as unknown as HasHandle)._handle;
  return fstatSync(fd).ino;
}

interface HasHandle {
  readonly _handle: { readonly fd: number };
}

/** Where Node hides the handle of datagram sockets. */
function handleOf(socket: object): { fd: number } {
  const state = Object.getOwnPropertySymbols(socket).find((symbol) =>
    String(symbol).includes('state symbol'),
  );
  return (socket as Record<symbol, { handle: { fd: number } }>)[state!]!.handle;
}

const portOf = (of: Server | Datagram): number => (of.address() as AddressInfo).port;

async function listen(host: string): Promise<Server> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  return server;
}

/** Both ends of a connection. */
async function connection(server: Server, host: string): Promise<{ client: Socket; accepted: Socket }> {
  const accepting = once(server, 'connection');
  const client = connect(portOf(server), host);
  await once(client, 'connect');
  return { client, accepted: (await accepting)[0] as Socket };
}

async function datagram(
  type: 'udp4' | 'udp6',
  bound: { address?: string; port?: number },
  remote?: number,
): Promise<Datagram> {
  const socket = createSocket(type);
  socket.bind({ address: bound.address, port: bound.port ?? 0, exclusive: true });
  await once(socket, 'listening');
  if (remote === undefined) return socket;
  socket.connect(remote, type === 'udp4' ? '127.0.0.1' : '::1');
  await once(socket, 'connect');
  return socket;
}

/** A shell that does what it is told, and can open sockets by itself. */
class Shell {
  readonly child: ChildProcess;

  constructor(program = 'bash') {
    this.child = spawn(program, [], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Has the shell, or a child of it, open a UDP socket to a port of the loopback. Returns its inode. */
  async open(port: number, command = (open: string): string => open): Promise<number> {
    this.child.stdin!.write(`${command(`exec {fd}<>/dev/udp/127.0.0.1/${port}`)}\n`);
    await until(() => listed(port).length > 0, `a socket to port ${port}`);
    return listed(port)[0]!.inode;
  }

  async end(): Promise<void> {
    // With everything that it has begun.
    process.kill(-this.pid, 'SIGKILL');
    await once(this.child, 'exit');
  }
}

interface Row {
  readonly family: number;
  readonly protocol: number;
  readonly localPort: number;
  readonly inode: number;
  readonly state: number;
  readonly remotePort: number;
}

const lister = openSocketKernel();

function all(): Row[] {
  const listing = new SocketListing(lister);
  const rows: Row[] = [];
  const { columns: c } = lister;
  for (let count = listing.next(); count > 0; count = listing.next()) {
    for (let r = 0; r < count; r++) {
      const [family, protocol, state] = [c.family[r]!, c.protocol[r]!, c.state[r]!];
      const [localPort, remotePort, inode] = [c.localPort[r]!, c.remotePort[r]!, c.inode[r]!];
      rows.push({ family, protocol, localPort, inode, state, remotePort });
    }
  }
  return rows;
}

const listed = (remotePort: number): Row[] =>
  all().filter((row) => row.protocol === UDP && row.remotePort === remotePort);

const startTicksOf = (pid: number): number => processOf(lister, pid)!.startTicks;

function track(owners: LocalSockets, pids: readonly number[], sets: readonly number[], exe?: string): void {
  owners.track({
    pids: Int32Array.from(pids),
    startTicks: Float64Array.from(pids, startTicksOf),
    setOfPid: Int32Array.from(sets),
    inheritedSet: Int32Array.from(sets, (set) => set + 100),
    exes: exe ? [{ path: exe, set: 7 }] : [],
    lastPid: lister.native.newestPid(),
  });
}

const uid = process.getuid!();

export const socketScenarios: Record<string, () => Promise<unknown>> = {
  async socketKinds() {
    const owners = new LocalSockets();
    const found: Record<string, unknown> = {};
    const say = (name: string, ends: Ends, socket: Socket | Server | Datagram): void => {
      const answer = ask(owners, ends);
      found[name] = answer && {
        isIt: answer.inode === inodeOf(socket),
        state: answer.state,
        uid: answer.uid,
      };
    };
    const server = await listen('127.0.0.1');
    const { client, accepted } = await connection(server, '127.0.0.1');
    say('client', ends4(TCP, client.localPort!, portOf(server)), client);
    say('accepted', ends4(TCP, portOf(server), client.localPort!), accepted);
    say('request', ends4(TCP, portOf(server), 9), server);
    const server6 = await listen('::1');
    const pair6 = await connection(server6, '::1');
    say('client of IPv6', ends6(TCP, pair6.client.localPort!, portOf(server6)), pair6.client);
    say('accepted of IPv6', ends6(TCP, portOf(server6), pair6.client.localPort!), pair6.accepted);
    const both = await listen('::');
    const mapped = await connection(both, '127.0.0.1');
    say('mapped accepted', ends4(TCP, portOf(both), mapped.client.localPort!), mapped.accepted);
    say('mapped request', ends4(TCP, portOf(both), 9), both);
    const peer = await datagram('udp4', { address: '127.0.0.1' });
    const connected = await datagram('udp4', { address: '127.0.0.1' }, portOf(peer));
    say('connected datagrams', ends4(UDP, portOf(connected), portOf(peer)), connected);
    say('unconnected datagrams', ends4(UDP, portOf(peer), 9), peer);
    const wildcard = await datagram('udp4', {});
    say('datagrams of any address', ends4(UDP, portOf(wildcard), 9), wildcard);
    const wildcard6 = await datagram('udp6', {});
    say('mapped datagrams', ends4(UDP, portOf(wildcard6), 9), wildcard6);
    say('datagrams of IPv6', ends6(UDP, portOf(wildcard6), 9), wildcard6);
    const { localPort } = client;
    client.end();
    accepted.end();
    await until(() => ask(owners, ends4(TCP, localPort!, portOf(server)))?.state === 6, 'time-wait');
    const late = ask(owners, ends4(TCP, localPort!, portOf(server)));
    const listing = all();
    const known = [server, server6, both, peer, connected, wildcard6, pair6.client].map(inodeOf);
    const isListed = known.every((inode) => listing.some((row) => row.inode === inode));
    process.nextTick(() => process.exit(0));
    return { found, late, isListed, none: ask(owners, ends4(TCP, 9, 9)) };
  },

  /** A server that has stopped accepts nothing, and the kernel makes connections for it all the same. */
  async unacceptedSockets() {
    const owners = new LocalSockets();
    const server = spawn(process.execPath, [
      '-e',
      'require("net").createServer().listen(7009, "127.0.0.1", () => console.log(1))',
    ]);
    await once(server.stdout, 'data');
    server.kill('SIGSTOP');
    const client = connect(7009, '127.0.0.1');
    await once(client, 'connect');
    const listener = ask(owners, ends4(TCP, 7009, 9));
    const unaccepted = ask(owners, ends4(TCP, 7009, client.localPort!));
    client.destroy();
    server.kill('SIGKILL');
    return { states: [listener?.state, unaccepted?.state], isSame: listener?.inode === unaccepted?.inode };
  },

  /** SHAPER_TEST_PORT is a port of another network namespace. */
  async otherNamespace() {
    return ask(new LocalSockets(), ends4(TCP, Number(process.env.SHAPER_TEST_PORT), 9));
  },

  async socketsOfProcesses() {
    const owners = new LocalSockets();
    const shell = new Shell();
    const before = await shell.open(7001);
    track(owners, [shell.pid], [3]);
    const sets: Record<string, number> = {};
    const say = (name: string, inode: number): void => {
      sets[name] = owners.setOfInode(inode, uid);
    };
    say('before', before);
    say('after', await shell.open(7002));
    say('child', await shell.open(7003, (open) => `(${open}; sleep 1000) & CHILD=$!`));
    const nested = (open: string): string => `( (${open}; sleep 1000) & sleep 1000) &`;
    say('grandchild', await shell.open(7004, nested));
    const shared = await shell.open(7005, (open) => `${open}; sleep 1000 &`);
    say('shared', shared);
    const own = await datagram('udp4', {});
    say('of nobody', inodeOf(own));
    const isOther = owners.setOfInode(await shell.open(7006), uid + 1);
    const ofShell = socketsOf(lister, shell.pid)!.inodes.length;
    track(owners, [shell.pid], [5]);
    say('before, renumbered', before);
    await shell.end();
    // The process that shares the socket is not tracked.
    track(owners, [], []);
    say('after the end', shared);
    own.close();
    return { sets, isOther, ofShell, givenUp: owners.counts.givenUp };
  },

  async newPrograms() {
    const folder = mkdtempSync(join(tmpdir(), 'shaper-exe-'));
    const program = join(folder, 'program');
    copyFileSync('/bin/bash', program);
    const owners = new LocalSockets();
    track(owners, [], [], program);
    const shell = new Shell(program);
    const other = new Shell();
    const sets = {
      itself: owners.setOfInode(await shell.open(7001), uid),
      child: owners.setOfInode(await shell.open(7002, (open) => `(${open}; sleep 1000) &`), uid),
      other: owners.setOfInode(await other.open(7003), uid),
      // A process that was seen before it became the program.
      become: -1,
    };
    sets.become = owners.setOfInode(
      await other.open(7004, (open) => `exec ${program} -c '${open}; sleep 1000; :'`),
      uid,
    );
    await shell.end();
    await other.end();
    rmSync(folder, { recursive: true });
    return sets;
  },

  /** Sockets of processes that come and go: neither descriptors nor memory stay behind. */
  async manyProcesses() {
    const owners = new LocalSockets();
    const openBefore = readdirSync('/proc/self/fd').length;
    const sets: number[] = [];
    for (let i = 0; i < 30; i++) {
      const shell = new Shell();
      const inode = await shell.open(7100 + i);
      track(owners, [shell.pid], [i]);
      sets.push(owners.setOfInode(inode, uid));
      await shell.end();
    }
    track(owners, [], []);
    return { sets, left: readdirSync('/proc/self/fd').length - openBefore };
  },

  /** A pid that another process has by now: the update says another start. */
  async reusedPids() {
    const owners = new LocalSockets();
    const shell = new Shell();
    const inode = await shell.open(7001);
    const ticks = startTicksOf(shell.pid);
    const lastPid = lister.native.newestPid();
    const sets = [ticks, ticks - 1].map((start) => {
      owners.track({
        pids: Int32Array.of(shell.pid),
        startTicks: Float64Array.of(start),
        setOfPid: Int32Array.of(3),
        inheritedSet: Int32Array.of(3),
        exes: [],
        lastPid,
      });
      return owners.setOfInode(inode, uid);
    });
    await shell.end();
    return sets;
  },
};
