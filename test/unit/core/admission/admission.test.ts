/** What a leaf's queue takes: limits in packets and bytes, and RED before them. */
import { expect, test } from 'vitest';
import { NF_DROP } from '../../../../src/packet/batch.ts';
import type { RedSpec } from '../../../../src/spec/spec.ts';
import { type ClassInput, MS, repeat, SECOND, shaper, up, World } from '../../../sim/world.ts';

/** One byte a millisecond, and the first packet at once. */
const SLOW = { rate: 1000, burst: 1 };
const RED: RedSpec = {
  minBytes: 1000,
  maxBytes: 3000,
  probability: 0.5,
  weight: 1,
  gentle: false,
  byteMode: false,
  adaptive: false,
  meanPacketBytes: 1000,
};

function world(leaf: Omit<ClassInput, 'name'>, seed = 1): World {
  return new World(shaper({ wan: { up: { ...SLOW, leaves: [{ name: 'default', ...leaf }] } } }), { seed });
}

/** Sends these packets at once; [sent, waiting, tail drops, early drops]. */
function after(leaf: Omit<ClassInput, 'name'>, lengths: readonly number[]): number[] {
  const w = world(leaf);
  w.inject(lengths.map((lengthBytes) => up(0, lengthBytes)));
  w.run(0);
  const { sent, backlog, drops } = w.classOf('wan/up/default');
  return [sent, backlog, drops[0], drops[1]];
}

test('without a limit everything waits', () => {
  expect(after({}, new Array(300).fill(1500))).toEqual([1, 299, 0, 0]);
});

test('a limit in packets counts packets, whatever their size', () => {
  expect(after({ limitPackets: 3 }, [40, 40, 65_000, 40, 40, 40])).toEqual([1, 3, 2, 0]);
});

test('a limit in bytes is reached exactly, and a smaller packet may still fit', () => {
  expect(after({ limitBytes: 3000 }, [100, 1500, 1500, 1])).toEqual([1, 2, 1, 0]);
  expect(after({ limitBytes: 3000 }, [100, 1500, 1000, 600, 500, 1])).toEqual([1, 3, 2, 0]);
});

test('an empty queue takes any packet, a queue with one takes none that does not fit', () => {
  expect(after({ limitBytes: 3000 }, [100, 65_000, 40])).toEqual([1, 1, 1, 0]);
  expect(after({ limitPackets: 1, limitBytes: 10 }, [100, 100, 100])).toEqual([1, 1, 1, 0]);
});

test('what has left makes room', () => {
  const w = world({ limitPackets: 2 });
  w.inject(repeat(10, 0, (t) => up(t, 100)));
  w.inject(repeat(10, 0, (t) => up(t, 100), 150 * MS));
  w.run(150 * MS);
  // At 100 ms the second one left; one place for the ten that come at 150 ms.
  expect(w.classOf('wan/up/default')).toMatchObject({ sent: 2, backlog: 2, drops: [16, 0, 0] });
});

test('RED sees the bytes that wait: below min all pass, from max on none, and its drops count as early', () => {
  // With weight 1 the average is what the packet finds: 0, then 0, 500, 1000 …
  expect(after({ red: RED }, [500, 500, 500])).toEqual([1, 2, 0, 0]);
  expect(after({ red: { ...RED, probability: 1e-9 } }, new Array(20).fill(500))).toEqual([1, 6, 0, 13]);
});

test('RED is asked before the limit, so that its average is of all arrivals', () => {
  expect(
    after({ limitBytes: 2000, red: { ...RED, minBytes: 100, maxBytes: 200 } }, new Array(10).fill(500)),
  ).toEqual([1, 1, 0, 8]);
});

test('between the thresholds chance decides, by the seed alone', () => {
  const droppedOf = (seed: number): string => {
    const w = world({ red: RED }, seed);
    w.inject(repeat(500, 250 * MS, (t) => up(t, 500)));
    w.run(1000 * SECOND);
    expect(w.classOf('wan/up/default').drops[1]).toBeGreaterThan(200);
    return w.port.trace.flatMap((v) => (v.verdict === NF_DROP ? [v.packetId] : [])).join();
  };
  const dropped = [1, 2, 3, 1].map(droppedOf);
  expect(new Set(dropped).size).toBe(3);
  expect(dropped[3]).toBe(dropped[0]);
});
