/**
 * A download whose acknowledgements have more to carry than their way back can: the filter thins them, the
 * download is no slower.
 */
import { describe, expect, test } from 'vitest';
import { runTraffic } from '../../src/sim/simulation.ts';
import { MS, TEN_MBIT, tcp, traffic } from './net.ts';
import { shaper } from './world.ts';

const CODEL = { kind: 'codel', codel: { targetNs: 5 * MS, intervalNs: 100 * MS } } as const;

/**
 * `down` of 20 Mbit/s, whose ACKs (every second segment, 52 B) want 0.35 Mbit/s, beside `up` of this many
 * bit/s.
 */
function download(upBitsPerSec: number, ackFilter: boolean) {
  const queue = { discipline: 'fair', isolation: 'dual-src', aqm: CODEL, limitBytes: 60_000 } as const;
  const spec = shaper({
    wan: {
      up: {
        rate: upBitsPerSec / 8,
        burst: 3028,
        leaves: [{ name: 'default', queue: { ...queue, ackFilter } }],
      },
      down: {
        rate: 2 * TEN_MBIT,
        burst: 3028,
        leaves: [{ name: 'default', queue: { ...queue, limitBytes: 250_000 } }],
      },
    },
  });
  const flows = [0, 1].map((n) => ({ ...tcp(`tcp${n}`, 40 * MS), from: 'out', to: 'in' }));
  const { report } = runTraffic(spec, traffic(15, flows), 'download', 1);
  const up = report.classes.find(({ path }) => path === 'wan/up/default')!;
  const goodput = report.flows.reduce((sum, flow) => sum + flow.goodputBitsPerSecond, 0);
  const retransmits = report.flows.reduce((sum, flow) => sum + flow.retransmits, 0);
  return {
    goodput,
    retransmits,
    dropped: up.dropped,
    ackDelay: up.delayMilliseconds.p50,
    upBits: up.throughputBitsPerSecond,
  };
}

describe('a download beside a slow uplink', () => {
  test('that is too slow for its ACKs: faster with the filter, and ACKs wait less', () => {
    const without = download(200_000, false);
    const filtered = download(200_000, true);
    expect(without.ackDelay).toBeGreaterThan(50);
    expect(filtered.ackDelay).toBeLessThan(10);
    // Without the filter CoDel drops ACKs as well, but later and any.
    expect(filtered.dropped).toBeGreaterThan(1.2 * without.dropped);
    expect(filtered.goodput).toBeGreaterThan(1.15 * without.goodput);
    expect(filtered.retransmits).toBeLessThan(without.retransmits);
  });

  test('that is fast enough: next to nothing is dropped', () => {
    const without = download(1_000_000, false);
    const filtered = download(1_000_000, true);
    expect(filtered.dropped).toBeLessThan(100);
    expect(filtered.goodput).toBeGreaterThan(0.99 * without.goodput);
  });
});
