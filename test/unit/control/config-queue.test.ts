import { describe, expect, it } from 'vitest';
import type { QueueSpec } from '../../../src/core/spec.ts';
import { HELD_MAX } from '../../../src/limits.ts';
import { classOf, classProblems } from './helpers.ts';

const queueOf = (fields: string, ceil = '20mbit'): QueueSpec =>
  classOf(`ceil: ${ceil}, queue: { ${fields} }`).queue!;
const NO_BOUND = Number.POSITIVE_INFINITY;

describe('limit', () => {
  it.each([
    ['', '20mbit', 250_000, NO_BOUND],
    ['', '1mbit', 30_000, NO_BOUND],
    ['', '2.4mbit', 30_000, NO_BOUND],
    ['', '2.408mbit', 30_100, NO_BOUND],
    ['limit: 500kB', '1mbit', 500_000, NO_BOUND],
    ['limit: 64KiB', '1mbit', 65_536, NO_BOUND],
    ['limit: 50ms', '20mbit', 125_000, NO_BOUND],
    ['limit: 50ms', '50%', 62_500, NO_BOUND],
    ['limit: 200p', '20mbit', NO_BOUND, 200],
    ['limit: 1500B', '20mbit', 1500, NO_BOUND],
  ])('{ %s } at %s', (fields, ceil, limitBytes, limitPackets) => {
    expect(queueOf(fields, ceil)).toEqual({ discipline: 'fifo', limitBytes, limitPackets, red: null });
  });

  it.each([
    ['limit: 0p', `1p to ${HELD_MAX}p`],
    [`limit: ${HELD_MAX + 1}p`, `1p to ${HELD_MAX}p`],
    ['limit: 1499B', 'does not hold a full-sized packet'],
    ['limit: 1us', 'does not hold a full-sized packet'],
    ['limit: 1000', 'has no unit'],
    ['limit: 64kb', 'capital B'],
    ['limit: 5m', 'is not a size'],
    ['limit: big', 'is not a size'],
    ['aqm: fast', 'is not one of: none, red'],
    ['aqm: [red]', 'aqm must be a map'],
    ['aqm: { blue: {} }', "unknown key 'blue' in aqm; the nearest is 'red'"],
  ])('{ %s } is refused', (fields, message) => {
    expect(classProblems(`queue: { ${fields} }`).join('\n')).toContain(message);
  });
});

describe('RED', () => {
  const DEFAULTS = { probability: 0.1, weight: 0.002, gentle: true, byteMode: false, meanPacketBytes: 1000 };

  it('takes every parameter', () => {
    const red =
      'min: 30kB, max: 90kB, probability: 0.02, weight: 0.004, gentle: false, ecn: false, byteMode: true, meanPacket: 500B';
    expect(queueOf(`limit: 500kB, aqm: { red: { ${red} } }`)).toEqual({
      discipline: 'fifo',
      limitBytes: 500_000,
      limitPackets: NO_BOUND,
      red: {
        minBytes: 30_000,
        maxBytes: 90_000,
        probability: 0.02,
        weight: 0.004,
        gentle: false,
        byteMode: true,
        meanPacketBytes: 500,
      },
    });
  });

  it.each([
    // A quarter of 250 kB, and a third of that.
    ['red', '20mbit', 20_833, 62_500, 250_000],
    ['{ red: {} }', '20mbit', 20_833, 62_500, 250_000],
    // A quarter of 30 kB would be 7.5 packets: 15 mean packets instead.
    ['{ red: {} }', '1mbit', 5000, 15_000, 30_000],
    ['{ red: { min: 20kB } }', '20mbit', 20_000, 60_000, 250_000],
    ['{ red: { max: 90kB } }', '20mbit', 30_000, 90_000, 250_000],
    // The default limit is at least twice max.
    ['{ red: { max: 90kB } }', '1mbit', 30_000, 90_000, 180_000],
    ['{ red: { min: 5p, max: 15p } }', '1mbit', 5000, 15_000, 30_000],
    ['{ red: { min: 5p, max: 15p, meanPacket: 1500B } }', '1mbit', 7500, 22_500, 45_000],
    ['{ red: { min: 5ms, max: 20ms } }', '20mbit', 12_500, 50_000, 250_000],
  ])('%s at %s', (aqm, ceil, minBytes, maxBytes, limitBytes) => {
    expect(queueOf(`aqm: ${aqm}`, ceil)).toEqual({
      discipline: 'fifo',
      limitBytes,
      limitPackets: NO_BOUND,
      red: expect.objectContaining({ minBytes, maxBytes }),
    });
  });

  it('defaults, and shares as fractions', () => {
    expect(queueOf('aqm: red').red).toMatchObject(DEFAULTS);
    expect(queueOf('aqm: { red: { probability: 2%, weight: 1e-3 } }').red).toMatchObject({
      probability: 0.02,
      weight: 0.001,
    });
  });

  it('a derived max stays below half of a small limit', () => {
    expect(queueOf('limit: 20kB, aqm: red').red).toMatchObject({ minBytes: 3333, maxBytes: 10_000 });
    expect(queueOf('limit: 100p, aqm: red')).toMatchObject({
      limitPackets: 100,
      red: { minBytes: 8333, maxBytes: 25_000 },
    });
  });

  it.each([
    ['min: 90kB, max: 30kB', 'min 90kB must be above 0 and below max 30kB'],
    ['min: 30kB, max: 30kB', 'must be above 0 and below max'],
    ['min: 0B, max: 30kB', 'must be above 0'],
    ['probability: 0', 'is not a number above 0 up to 1'],
    ['probability: 1.1', 'is not a number above 0 up to 1'],
    ['probability: often', 'is not a number above 0 up to 1'],
    ['weight: 0', 'is not a number above 0 up to 1'],
    ['gentle: 1', 'neither true nor false'],
    ['meanPacket: 63B', 'out of range'],
    ['meanPacket: 5p', 'is not a size'],
    ['ecn: maybe', 'is not one of: false'],
  ])('{ %s } is refused', (red, message) => {
    expect(classProblems(`queue: { aqm: { red: { ${red} } } }`).join('\n')).toContain(message);
  });

  it('a max above the limit is refused: the queue would be full before', () => {
    const problems = classProblems('queue: { limit: 50kB, aqm: { red: { min: 20kB, max: 60kB } } }');
    expect(problems.join()).toContain("red: max 60kB is above the queue's limit, 50kB");
    expect(classProblems('queue: { limit: 60kB, aqm: { red: { min: 20kB, max: 60kB } } }')).toEqual([]);
  });
});
