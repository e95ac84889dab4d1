/**
 * What many flows, hosts and classes cost against one, on real packets: processor time per packet of the core
 * over the addon, the packet's way through the kernel included (drain.ts). Packets pass at once, or wait
 * their turn because the line is slower than the process reads. The server drops packets as soon as
 * it has received them and nothing tracks connections, so that the kernel's work is the same for one flow and
 * for many.
 */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askCore, coreCommand, queueRule, startContender } from './contenders.ts';
import { type Drained, drainInTurns, fillAndDrain, placeDrainer } from './drain.ts';
import type { CoreReport } from './drain-core.ts';
import { atMost, type Goal } from './goals.ts';
import { createLab, type Host, type Lab } from './lab/lab.ts';
import { FIRST_PORT } from './memory-port.ts';
import { LOOP_SETTING, SCALE_CASES, type ScaleCase, type Setting } from './scale-cases.ts';
import { renderTable, type Spread, spread } from './table.ts';

const FIRST_QUEUE = 40;
/** An address of the client's network for each of so many source addresses: 2^14 of them. */
const SOURCE_PREFIX_BITS = 18;
const LENGTH_BYTES = 300;

const MODES = ['pass', 'wait'] as const;
type Mode = (typeof MODES)[number];
const MODE_TEXT: Record<Mode, string> = { pass: 'passing at once', wait: 'waiting their turn' };
const SETTINGS: Record<Mode, Setting> = {
  pass: LOOP_SETTING,
  // 125,000 packets a second, about half the speed of reading. So at most half of a fill waits at any time,
  // and at most half a batch passes at once: the burst is 1 ms at the rate. CoDel has no time to drop.
  wait: { rate: '300mbit', queue: '{ limit: 65536p, aqm: { codel: { interval: 10s } } }' },
};

export interface PacketsPlan {
  /** Keys of cases with many of something. */
  readonly many: readonly string[];
  /** Of a fill. */
  readonly packets: number;
  /** At least: there are as many as it takes for every flow to be seen. */
  readonly warmups: number;
  readonly rounds: number;
}

export interface PacketsResult {
  readonly key: string;
  readonly label: string;
  readonly mode: Mode;
  readonly cpuNsPerPacket: Spread;
  /** By the case with one of what it has many of, round by round. */
  readonly toBaseline: Spread | null;
  /** Its best round by the best of that one: what other load on the machine disturbs least. */
  readonly bestToBest: number | null;
  /** Share of packets that waited. */
  readonly waited: number;
  readonly counted: CoreReport;
}

interface Running {
  readonly one: ScaleCase;
  readonly mode: Mode;
  readonly child: ChildProcess;
  readonly queue: number;
  /** First of its source addresses, by which its packets find its queue. */
  readonly source: string;
}

const caseOf = (key: string | null): ScaleCase => SCALE_CASES.find((one) => one.key === key)!;

async function startOne(lab: Lab, n: number, one: ScaleCase, mode: Mode): Promise<Running> {
  const configPath = join(lab.folder, `${one.key}-${mode}.yaml`);
  writeFileSync(configPath, one.config(SETTINGS[mode]));
  const queue = FIRST_QUEUE + n;
  const source = `10.${128 + (n >> 2)}.${(n & 3) << 6}.0`;
  await queueRule(lab, { protocol: 'udp', source: `${source}/${SOURCE_PREFIX_BITS}` }, queue);
  const child = await startContender(lab, await coreCommand('addon', queue, configPath));
  await placeDrainer(child.pid!);
  return { one, mode, child, queue, source };
}

/** Throws when that host's kernel tracks connections. */
async function checkUntracked(host: Host): Promise<void> {
  const counter = 'net.netfilter.nf_conntrack_count';
  const { stdout, code } = await host.exec(['sysctl', '-n', counter], { check: false });
  // Without the counter there is no tracking either.
  if (code === 0 && Number(stdout) !== 0)
    throw new Error(`${host.name}: ${stdout.trim()} tracked connections would be measured too`);
}

function summarise(
  { one, mode }: Running,
  before: CoreReport,
  counted: CoreReport,
  cpuOf: (key: string) => readonly number[],
): PacketsResult {
  const { received, accepted, unmatched } = counted;
  if (accepted !== received || unmatched !== 0)
    throw new Error(`${one.label}: of ${received} packets ${accepted} passed, ${unmatched} without a class`);
  const own = cpuOf(one.key);
  const base = one.baseline === null ? null : cpuOf(one.baseline);
  const waited = counted.latenessMicroseconds.packets - before.latenessMicroseconds.packets;
  return {
    key: one.key,
    label: one.label,
    mode,
    cpuNsPerPacket: spread(own),
    toBaseline: base && spread(own.map((ns, round) => ns / base[round]!)),
    bestToBest: base && Math.min(...own) / Math.min(...base),
    waited: waited / (received - before.received),
    counted,
  };
}

async function drainAll(lab: Lab, running: readonly Running[], plan: PacketsPlan): Promise<PacketsResult[]> {
  const { packets, rounds } = plan;
  const drain = (
    { one, child, queue, source }: Running,
    order: { first: number } | { random: number },
  ): Promise<Drained> => {
    const shape = { source, port: FIRST_PORT, lengthBytes: LENGTH_BYTES };
    return fillAndDrain(lab, child, queue, { ...one.traffic, ...shape, ...order, packets });
  };
  // First every flow in its turn, so that all are known, and as many packets for a single flow, so that its
  // code is as warm. Then flows at random.
  const turns = Math.ceil(Math.max(...running.map(({ one }) => one.traffic.flows)) / packets);
  await drainInTurns(running, Math.max(turns, plan.warmups), (one, round) =>
    drain(one, round < turns ? { first: round * packets } : { random: rounds + round }),
  );
  const before = await Promise.all(running.map(({ child }) => askCore(child, 'SIGUSR2')));
  const found = await drainInTurns(running, rounds, (one, round) => drain(one, { random: 1 + round }));
  for (const host of [lab.router, lab.server]) await checkUntracked(host);
  const counted = await Promise.all(running.map(({ child }) => askCore(child, 'SIGTERM')));
  return running.map((each, i) =>
    summarise(each, before[i]!, counted[i]!, (key) => {
      const other = running.find(({ one, mode }) => one.key === key && mode === each.mode)!;
      return found.get(other)!.map(({ cpuNsPerPacket }) => cpuNsPerPacket);
    }),
  );
}

/**
 * One and many of a kind take turns, kind after kind, so that no flow is idle for so long that it is evicted.
 */
export async function measurePackets(
  plan: PacketsPlan,
  say: (text: string) => void,
): Promise<PacketsResult[]> {
  const lab = await createLab();
  try {
    await lab.server.exec(['iptables', '-A', 'INPUT', '-p', 'udp', '-j', 'DROP']);
    const results: PacketsResult[] = [];
    let n = 0;
    for (const many of plan.many.map(caseOf)) {
      say(`bench: real packets of ${many.label}`);
      const running: Running[] = [];
      for (const mode of MODES) {
        for (const one of [caseOf(many.baseline), many]) running.push(await startOne(lab, n++, one, mode));
      }
      results.push(...(await drainAll(lab, running, plan)));
    }
    return results;
  } finally {
    await lab.close();
  }
}

export function judgePackets(results: readonly PacketsResult[]): Goal[] {
  return MODES.flatMap((mode) =>
    results.flatMap(({ label, mode: own, toBaseline }) =>
      own === mode && toBaseline
        ? [atMost(`${label} by one of them, real packets ${MODE_TEXT[mode]}`, toBaseline.median, 1.3)]
        : [],
    ),
  );
}

export function printPackets(results: readonly PacketsResult[], { packets, rounds }: PacketsPlan): void {
  const range = ({ min, max }: Spread, digits: number): string =>
    `${min.toFixed(digits)}-${max.toFixed(digits)}`;
  for (const mode of MODES) {
    const rows = results
      .filter((one) => one.mode === mode)
      .map(({ label, cpuNsPerPacket: ns, toBaseline, bestToBest, waited }) => [
        label,
        ns.median.toFixed(0),
        range(ns, 0),
        toBaseline?.median.toFixed(2) ?? '-',
        toBaseline ? range(toBaseline, 2) : '-',
        bestToBest?.toFixed(2) ?? '-',
        `${(100 * waited).toFixed(1)} %`,
      ]);
    const head = [
      `real packets, ${MODE_TEXT[mode]}`,
      'CPU ns/packet',
      'min-max',
      'by one',
      'min-max',
      'best by best',
      'waited',
    ];
    console.log(`\n${renderTable(head, rows, true)}`);
  }
  console.log(
    `(${packets} packets of ${LENGTH_BYTES} B per fill, medians of ${rounds} rounds; with the kernel's part)`,
  );
}
