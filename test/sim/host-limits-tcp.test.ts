/** Throttled hosts with real TCP in virtual time: the rate, the delay beside it, and the neighbour. */
import { describe, expect, test } from 'vitest';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { finish, prepareTraffic, type SimulationResult } from '../../src/sim/simulation.ts';
import type { FlowSpec, HostSpec } from '../../src/sim/traffic/traffic.ts';
import { config, flowOf, flowsOf, SEEDS, sum } from './experiments.ts';
import { countsOf, type Limit, limit } from './host-limits.ts';
import { MS, SECOND, tcp, traffic, udp } from './net.ts';

const THROTTLED = ipv4(10, 0, 0, 1);
const HOSTS: readonly HostSpec[] = [
  { name: 'in', side: 'inside', address: THROTTLED },
  { name: 'other', side: 'inside', address: ipv4(10, 0, 0, 2) },
  { name: 'out', side: 'outside', address: ipv4(198, 51, 100, 1) },
];
const SECONDS = 40;

const download = (n: number, to = 'in'): FlowSpec =>
  tcp(`${to} download ${n}`, (20 + 7 * n) * MS, { from: 'out', to, startNs: n * 37 * MS });
const upload = (n: number): FlowSpec => tcp(`in upload ${n}`, (20 + 7 * n) * MS);
/** 50 packets of 200 B a second. */
const CALL: FlowSpec = { ...udp('call', 10_000, 200), from: 'out', to: 'in', sport: 5001, dport: 5000 };

interface Run {
  readonly result: SimulationResult;
  /** What passed of the throttled host between the 10th second and the end. */
  readonly upBytesPerSec: number;
  readonly downBytesPerSec: number;
}

/** Runs it on a line of 100 Mbit/s whose host is limited when it has been seen. */
function run(seed: number, flows: readonly FlowSpec[], ...limits: Limit[]): Run {
  const spec = config('links: { wan: { device: wan0, up: 100mbit, down: 100mbit } }\n');
  const plan = traffic(SECONDS, flows, { hosts: HOSTS });
  const simulation = prepareTraffic(spec, plan, 'limits', seed);
  simulation.step();
  const { world } = simulation;
  if (limits.length > 0) limit(world.engine, world.nowNs, ...limits);
  while (world.nowNs < 10 * SECOND) simulation.step();
  const [before, fromNs] = [countsOf(world.engine, THROTTLED), world.nowNs];
  const result = finish(simulation);
  const now = countsOf(world.engine, THROTTLED);
  const seconds = (world.nowNs - fromNs) / SECOND;
  const upBytesPerSec = (now.upBytes - before.upBytes) / seconds;
  return { result, upBytesPerSec, downBytesPerSec: (now.downBytes - before.downBytes) / seconds };
}

const bitsPerSecond = ({ result }: Run, name: string): number =>
  sum(flowsOf(result, name).map((flow) => flow.throughputBitsPerSecond));

describe.each(SEEDS)('seed %i', (seed) => {
  test('downloads of a throttled host have the rate together, and a call beside them waits for one packet', () => {
    const flows = [download(1), download(2), download(3), CALL, download(4, 'other')];
    const beside = run(seed, flows, { of: THROTTLED, kind: 'throttle', up: 125_000, down: 250_000 });
    expect(beside.downBytesPerSec).toBeGreaterThan(0.99 * 250_000);
    expect(beside.downBytesPerSec).toBeLessThan(1.001 * 250_000);
    // A full packet takes 6 ms.
    expect(flowOf(beside.result, 'call').delayMilliseconds.p99).toBeLessThan(6.2);
    expect(flowOf(beside.result, 'call').dropped).toBe(0);
    const untouched = bitsPerSecond(run(seed, flows.slice(4).concat(CALL)), 'other');
    // Another host has what it has without the throttled one.
    expect(bitsPerSecond(beside, 'other')).toBeGreaterThan(0.97 * untouched);
  });

  test('uploads have their own rate', () => {
    const uploads = run(seed, [upload(1), upload(2)], { of: THROTTLED, kind: 'throttle', up: 125_000 });
    expect(uploads.upBytesPerSec).toBeGreaterThan(0.99 * 125_000);
    expect(uploads.upBytesPerSec).toBeLessThan(1.001 * 125_000);
  });
});
