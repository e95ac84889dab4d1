/**
 * npm run demo: client -- router with the shaper -- server in network namespaces, measured with iperf3, ping
 * and a UDP generator. Reports its steps, then prints one table: configured rates, measured rates, and the
 * shaper's counters. Exit 1 when a measured value is far from its configuration.
 */
import { createLab, type Lab } from './lab/lab.ts';
import { iperfTcp, type PingResult, ping } from './lab/measure.ts';
import { CommandError, sleep } from './lab/process.ts';
import { classOf, type RunningShaper, type Status, startShaper } from './lab/shaper.ts';
import { receivedBitsPerSec, udpTransfer } from './lab/udp.ts';
import { median } from './statistics.ts';
import { kilobytes, millis, rate, renderTable } from './table.ts';

/** TCP payload of a full-sized packet by its IP length: 1500 less 20 (IPv4), 20 (TCP), 12 (timestamps). */
const GOODPUT_V4 = 1448 / 1500;
const GOODPUT_V6 = 1428 / 1500;
const PORT = { tcp: 5201, down: 5202, police: 7001, each: 7002, tail: 5203, red: 5204 } as const;
/** Pings that travel in the class under test say so by their DSCP (cs1, cs2), shifted into the TOS byte. */
const TOS = { tail: 0x20, red: 0x40 } as const;

const CONFIG = `
links:
  wan:
    device: wan0
    up:
      rate: 20mbit
      classes:
        policed: { match: { proto: udp, dport: ${PORT.police} }, police: { rate: 2mbit } }
        each:    { match: { proto: udp, dport: ${PORT.each} }, each: { by: flow, rate: 1mbit }, queue: { discipline: fifo, limit: 1MB } }
        tail:
          ceil: 8mbit
          match: [{ proto: tcp, dport: ${PORT.tail} }, { proto: icmp, dscp: cs1 }]
          queue: { discipline: fifo, limit: 200kB }
        red:
          ceil: 8mbit
          match: [{ proto: tcp, dport: ${PORT.red} }, { proto: icmp, dscp: cs2 }]
          queue:
            discipline: fifo
            limit: 200kB
            aqm: { red: { min: 20kB, max: 60kB, probability: 0.1, weight: 0.002, gentle: true } }
        default: { queue: { discipline: fifo, limit: 50ms } }
    down:
      rate: 50mbit
      classes:
        default: { queue: { discipline: fifo, limit: 50ms } }
`;

interface Row {
  readonly what: string;
  readonly configured: string;
  readonly measured: string;
  readonly counted: string;
  /** Empty when the measurement is near enough. */
  readonly wrong: string;
}

const mbit = (bitsPerSec: number): string => (bitsPerSec / 1e6).toFixed(2);
const say = (text: string): void => console.log(`demo: ${text}`);

/** Generous: a demo runs on busy machines; the tests are the place for exact limits. */
function offBy(measured: number, expected: number, toleranceRatio: number): string {
  const ratio = measured / expected;
  return Math.abs(ratio - 1) <= toleranceRatio ? '' : `${(100 * ratio).toFixed(0)} % of what was expected`;
}

async function unshaped(lab: Lab): Promise<Row[]> {
  say('nothing shaped yet: one TCP connection for 2 s, and ping');
  const echo = await ping(lab.client, lab.server, { count: 10, intervalMs: 20 });
  const tcp = await iperfTcp(lab.client, lab.server, { port: PORT.tcp, seconds: 2 });
  const measured = `${rate(tcp.bitsPerSec)}, ping ${millis(echo.medianMs)}`;
  const wrong = tcp.bitsPerSec > 100e6 ? '' : 'this machine is too slow to show anything';
  return [{ what: 'unshaped TCP', configured: 'no limit', measured, counted: 'not running', wrong }];
}

function sentAndDropped(status: Status, path: string): string {
  const { sent, dropped } = classOf(status, path);
  const drops = Object.entries(dropped).filter(([, packets]) => packets > 0);
  const lost = drops.map(([reason, packets]) => `${packets} ${reason}`).join(', ') || 'none';
  return `${sent.packets} sent, ${kilobytes(sent.bytes)}; drops: ${lost}`;
}

async function shapedTcp(lab: Lab, shaper: RunningShaper): Promise<Row[]> {
  const seconds = 4;
  say(`TCP to the server through 20 Mbit/s for ${seconds} s (IPv4)`);
  const options = { seconds, omitSeconds: 1 };
  const up = await iperfTcp(lab.client, lab.server, { port: PORT.tcp, ...options });
  say(`TCP from the server through 50 Mbit/s for ${seconds} s (IPv6)`);
  const from = { port: PORT.down, reverse: true, family: 6 as const };
  const down = await iperfTcp(lab.client, lab.server, { ...from, ...options });
  const status = await shaper.status();
  const row = (what: string, bitsPerSec: number, limit: number, factor: number, path: string): Row => ({
    what,
    configured: `${rate(limit)}: payload ${mbit(limit * factor)}`,
    measured: `payload ${mbit(bitsPerSec)} Mbit/s`,
    counted: sentAndDropped(status, path),
    wrong: offBy(bitsPerSec, limit * factor, 0.07),
  });
  return [
    row('shaped TCP, up', up.bitsPerSec, 20e6, GOODPUT_V4, 'wan/up/default'),
    row('shaped TCP, down, IPv6', down.bitsPerSec, 50e6, GOODPUT_V6, 'wan/down/default'),
  ];
}

async function udpClasses(lab: Lab, shaper: RunningShaper): Promise<Row[]> {
  const seconds = 3;
  say(
    `UDP for ${seconds} s: 6 Mbit/s into a class policed to 2 Mbit/s, and 4 flows of 1.5 Mbit/s, each slowed to 1 Mbit/s`,
  );
  const common = { seconds, lengthBytes: 1000, perFlow: true };
  const [policed, each] = await Promise.all([
    udpTransfer(lab.client, lab.server, { port: PORT.police, rateBitsPerSec: 6e6, ...common }),
    udpTransfer(lab.client, lab.server, { port: PORT.each, rateBitsPerSec: 6e6, flows: 4, ...common }),
  ]);
  const status = await shaper.status();
  const flows = (each.received.flows ?? []).map(receivedBitsPerSec);
  const worst = flows.map((bitsPerSec) => offBy(bitsPerSec, 1e6, 0.1)).find((text) => text !== '') ?? '';
  return [
    {
      what: 'policed class',
      configured: '2.00 Mbit/s of 6 offered',
      measured: rate(policed.bitsPerSec),
      counted: sentAndDropped(status, 'wan/up/policed'),
      // The burst (15 kB) passes on top of the rate and is 2 % of what 3 s carry.
      wrong: offBy(policed.bitsPerSec, 2e6, 0.1),
    },
    {
      what: 'each flow slowed',
      configured: '1.00 Mbit/s each of 4 flows',
      measured: `${flows.map(mbit).join(' ')} Mbit/s`,
      counted: sentAndDropped(status, 'wan/up/each'),
      wrong: flows.length === 4 ? worst : `${flows.length} flows arrived`,
    },
  ];
}

/** Backlog of the classes while `load` lasts, in bytes. */
async function sampleBacklogs(shaper: RunningShaper, load: Promise<unknown>): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>([
    ['wan/up/tail', []],
    ['wan/up/red', []],
  ]);
  let running = true;
  const done = load.finally(() => {
    running = false;
  });
  // A failure of the load is reported where it is awaited.
  done.catch(() => undefined);
  await sleep(1500); // slow start is not the steady state
  while (running) {
    const status = await shaper.status();
    for (const [path, bytes] of samples) bytes.push(classOf(status, path).backlog.bytes);
    await sleep(200);
  }
  return samples;
}

async function redAgainstTail(lab: Lab, shaper: RunningShaper): Promise<Row[]> {
  const seconds = 7;
  say(
    `4 TCP connections each through two classes of 8 Mbit/s for ${seconds + 2} s: tail drop at 200 kB, and RED from 20 kB on`,
  );
  const tcp = (port: number): ReturnType<typeof iperfTcp> =>
    iperfTcp(lab.client, lab.server, { port, seconds, omitSeconds: 2, parallel: 4 });
  const echo = async (tos: number): Promise<PingResult> => {
    await sleep(1500);
    return ping(lab.client, lab.server, { count: (seconds - 1) * 20, intervalMs: 50, tos });
  };
  const load = Promise.all([tcp(PORT.tail), tcp(PORT.red)]);
  const measuring = Promise.all([load, echo(TOS.tail), echo(TOS.red), sampleBacklogs(shaper, load)]);
  const [[tailTcp, redTcp], tailPing, redPing, backlogs] = await measuring;
  const status = await shaper.status();
  const average = (path: string): number => {
    const samples = backlogs.get(path) ?? [];
    return samples.reduce((a, b) => a + b, 0) / Math.max(1, samples.length);
  };
  const row = (
    name: 'tail' | 'red',
    what: string,
    configured: string,
    pings: PingResult,
    bits: number,
  ): Row => {
    const path = `wan/up/${name}`;
    const reply = pings.received > 0 ? millis(median(pings.rttsMs)) : 'no reply';
    return {
      what,
      configured,
      measured: `ping ${reply}, queue ${kilobytes(average(path))}, payload ${mbit(bits)} Mbit/s`,
      counted: sentAndDropped(status, path),
      wrong: offBy(bits, 8e6 * GOODPUT_V4, 0.15),
    };
  };
  const tail = row('tail', 'tail drop', '8.00 Mbit/s, queue 200 kB', tailPing, tailTcp.bitsPerSec);
  const red = row('red', 'RED', '8.00 Mbit/s, RED 20-60 kB', redPing, redTcp.bitsPerSec);
  const halved = redPing.medianMs < 0.7 * tailPing.medianMs;
  return [tail, { ...red, wrong: red.wrong || (halved ? '' : 'no shorter queue than tail drop') }];
}

async function stopped(shaper: RunningShaper, lab: Lab): Promise<Row[]> {
  say('stopping the shaper');
  const { totals } = await shaper.status();
  const { code, tookMs } = await shaper.stop();
  const rules = await lab.router.exec(['nft', 'list', 'ruleset']);
  const left = /shaper|queue/i.test(rules.stdout) ? 'rules left behind' : 'no rule left';
  const { received, accepted, dropped, held, kernel } = totals;
  const sum = accepted.packets + dropped.packets + held.packets + kernel.lost;
  const books = `${received.packets} = ${accepted.packets} + ${dropped.packets} dropped + ${held.packets} held`;
  const wrong: string[] = [];
  if (code !== 0) wrong.push(`exit ${code}`);
  if (left !== 'no rule left') wrong.push(left);
  if (sum !== received.packets) wrong.push('the books do not balance');
  return [
    {
      what: 'stop (SIGTERM)',
      configured: 'exit 0 within 2 s',
      measured: `exit ${code} after ${millis(tookMs)}, ${left}`,
      counted: `${books}${kernel.lost > 0 ? ` + ${kernel.lost} lost` : ''}`,
      wrong: wrong.join(', '),
    },
  ];
}

async function main(): Promise<void> {
  const began = performance.now();
  say('three hosts in network namespaces: client -- router -- server');
  const lab = await createLab();
  const rows: Row[] = [];
  try {
    rows.push(...(await unshaped(lab)));
    say('starting the shaper in the router');
    const shaper = await startShaper(lab, CONFIG, { entry: 'dist' });
    rows.push(...(await shapedTcp(lab, shaper)));
    rows.push(...(await udpClasses(lab, shaper)));
    rows.push(...(await redAgainstTail(lab, shaper)));
    rows.push(...(await stopped(shaper, lab)));
  } finally {
    await lab.close();
    say('namespaces and processes removed');
  }
  const cells = rows.map((row) => [
    row.wrong ? `! ${row.what}` : `  ${row.what}`,
    row.configured,
    row.measured,
    row.counted,
  ]);
  console.log(`\n${renderTable(['', 'configured', 'measured', 'what the shaper counted'], cells)}\n`);
  for (const row of rows) if (row.wrong) console.log(`! ${row.what}: ${row.wrong}`);
  const failed = rows.some((row) => row.wrong !== '');
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  say(failed ? `measured values are off (${seconds} s)` : `everything as configured (${seconds} s)`);
  process.exitCode = failed ? 1 : 0;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
}
