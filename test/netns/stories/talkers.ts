/** Programs on the router that send to the server, and receive from it, as fast as they can. */
import type { ChildProcess } from 'node:child_process';
import { type Host, type Lab, sleep, until } from '../harness.ts';

const PORT = 7100;
const REPORT_MS = 50;

/** Counts what it gets of each connection, by the port of the other end, and sends all the time. */
const SERVER = `
const got = {};
require('node:net').createServer((socket) => {
  const port = socket.remotePort;
  got[port] = 0;
  socket.on('data', (data) => { got[port] += data.length; });
  socket.on('error', () => undefined);
  const chunk = Buffer.alloc(16384);
  const send = () => { while (socket.writable && socket.write(chunk)); };
  socket.on('drain', send);
  socket.once('data', send);
}).listen({ port: ${PORT}, host: '::' }, () => console.log('{}'));
setInterval(() => console.log(JSON.stringify(got)), ${REPORT_MS});
`;

/** argv: address, number of connections. Tells the port and the bytes received of each. */
const TALKER = `
const [address, count] = process.argv.slice(1);
const got = {};
for (let n = 0; n < Number(count); n++) {
  const socket = require('node:net').connect(${PORT}, address, () => {
    const port = socket.localPort;
    got[port] = { bytes: 0, fd: socket._handle.fd };
    socket.on('data', (data) => { got[port].bytes += data.length; });
    const chunk = Buffer.alloc(16384);
    const send = () => { while (socket.writable && socket.write(chunk)); };
    socket.on('drain', send);
    send();
  });
  socket.on('error', () => undefined);
}
setInterval(() => console.log(JSON.stringify(got)), ${REPORT_MS});
`;

type Counts = Readonly<Record<string, { readonly bytes: number; readonly fd: number }>>;

/** Payload in Mbit/s or in bytes, as its receiver counts it. */
export interface Rates {
  readonly up: number;
  readonly down: number;
}

export interface Talker {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Since it began. */
  readonly bytes: Rates;
  /** One connection of it, which is measured as a program of its own. */
  connection(n: number): Measured & { readonly fd: number };
}

export interface Measured {
  readonly bytes: Rates;
}

export interface Talkers {
  /** `before` is JavaScript that runs first; `wrap` is a command that starts it. */
  start(options?: TalkerOptions): Promise<Talker>;
  /** Also after a test that has failed in the middle. */
  endAll(): Promise<void>;
  /** What passed of each in so many milliseconds. */
  measure(talkers: readonly Measured[], ms: number): Promise<Rates[]>;
}

export interface TalkerOptions {
  readonly before?: string;
  readonly wrap?: readonly string[];
  readonly connections?: number;
  readonly family?: 4 | 6;
}

/** Remembers the last whole line of JSON that a child prints. */
function lastLine<T>(child: ChildProcess, none: T): () => T {
  let [last, rest] = [none, ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    const line = lines.findLast((one) => one.startsWith('{'));
    if (line !== undefined) last = JSON.parse(line) as T;
  });
  return () => last;
}

export async function startTalkers({ router, server }: Lab): Promise<Talkers> {
  const sink = server.spawn([process.execPath, '-e', SERVER]);
  const received = lastLine<Readonly<Record<string, number>> | null>(sink, null);
  const started = new Set<Talker>();
  await until('the server listens', () => received() !== null);
  return {
    start: async (options) => {
      const talker = await startTalker(router, server, () => received() ?? {}, options);
      started.add(talker);
      return talker;
    },
    endAll: async () => {
      for (const one of started) await endTalker(one);
      started.clear();
    },
    measure: async (talkers, ms) => {
      const before = talkers.map(({ bytes }) => ({ ...bytes }));
      const beganMs = performance.now();
      await sleep(ms);
      const seconds = (performance.now() - beganMs) / 1000;
      const rate = (bytes: number, earlier: number): number => (8e-6 * (bytes - earlier)) / seconds;
      return talkers.map(({ bytes: { up, down } }, i) => ({
        up: rate(up, before[i]!.up),
        down: rate(down, before[i]!.down),
      }));
    },
  };
}

/** Resolves when its process is gone. What has started it may be another one. */
export async function endTalker({ child, pid }: Talker): Promise<void> {
  if (isThere(pid)) process.kill(pid, 'SIGKILL');
  child.kill('SIGKILL');
  await until('a program has ended', () => !isThere(pid));
}

export function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function startTalker(
  router: Host,
  server: Host,
  received: () => Readonly<Record<string, number>>,
  { before = '', wrap = [], connections = 1, family = 4 }: TalkerOptions = {},
): Promise<Talker> {
  const address = family === 6 ? server.addresses.v6 : server.addresses.v4;
  const script = `${before}\n${TALKER}\nconsole.log(JSON.stringify({ pid: process.pid }));`;
  const child = router.spawn([...wrap, process.execPath, '-e', script, address, String(connections)]);
  let pid = 0;
  let errors = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    pid ||= Number(/"pid":(\d+)/.exec(text)?.[1] ?? 0);
  });
  child.stderr?.on('data', (text) => {
    errors += String(text);
  });
  const got = lastLine<Counts>(child, {});
  const ports = (): string[] => Object.keys(got()).filter((port) => /^\d+$/.test(port));
  await until('a program talks', () => {
    if (child.exitCode !== null) throw new Error(`it has ended: ${errors}`);
    return pid > 0 && ports().length === connections && ports().every((port) => (received()[port] ?? 0) > 0);
  });
  const bytesOf = (some: readonly string[]): Rates => ({
    up: some.reduce((sum, port) => sum + (received()[port] ?? 0), 0),
    down: some.reduce((sum, port) => sum + got()[port]!.bytes, 0),
  });
  return {
    ...{ child, pid },
    get bytes() {
      return bytesOf(ports());
    },
    connection: (n) => {
      const port = ports()[n]!;
      return {
        fd: got()[port]!.fd,
        get bytes() {
          return bytesOf([port]);
        },
      };
    },
  };
}
