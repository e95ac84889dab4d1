/**
 * Three scenarios of the application note that pacing comes from: an upload beside a download on an
 * asymmetric line, two page requests at a T1 line, a call that reserves its share. Packets wait in a FIFO, as
 * in a modem, so only pacing keeps waits short.
 */
import { describe, expect, test } from 'vitest';
import type { FlowMeter } from '../../src/sim/packets/flow-meter.ts';
import type { SimulatedFlow } from '../../src/sim/report/report.ts';
import { prepareTraffic, runTraffic, type SimulationResult } from '../../src/sim/simulation.ts';
import { type FlowSpec, LINUX_TCP, type TcpOptions } from '../../src/sim/traffic/traffic.ts';
import { classOf, config, flowOf, flowsOf, sum } from './experiments.ts';
import { MS, mean, SECOND, tcp, traffic, udp } from './net.ts';

const MODEM = 'queue: { discipline: fifo, limit: 64kB, aqm: none }';
const PACED = `${MODEM}, tcp: { pace: true }`;
/** Of 1500 bytes on the line 1448 are payload. */
const PAYLOAD_SHARE = 1448 / 1500;

describe('an upload beside a download at a line of 2 Mbit/s up and 8 Mbit/s down', () => {
  const SECONDS = 20;
  const upload = tcp('upload 1', 30 * MS, { startNs: SECOND, options: LINUX_TCP });
  const download: FlowSpec = {
    ...tcp('download 2', 30 * MS, { options: LINUX_TCP }),
    from: 'out',
    to: 'in',
    sport: 443,
    dport: 40_002,
  };

  function run(leaf: string, flows: readonly FlowSpec[]): SimulationResult {
    const spec = config(`
      links:
        wan:
          device: w
          up: { rate: 2mbit, classes: { default: { ${leaf} } } }
          down: { rate: 8mbit, classes: { default: { ${leaf} } } }`);
    return runTraffic(spec, traffic(SECONDS, flows), 'asymmetric', 1, { samples: SECONDS });
  }

  /** What each has of its goodput alone, when both run at once. */
  function kept(leaf: string): { up: number; down: number; both: SimulationResult } {
    const both = run(leaf, [upload, download]);
    const share = (flow: FlowSpec): number =>
      flowOf(both, flow.name).goodputBitsPerSecond /
      flowOf(run(leaf, [flow]), flow.name).goodputBitsPerSecond;
    return { up: share(upload), down: share(download), both };
  }

  test('paced, both keep nine tenths of what they have alone', () => {
    const { up, down, both } = kept(PACED);
    // The acknowledgements of the download take 7 % of the line on which the upload leaves.
    expect(up).toBeGreaterThan(0.9);
    expect(down).toBeGreaterThan(0.98);
    const { goodputBitsPerSecond } = flowOf(both, download.name);
    expect(goodputBitsPerSecond).toBeGreaterThan(0.98 * PAYLOAD_SHARE * 8e6);
    const resent = both.report.flows.map(({ retransmits, timeouts }) => retransmits + timeouts);
    expect(resent).toEqual([0, 0]);
    expect(classOf(both, 'wan/up').delayMilliseconds.p99).toBeLessThan(20);
  });

  test('without pacing, acknowledgements wait behind the upload, and the download has less than half', () => {
    const { up, down, both } = kept(MODEM);
    expect(up).toBeGreaterThan(0.9);
    expect(down).toBeLessThan(0.5);
    expect(both.report.flows.every(({ retransmits }) => retransmits > 50)).toBe(true);
    // 64 kB at 2 Mbit/s.
    expect(classOf(both, 'wan/up').delayMilliseconds.p99).toBeGreaterThan(200);
  });
});

describe('two requests for a page of 300 kB from a server at a T1 line, 20 ms away', () => {
  const RTT_NS = 20 * MS;
  const PAGE_BYTES = 300_000;
  /** Clients that promise 32 KiB, as many servers once sent at most. */
  const OLD_TCP: TcpOptions = {
    ...LINUX_TCP,
    receiver: { startBytes: 32_768, maxBytes: 32_768, scale: null, quickAcks: true },
  };
  const FAIR = 'tcp: { pace: true }';
  const AT_ONCE = [0, 1, 10, 20];
  /** The second comes while the first is under way, after its first flights. */
  const LATER = [150, 200, 300, 500, 700, 1000, 1300];
  /** While the first flights of the first page fill a FIFO, before the first window closes in. */
  const BEGINNING = [40, 60, 80, 100];

  const page = (n: number, startNs: number, options: TcpOptions): FlowSpec =>
    tcp(`page ${n}`, RTT_NS, { startNs, options, bytes: PAGE_BYTES });

  /** The millisecond in which `isReached` holds. */
  function untilMs(
    leaf: string,
    flows: readonly FlowSpec[],
    isReached: (meter: FlowMeter) => boolean,
  ): number {
    const spec = config(`
      links: { wan: { device: w, up: { rate: 1536kbit, classes: { default: { ${leaf} } } }, down: 1gbit } }`);
    const durationMs = 8000;
    const run = prepareTraffic(spec, traffic(durationMs / 1000, flows), 'pages', 1, { samples: durationMs });
    for (let nowMs = 1; run.step(); nowMs++) if (isReached(run.world.meter)) return nowMs;
    throw new Error('not reached');
  }

  const secondBegins = (leaf: string, flows: readonly FlowSpec[]): number =>
    untilMs(leaf, flows, ({ names, deliveredPackets }) => deliveredPackets[names.indexOf('page 2')] > 0);

  /** How much later than at an idle line the first data of the second page come, in milliseconds. */
  function waits(leaf: string, options: TcpOptions, seconds: readonly number[]): number[] {
    const aloneMs = secondBegins(leaf, [page(2, 0, options)]);
    return seconds.map(
      (atMs) => secondBegins(leaf, [page(1, 0, options), page(2, atMs * MS, options)]) - atMs - aloneMs,
    );
  }

  test.each([
    ['32 KiB', OLD_TCP],
    ['that of Linux', LINUX_TCP],
  ])('paced, with a window of %s: the second waits at most 100 ms', (_, options) => {
    expect(Math.max(...waits(PACED, options, [...AT_ONCE, ...LATER]))).toBeLessThanOrEqual(100);
    // A class has fair queues unless it asks for others: there a new connection waits for one packet or two.
    expect(Math.max(...waits(FAIR, options, [...AT_ONCE, ...BEGINNING, ...LATER]))).toBeLessThanOrEqual(20);
  });

  test('without pacing it waits behind the whole window of the first: 32 KiB, less what is on its way', () => {
    expect(Math.min(...waits(MODEM, OLD_TCP, LATER))).toBeGreaterThan(290);
    expect(Math.min(...waits(MODEM, LINUX_TCP, [150, 200, 300, 500]))).toBeGreaterThan(250);
  });

  test('both pages are there as soon as without pacing', () => {
    const pages = [page(1, 0, OLD_TCP), page(2, 0, OLD_TCP)];
    const lastMs = (leaf: string): number =>
      untilMs(leaf, pages, ({ completions }) => sum([...completions]) === pages.length);
    expect(lastMs(PACED)).toBeLessThan(1.06 * lastMs(MODEM));
  });
});

describe('a call of 100 kbit/s for which a class before the adjustable one reserves', () => {
  const SECONDS = 40;
  const TALKS = { fromSec: 10, toSec: 30 };

  function run(classes: string): { call: SimulatedFlow; uploads: SimulatedFlow[]; result: SimulationResult } {
    const spec = config(`
      links: { wan: { device: w, up: { rate: 2mbit, classes: ${classes} }, down: 1gbit } }`);
    const uploads = [1, 2, 3, 4].map((n) =>
      tcp(`upload ${n}`, (20 + 3 * n) * MS, { startNs: n * 31 * MS, options: LINUX_TCP }),
    );
    const talk = { startNs: TALKS.fromSec * SECOND, stopNs: TALKS.toSec * SECOND };
    const call = { ...udp('call', 12_500, 250), ...talk };
    const plan = traffic(SECONDS, [...uploads, call]);
    const result = runTraffic(spec, plan, 'voip', 1, { samples: SECONDS });
    return { call: flowOf(result, 'call'), uploads: flowsOf(result, 'upload'), result };
  }

  const withCall = (rest: string): string =>
    `{ call: { match: { proto: udp }, ceil: 128kbit }, rest: { ${rest} } }`;
  const resent = (uploads: readonly SimulatedFlow[]): number =>
    sum(uploads.map(({ retransmits }) => retransmits));

  test('the call waits for nothing, and the paced rest keeps the line', () => {
    const { call, uploads, result } = run(withCall(`adjust: true, ${PACED}`));
    expect(call.dropped).toBe(0);
    expect(call.delayMilliseconds.p50).toBe(0);
    // For half a second, until the ceil of the rest has moved, packets of 6 ms go before those of the call.
    expect(call.delayMilliseconds.max).toBeLessThan(7);
    const rest = result.series.classes.find(({ path }) => path === 'wan/up/rest')!;
    const inMbit = (fromSec: number, toSec: number): number =>
      mean(rest.throughputBitsPerSecond.slice(fromSec, toSec)) / 1e6;
    expect(inMbit(2, TALKS.fromSec)).toBeGreaterThan(1.98);
    expect(Math.abs(inMbit(TALKS.fromSec + 2, TALKS.toSec) - 1.872)).toBeLessThan(0.02);
    expect(inMbit(TALKS.toSec + 2, SECONDS)).toBeGreaterThan(1.98);
    // After the first flights, which no window holds.
    expect(Math.max(...rest.delayP99Milliseconds.slice(5))).toBeLessThan(50);
    // In the first flights of four uploads at once, 60 kB, the FIFO of 64 kB drops two packets.
    expect(resent(uploads)).toBeLessThanOrEqual(2);
    const goodputs = uploads.map(({ goodputBitsPerSecond }) => goodputBitsPerSecond);
    expect(Math.min(...goodputs) / Math.max(...goodputs)).toBeGreaterThan(0.97);
  });

  test('without pacing the rest has a standing queue, and sends hundreds of segments twice', () => {
    const { uploads, result } = run(withCall(`adjust: true, ${MODEM}`));
    expect(resent(uploads)).toBeGreaterThan(100);
    expect(classOf(result, 'wan/up/rest').delayMilliseconds.p50).toBeGreaterThan(150);
  });

  test('without a class of its own the call waits in that queue', () => {
    const { call } = run(`{ default: { ${MODEM} } }`);
    expect(call.delayMilliseconds.p50).toBeGreaterThan(150);
  });
});
