/** Quotas in a simulated run: hosts are stopped, released and told of, and others are untouched. */
import { describe, expect, test } from 'vitest';
import { prepareTraffic, runTraffic } from '../../src/sim/simulation.ts';
import type { FlowSpec, Traffic } from '../../src/sim/traffic/traffic.ts';
import type { QuotaSpec } from '../../src/spec/hosts.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { quotaSpec, windowSpec } from '../oracle/quota-spec.ts';
import { bottleneck, MS, SECOND, TEN_MBIT } from './net.ts';

const UDP = 17;
const inside = (name: string, last: number): Traffic['hosts'][number] => ({
  name,
  side: 'inside',
  address: 0x0a000000 + last,
});

/** 100 packets of 1000 bytes a second. */
function sends(from: string, sport: number): FlowSpec {
  const source = { kind: 'constant', protocol: UDP, rateBytesPerSec: 100_000, packetBytes: 1000 } as const;
  return { name: from, from, to: 'server', source, rttNs: 10 * MS, sport, dport: 5000 };
}

const TRAFFIC: Traffic = {
  durationNs: 20 * SECOND,
  hosts: [inside('heavy', 1), inside('light', 2), { name: 'server', side: 'outside', address: 0xc6336401 }],
  flows: [sends('heavy', 1000), { ...sends('light', 1001), stopNs: 2 * SECOND }],
};

const withQuotas = (...quotas: QuotaSpec[]): ShaperSpec => ({
  ...bottleneck({ limitPackets: 60 }, TEN_MBIT),
  quotas,
});

const blocking = quotaSpec('fair', [windowSpec(5 * SECOND, { upBytes: 300_000 })], {
  isBlocking: true,
  warnShare: 0.8,
});

describe('a host above its limit', () => {
  const { report, quotas } = runTraffic(withQuotas(blocking), TRAFFIC, 'x', 1);

  test('is stopped with the packet that crosses it, and released when the window has slid', () => {
    // The 301st packet comes at second 3. The first hundred are gone when their bucket is five seconds old.
    const heavy = quotas?.outcomes.find(({ host }) => host === 'heavy');
    expect(heavy?.violations[0]).toEqual({
      fromNs: 3 * SECOND,
      untilNs: 5 * SECOND,
      limits: [{ overNs: 5 * SECOND, direction: 'up' }],
    });
    const delivered = report.flows.find(({ name }) => name === 'heavy')?.delivered.packets ?? 0;
    // Four windows in 20 seconds, a packet more than the limit each time that it is exceeded.
    expect(delivered).toBeGreaterThanOrEqual(4 * 300);
    expect(delivered).toBeLessThanOrEqual(4 * 300 + 20);
  });

  test('is told of, and another host is untouched', () => {
    expect(quotas).toMatchObject({ hosts: 2, speed: 1, totals: [{ quota: 'fair', hostsExceeded: 1 }] });
    expect(quotas?.outcomes.map(({ host }) => host)).toEqual(['heavy']);
    expect(report.flows.find(({ name }) => name === 'light')).toMatchObject({
      delivered: { packets: 200 },
      dropped: 0,
    });
  });
});

test('a throttled host goes on with its rate', () => {
  const throttle = { upBytesPerSec: 10_000, downBytesPerSec: 10_000 };
  const quota = quotaSpec('slow', [windowSpec(100 * SECOND, { upBytes: 300_000 })], { throttle });
  const { report } = runTraffic(withQuotas(quota), TRAFFIC, 'x', 1);
  const delivered = report.flows.find(({ name }) => name === 'heavy')?.delivered.bytes ?? 0;
  // Three seconds at full speed, seventeen at a tenth, and the burst of the throttle.
  expect(delivered).toBeGreaterThan(300_000 + 160_000);
  expect(delivered).toBeLessThan(300_000 + 185_000);
});

test('in fast motion windows and limits are smaller alike', () => {
  const slow = quotaSpec('fair', [windowSpec(5000 * SECOND, { upBytes: 300_000_000 })], { isBlocking: true });
  const run = (quota: QuotaSpec, quotaSpeed: number) =>
    runTraffic(withQuotas(quota), TRAFFIC, 'x', 1, { quotaSpeed });
  const fast = run(slow, 1000);
  const own = run({ ...blocking, warnShare: null }, 1);
  expect(fast.report.traceHash).toBe(own.report.traceHash);
  expect(fast.quotas?.outcomes).toEqual(own.quotas?.outcomes);
  expect(fast.quotas?.speed).toBe(1000);
});

test('without quotas nothing is looked at, and with quotas that hold for nobody packets go the same way', () => {
  const without = runTraffic(withQuotas(), TRAFFIC, 'x', 1);
  expect(without.quotas).toBeNull();
  const others = { ...blocking, hosts: { names: ['nobody'], match: null } };
  expect(runTraffic(withQuotas(others), TRAFFIC, 'x', 1).report.traceHash).toBe(without.report.traceHash);
});

test('how often somebody looks changes nothing', () => {
  const hashOf = (samples: number): string => {
    const run = prepareTraffic(withQuotas(blocking), TRAFFIC, 'x', 1, { samples });
    while (run.step()) {
      // Every step is a sample.
    }
    return run.result().report.traceHash;
  };
  expect(hashOf(7)).toBe(hashOf(240));
});
