/**
 * npm run bench -- pacing-cost: processor time of the packet thread for each packet of 1000 TCP connections
 * of one class, paced and not, in turns within one run, on real packets. Both directions are shaped, so the
 * same packets come either way.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packetThreadNs, placeDrainer } from './drain.ts';
import { atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { createLab, type Host, type Lab } from './lab/lab.ts';
import { ended, sleep } from './lab/process.ts';
import { classOf, type RunningShaper, startShaper } from './lab/shaper.ts';
import { median } from './statistics.ts';
import { renderTable } from './table.ts';
import { readWords } from './words.ts';

const { quick } = readWords();
const CONNECTIONS = quick ? 50 : 1000;
const ROUNDS = quick ? 1 : 7;
/** Windows and queues need a while to become those of the new setting. */
const SETTLE_MS = quick ? 200 : 2000;
const MEASURE_MS = quick ? 500 : 3000;
const PORT = 5301;
const END_MS = 10_000;
const CLASS = 'wan/up/data';
const PEER = fileURLToPath(new URL('lab/tcp-crowd.ts', import.meta.url));

/** Rates of the class. All shares are so small that acknowledgements are timed. */
const RATES = quick ? ['200mbit'] : ['100mbit', '200mbit', '400mbit'];

const CONFIG = `
links:
  wan:
    device: wan0
    up:
      rate: 1gbit
      classes:
        data: { match: { proto: tcp, dport: ${PORT} }, ceil: ${RATES[0]}, queue: { limit: 4MB } }
        default: {}
    down: 1gbit
nfqueue: { first: 100, gso: false }
`;

interface Measured {
  readonly cpuNsPerPacket: number;
  readonly packetsPerWakeup: number;
  readonly bitsPerSec: number;
  readonly drops: number;
  readonly heldAcks: number;
  readonly rewritten: number;
}

/** How often the packet thread has slept. */
function wakeupsOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/task/${pid}/status`, 'utf8');
  return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]);
}

async function set(shaper: RunningShaper, ...values: string[]): Promise<void> {
  const { code, stderr } = await shaper.cli(['set', CLASS, ...values, '--socket', shaper.socketPath]);
  if (code !== 0) throw new Error(`set ${values.join(' ')}: ${stderr}`);
}

async function measure(shaper: RunningShaper): Promise<Measured> {
  await sleep(SETTLE_MS);
  const look = async () => {
    const status = await shaper.status();
    return {
      status,
      data: classOf(status, CLASS),
      cpuNs: packetThreadNs(shaper.pid),
      wakeups: wakeupsOf(shaper.pid),
    };
  };
  const before = await look();
  await sleep(MEASURE_MS);
  const after = await look();
  const packets = after.status.totals.received.packets - before.status.totals.received.packets;
  const sent = after.data.sent.bytes - before.data.sent.bytes;
  return {
    cpuNsPerPacket: (after.cpuNs - before.cpuNs) / packets,
    packetsPerWakeup: packets / (after.wakeups - before.wakeups),
    bitsPerSec: (8e3 * sent) / MEASURE_MS,
    drops: after.status.totals.dropped.packets - before.status.totals.dropped.packets,
    heldAcks: (after.data.paced?.heldAcks ?? 0) - (before.data.paced?.heldAcks ?? 0),
    rewritten: (after.data.paced?.rewritten ?? 0) - (before.data.paced?.rewritten ?? 0),
  };
}

/** Returns the function that ends the connections. */
async function startCrowd(from: Host, to: Host, port: number): Promise<() => Promise<unknown>> {
  const command = ['taskset', '-c', '0', process.execPath, '--import', 'tsx', PEER];
  const says = (child: ReturnType<Host['spawn']>, word: string): Promise<void> =>
    new Promise((resolve, reject) => {
      child.stdout?.on('data', (text: Buffer) => text.toString().includes(word) && resolve());
      child.once('exit', (code) => reject(new Error(`tcp-crowd has ended with ${code}`)));
      child.stderr?.pipe(process.stderr);
    });
  const receiver = to.spawn([...command, 'receive', String(port)]);
  await says(receiver, 'listening');
  const sender = from.spawn([...command, 'send', to.addresses.v4, String(port), String(CONNECTIONS)]);
  await says(sender, 'sending');
  return () => {
    for (const peer of [sender, receiver]) peer.kill('SIGKILL');
    return Promise.all([sender, receiver].map((peer) => ended(peer, END_MS)));
  };
}

interface Compared {
  readonly rate: string;
  readonly queued: readonly Measured[];
  readonly paced: readonly Measured[];
  readonly ratio: number;
}

/**
 * Each with connections of its own: those that ran without pacing keep what their receivers have promised.
 */
async function compare({ client, server }: Lab, shaper: RunningShaper, rate: string): Promise<Compared> {
  const queued: Measured[] = [];
  const paced: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const isPaced of round % 2 ? [true, false] : [false, true]) {
      await set(shaper, `ceil=${rate}`, `tcp.pace=${isPaced}`);
      const stop = await startCrowd(client, server, PORT);
      (isPaced ? paced : queued).push(await measure(shaper));
      await stop();
    }
  }
  const ratio = median(
    paced.map(({ cpuNsPerPacket }, round) => cpuNsPerPacket / queued[round]!.cpuNsPerPacket),
  );
  return { rate, queued, paced, ratio };
}

function print(results: readonly Compared[]): void {
  const of = (measured: readonly Measured[], key: keyof Measured): number =>
    median(measured.map((m) => m[key]));
  const row = (rate: string, name: string, measured: readonly Measured[], ratio: string): string[] => [
    rate,
    name,
    (of(measured, 'cpuNsPerPacket') / 1e3).toFixed(2),
    of(measured, 'packetsPerWakeup').toFixed(1),
    (of(measured, 'bitsPerSec') / 1e6).toFixed(1),
    String(of(measured, 'drops')),
    String(of(measured, 'heldAcks')),
    ratio,
  ];
  const rows = results.flatMap(({ rate, queued, paced, ratio }) => [
    row(rate, 'queued', queued, ''),
    row(rate, 'paced', paced, ratio.toFixed(2)),
  ]);
  console.log(
    renderTable(['ceil', '', 'us/packet', 'packets/wake-up', 'Mbit/s', 'drops', 'held ACKs', 'ratio'], rows),
  );
}

function report(results: readonly Compared[]): void {
  const goals: Goal[] = results.map(({ rate, ratio }) =>
    atMost(`CPU per packet at ${rate}, paced by queued`, ratio, 1.15),
  );
  if (quick) {
    console.log(JSON.stringify({ results, goals }));
    return;
  }
  print(results);
  printGoals(goals);
  writeResults('pacing-cost', { results, goals });
  process.exitCode = goals.every(({ isMet }) => isMet) ? 0 : 1;
}

async function main(): Promise<void> {
  const lab = await createLab();
  try {
    const shaper = await startShaper(lab, CONFIG, { entry: 'dist' });
    await placeDrainer(shaper.pid);
    const results: Compared[] = [];
    for (const rate of RATES) results.push(await compare(lab, shaper, rate));
    report(results);
  } finally {
    await lab.close();
  }
}

await main();
