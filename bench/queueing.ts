import { jainIndex } from '../src/base/fairness.ts';
import { call } from '../src/client/client.ts';
import { atLeast, atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { createLab, type Host, type Lab } from './lab/lab.ts';
import { iperfTcp, ping } from './lab/measure.ts';
import { sleep, until } from './lab/process.ts';
import { type RunningShaper, type Status, startShaper } from './lab/shaper.ts';
import { sendUdp, startSink } from './lab/udp.ts';
import { leastStarved, watchStarving } from './starved.ts';
import { quantile } from './statistics.ts';
import { millis, rate, renderTable } from './table.ts';
import { readWords } from './words.ts';

const { quick, parts } = readWords({ parts: ['load', 'hosts', 'classes'] });
const ATTEMPTS_MAX = quick ? 1 : 3;
const RATE_BITS_PER_SEC = 50e6;
/** Payload of a full packet with timestamps. */
const GOODPUT = 1448 / 1500;
const SECONDS = quick ? 1 : 10;
const OMIT_SECONDS = quick ? 0 : 3;

interface Load {
  readonly goodputRatio: number;
  readonly jain: number;
  readonly pingMedianMs: number;
  readonly pingP99Ms: number;
  /** Above the same quantile without load. */
  readonly addedMedianMs: number;
  readonly addedP99Ms: number;
}

async function underLoad({ client, server }: Lab): Promise<Load> {
  const idle = await ping(client, server, { count: 200, intervalMs: 10 });
  const transfer = iperfTcp(client, server, {
    port: 5201,
    seconds: SECONDS,
    omitSeconds: OMIT_SECONDS,
    parallel: 4,
  });
  await sleep(1000 * OMIT_SECONDS + 300);
  const loaded = await ping(client, server, { count: 80 * SECONDS, intervalMs: 10 });
  const { bitsPerSec, streamBitsPerSec } = await transfer;
  const medianMs = quantile(loaded.rttsMs, 0.5);
  const p99Ms = quantile(loaded.rttsMs, 0.99);
  return {
    goodputRatio: bitsPerSec / (RATE_BITS_PER_SEC * GOODPUT),
    jain: jainIndex(streamBitsPerSec),
    pingMedianMs: medianMs,
    pingP99Ms: p99Ms,
    addedMedianMs: medianMs - quantile(idle.rttsMs, 0.5),
    addedP99Ms: p99Ms - quantile(idle.rttsMs, 0.99),
  };
}

async function throughShaper<T>(
  lab: Lab,
  config: string,
  measure: (shaper: RunningShaper) => Promise<T>,
): Promise<{ value: T; starvedRatio: number; attempts: number }> {
  const { best, attempts } = await leastStarved(ATTEMPTS_MAX, async () => {
    const shaper = await startShaper(lab, config, { entry: 'dist' });
    try {
      return await watchStarving(shaper.pid, () => measure(shaper));
    } finally {
      await shaper.stop();
    }
  });
  return { ...best, attempts };
}

const upAndDown = (direction: string): string => `links: { wan: { device: wan0, ${direction} } }`;

/** HTB with a pfifo of 1,000 packets at the same rate; null where the kernel has none. */
async function underHtb(lab: Lab): Promise<Load | null> {
  const tc = (command: string, check = true) => lab.router.exec(['tc', ...command.split(' ')], { check });
  const { code } = await tc('qdisc add dev wan0 root handle 1: htb default 1', false);
  if (code !== 0) return null;
  // HTB counts Ethernet headers, too.
  const rateBitsPerSec = (RATE_BITS_PER_SEC * 1514) / 1500;
  await tc(
    `class add dev wan0 parent 1: classid 1:1 htb rate ${rateBitsPerSec.toFixed(0)}bit burst 15000 quantum 1514`,
  );
  await tc('qdisc add dev wan0 parent 1:1 pfifo limit 1000');
  try {
    return await underLoad(lab);
  } finally {
    await tc('qdisc del dev wan0 root');
  }
}

/** Share of the host with one flow, of what both got. */
async function hostShare({ client, server }: Lab, reverse: boolean): Promise<number> {
  const second = '10.77.1.3';
  await client.exec(['ip', 'address', 'replace', `${second}/24`, 'dev', 'eth0']);
  const both = { seconds: SECONDS, omitSeconds: OMIT_SECONDS, reverse };
  const [one, eight] = await Promise.all([
    iperfTcp(client, server, { ...both, port: 5202, bind: second }),
    iperfTcp(client, server, { ...both, port: 5203, bind: client.addresses.v4, parallel: 8 }),
  ]);
  return one.bitsPerSec / (one.bitsPerSec + eight.bitsPerSec);
}

interface ClassCase {
  readonly what: string;
  /** Of the direction `up`, whose rate is 20 Mbit/s. */
  readonly classes: string;
  /** By class path below wan/up, in file order: what is offered and what should pass, Mbit/s. */
  readonly loads: readonly { readonly path: string; readonly offered: number; readonly expected: number }[];
}
const FLOOD = 30;
const FIRST_PORT = 7001;
const CLASS_CASES: readonly ClassCase[] = [
  {
    what: 'guarantees first, the rest by priority',
    classes: 'a: { PORT, rate: 2mbit, priority: 1 }, b: { PORT, rate: 6mbit, priority: 5 }',
    loads: [
      { path: 'a', offered: FLOOD, expected: 14 },
      { path: 'b', offered: FLOOD, expected: 6 },
    ],
  },
  {
    what: 'the rest by weight',
    classes: 'a: { PORT, rate: 2mbit, weight: 3 }, b: { PORT, rate: 2mbit, weight: 1 }',
    loads: [
      { path: 'a', offered: FLOOD, expected: 14 },
      { path: 'b', offered: FLOOD, expected: 6 },
    ],
  },
  {
    what: 'borrowing what another leaves',
    classes: 'a: { PORT, rate: 5mbit }, b: { PORT, rate: 15mbit }',
    loads: [
      { path: 'a', offered: FLOOD, expected: 17 },
      { path: 'b', offered: 3, expected: 3 },
    ],
  },
  {
    what: 'a ceiling',
    classes: 'a: { PORT, rate: 1mbit, ceil: 5mbit, priority: 0 }, b: { PORT, rate: 1mbit }',
    loads: [
      { path: 'a', offered: FLOOD, expected: 5 },
      { path: 'b', offered: FLOOD, expected: 15 },
    ],
  },
  {
    what: 'siblings borrow before others do',
    classes:
      'office: { match: { dport: 7001-7002 }, rate: 12mbit, classes: { a: { PORT, rate: 4mbit }, b: { PORT, rate: 8mbit } } }, ' +
      'c: { PORT, rate: 8mbit }',
    loads: [
      { path: 'office/a', offered: 2, expected: 2 },
      { path: 'office/b', offered: FLOOD, expected: 10 },
      { path: 'c', offered: FLOOD, expected: 8 },
    ],
  },
];
const CLASS_SECONDS = quick ? 2 : 4;
const CLASS_TOLERANCE = 0.02;

/** Each class gets the next port. */
function withPorts(classes: string): string {
  let port = FIRST_PORT;
  return classes.replace(/\bPORT\b/g, () => `match: { dport: ${port++} }`);
}

async function flood(client: Host, server: Host, loads: ClassCase['loads']): Promise<void> {
  await Promise.all(
    loads.map(async ({ offered }, i) => {
      const port = FIRST_PORT + i;
      const sink = await startSink(server, { port, hold: true });
      // Bursts of a few packets, so that hosts below their guarantee need no queue.
      const load = {
        port,
        seconds: CLASS_SECONDS,
        lengthBytes: 1000,
        rateBitsPerSec: offered * 1e6,
        burst: 2,
      };
      await sendUdp(client, server, load);
      await sink.stop();
    }),
  );
}

/** By the control socket itself: a command would take as long as Node takes to start. */
async function statusNow(shaper: RunningShaper): Promise<Status> {
  return (await call(shaper.socketPath, 'GET', '/v1/status')) as unknown as Status;
}

function sentBytes(status: Status, path: string): number {
  return status.classes.find((entry) => entry.path === `wan/up/${path}`)?.sent.bytes ?? Number.NaN;
}

/** Bits per second that each class sent between two statuses in the middle of the flood. */
async function classRates(lab: Lab, { loads }: ClassCase, shaper: RunningShaper): Promise<number[]> {
  const flooding = flood(lab.client, lab.server, loads);
  const begun = async (): Promise<boolean> => {
    const status = await statusNow(shaper);
    return loads.every(({ path }) => sentBytes(status, path) > 0);
  };
  await until(`every class sends: ${loads.map(({ path }) => path).join(', ')}`, begun, 20_000);
  await sleep(500);
  const from = await statusNow(shaper);
  await sleep(1000 * (CLASS_SECONDS - 1.5));
  const to = await statusNow(shaper);
  await flooding;
  const seconds = to.uptimeSeconds - from.uptimeSeconds;
  return loads.map(({ path }) => ((sentBytes(to, path) - sentBytes(from, path)) * 8) / seconds);
}

async function measureLoad(lab: Lab, goals: Goal[]): Promise<Record<string, Load | null>> {
  console.error('bench: four TCP flows through 50 Mbit/s, and ping');
  const shaper = await throughShaper(lab, upAndDown('up: 50mbit'), () => underLoad(lab));
  console.error('bench: the same through HTB and pfifo');
  const htb = await underHtb(lab);
  const { goodputRatio, jain: index, addedP99Ms } = shaper.value;
  goals.push(
    atMost('ping p99 above idle, ms', addedP99Ms, 10),
    atLeast('goodput by what the rate can carry', goodputRatio, 0.97),
    atLeast('Jain index of four flows', index, 0.97),
  );
  const row = (name: string, load: Load): string[] => [
    name,
    millis(load.pingMedianMs),
    millis(load.pingP99Ms),
    `${millis(load.addedMedianMs)}, ${millis(load.addedP99Ms)}`,
    `${(100 * load.goodputRatio).toFixed(1)} %`,
    load.jain.toFixed(3),
  ];
  const head = ['4 TCP flows, 50 Mbit/s', 'ping p50', 'ping p99', 'above idle', 'goodput', 'Jain'];
  const rows = [row('shaper, default queue', shaper.value)];
  if (htb) rows.push(row('HTB and pfifo', htb));
  console.log(`\n${renderTable(head, rows, true)}`);
  return { shaper: shaper.value, htb };
}

async function measureHosts(lab: Lab, goals: Goal[]): Promise<Record<string, number>> {
  const shares: Record<string, number> = {};
  for (const direction of ['up', 'down']) {
    console.error(`bench: one flow of one host, eight of another, ${direction}`);
    // Both addresses are those of one device, which would be one host by its MAC.
    const config = `${upAndDown(`${direction}: 50mbit`)}\nhosts: { identify: address }\n`;
    const { value } = await throughShaper(lab, config, () => hostShare(lab, direction === 'down'));
    shares[direction] = value;
    goals.push(
      atMost(
        `${direction}: a host with one flow beside one with eight, off 50 %`,
        Math.abs(value - 0.5),
        0.03,
      ),
    );
  }
  const row = Object.values(shares).map((share) => `${(100 * share).toFixed(1)} %`);
  console.log(
    `\n${renderTable(['host with 1 flow beside host with 8', 'up', 'down'], [['share', ...row]], true)}`,
  );
  return shares;
}

async function measureClasses(lab: Lab, goals: Goal[]): Promise<unknown[]> {
  const rows: string[][] = [];
  const results: unknown[] = [];
  for (const one of quick ? CLASS_CASES.slice(0, 1) : CLASS_CASES) {
    console.error(`bench: ${one.what}`);
    const config = upAndDown(`up: { rate: 20mbit, classes: { ${withPorts(one.classes)} } }`);
    const { value } = await throughShaper(lab, config, (shaper) => classRates(lab, one, shaper));
    for (const [i, { path, offered, expected }] of one.loads.entries()) {
      const off = value[i]! / (expected * 1e6) - 1;
      goals.push(atMost(`${one.what}: ${path}, off`, Math.abs(off), CLASS_TOLERANCE));
      const cells = [
        rate(offered * 1e6),
        rate(expected * 1e6),
        rate(value[i]!),
        `${(100 * off).toFixed(2)} %`,
      ];
      rows.push([i === 0 ? one.what : '', path, ...cells]);
      results.push({ what: one.what, path, offeredBitsPerSec: offered * 1e6, measuredBitsPerSec: value[i] });
    }
  }
  console.log(
    `\n${renderTable(['UDP through 20 Mbit/s', 'class', 'offered', 'expected', 'passed', 'off by'], rows)}`,
  );
  return results;
}

const PARTS = { load: measureLoad, hosts: measureHosts, classes: measureClasses };

async function main(): Promise<void> {
  const goals: Goal[] = [];
  const lab = await createLab();
  let result: unknown;
  try {
    const results: Record<string, unknown> = {};
    for (const [name, measure] of Object.entries(PARTS))
      if (parts.includes(name)) results[name] = await measure(lab, goals);
    result = { ...results, goals };
  } finally {
    await lab.close();
  }
  printGoals(goals);
  if (quick) return;
  writeResults('queueing', result);
  process.exitCode = goals.every(({ isMet }) => isMet) ? 0 : 1;
}

await main();
