import { describe, expect, it } from 'vitest';
import { classOf, classProblems, load, withClasses } from '../helpers.ts';

describe('police and each', () => {
  it('read all fields', () => {
    expect(classOf('police: { rate: 64kbit, burst: 8kB, exceed: drop }').police).toEqual({
      rateBytesPerSec: 8000,
      burstBytes: 8000,
      exceed: 'drop',
    });
    expect(classOf('each: { by: dst, rate: 2mbit, burst: 10kB, exceed: delay }').each).toMatchObject({
      by: 'dst',
      rateBytesPerSec: 250_000,
      burstBytes: 10_000,
      exceed: 'delay',
    });
  });

  it.each(['drop', 'mark'])('police with exceed: %s', (exceed) => {
    expect(classOf(`police: { rate: 1mbit, exceed: ${exceed} }`).police).toMatchObject({ exceed });
    expect(classOf('police: { rate: 1mbit }').police).toMatchObject({ exceed: 'drop' });
  });

  it.each(['flow', 'host', 'src', 'dst'])('each by %s', (by) => {
    expect(classOf(`each: { by: ${by}, rate: 1mbit }`).each).toMatchObject({ by });
  });

  it.each([
    ['by: host', 128],
    ['by: host, prefix6: 64', 64],
    ['by: dst, prefix6: 1, exceed: drop', 1],
    ['by: flow, prefix6: 128', 128],
  ])('each: { %s } joins IPv6 addresses by %d bits', (fields, prefix6Bits) => {
    expect(classOf(`each: { ${fields}, rate: 1mbit }`).each).toMatchObject({ prefix6Bits });
  });

  it('a missing or wrong `by` is the only problem beside prefix6', () => {
    expect(classProblems('each: { rate: 1mbit, prefix6: 64 }')).toHaveLength(1);
    expect(classProblems('each: { rate: 1mbit, by: mac, prefix6: 64 }')).toHaveLength(1);
  });

  it.each([
    ['police: {}', 'police needs rate'],
    ['police: { burst: 8kB }', 'police needs rate'],
    ['police: 1mbit', 'police must be a map'],
    ['police: { rate: 10% }', 'is not a rate'],
    ['police: { rate: 1mbit, exceed: delay }', 'is not one of: drop, mark'],
    ['each: { by: host }', 'each needs rate'],
    ['each: { rate: 1mbit }', 'each needs by: flow, host, src, dst'],
    ['each: { by: mac, rate: 1mbit }', 'is not one of: flow, host, src, dst'],
    ['each: { by: host, rate: 1mbit, prefix6: 0 }', "'0' is not a whole number from 1 to 128"],
    ['each: { by: host, rate: 1mbit, prefix6: 129 }', "'129' is not a whole number from 1 to 128"],
    ['each: { by: host, rate: 1mbit, prefix6: /64 }', "'/64' is not a whole number"],
    ['each: { by: flow, rate: 1mbit, prefix6: 64 }', 'by: flow has a bucket for every flow; write by: host,'],
    ['each: { by: host, rate: 1mbit, exceed: mark }', 'is not one of: delay, drop'],
  ])('{ %s } is refused', (fields, message) => {
    expect(classProblems(fields).join('\n')).toContain(message);
  });
});

describe('how packets wait for a bucket of each', () => {
  const waiting = (fields: string) => classOf(fields).each?.waiting;
  const EACH = 'each: { by: host, rate: 2mbit }, ceil: 10mbit';

  it('by default as in a leaf of its rate: fair, with CoDel of the target for 2 Mbit/s', () => {
    const codel = { targetNs: 9_084_000, intervalNs: 104_084_000 };
    const expected = { discipline: 'fair', isolation: 'dual-src', ecn: true, aqm: { kind: 'codel', codel } };
    expect(waiting(EACH)).toMatchObject(expected);
    expect(classOf(EACH).queue?.aqm).toMatchObject({ codel: { targetNs: 5e6, intervalNs: 1e8 } });
    const inner = withClasses(`c: { ${EACH}, classes: { d: { queue: { discipline: fifo } } } }`);
    const [c] = load(inner).spec.links[0]!.up!.children;
    expect(c!.each!.waiting).toMatchObject(expected);
    expect(c!.children[0]!.queue!.discipline).toBe('fifo');
  });

  it('as the queue of the class says; times mean the rate of the bucket, bytes are the same', () => {
    const red = (more: string): string => `${EACH}, queue: { discipline: fifo, aqm: { red: { ${more} } } }`;
    expect(waiting(red('min: 20ms, max: 60ms'))).toMatchObject({
      discipline: 'fifo',
      aqm: { red: { minBytes: 5000, maxBytes: 15_000 } },
    });
    expect(classOf(red('min: 20ms, max: 60ms')).queue!.aqm).toMatchObject({
      red: { minBytes: 25_000, maxBytes: 75_000 },
    });
    expect(waiting(red('min: 8kB, max: 20kB'))?.aqm).toMatchObject({
      red: { minBytes: 8000, maxBytes: 20_000 },
    });
    // Half of the 30 kB that a queue of 2 Mbit/s would hold by default.
    expect(waiting(red('weight: 0.002'))?.aqm).toMatchObject({ red: { minBytes: 5000, maxBytes: 15_000 } });
    expect(waiting(`${EACH}, queue: { discipline: short-first, short: 40ms }`)?.shortBytes).toBe(10_000);
  });

  it('the limit of the class, which bounds all buckets, holds twice the largest max of both', () => {
    const fast =
      'each: { by: host, rate: 100mbit }, ceil: 1mbit, queue: { aqm: { red: { min: 4ms, max: 12ms } } }';
    expect(waiting(fast)?.aqm).toMatchObject({ red: { maxBytes: 150_000 } });
    expect(classOf(fast).queue!.limitBytes).toBe(300_000);
  });

  it('not at all with exceed: drop, and a rate that is missing is the only problem', () => {
    expect(waiting('each: { by: host, rate: 2mbit, exceed: drop }')).toBeNull();
    expect(classProblems('each: { by: host }, queue: { aqm: { red: {} } }')).toHaveLength(1);
  });

  it('a burst as a time means the rate of the bucket', () => {
    expect(classOf('ceil: 10mbit, each: { by: host, rate: 2mbit, burst: 20ms }').each!.burstBytes).toBe(5000);
  });
});

describe('bursts', () => {
  it.each([
    // Larger of 3028 B and 1 ms, for the rate at the rate and for
    // the ceil at the ceil: 3028 B are 1 ms at 24.224 Mbit/s.
    ['ceil: 1mbit', 3028, 3028],
    ['ceil: 24.224mbit', 3028, 3028],
    ['ceil: 100mbit', 3028, 12_500],
    ['rate: 40mbit, ceil: 100mbit', 5000, 12_500],
    ['rate: 20mbit', 3028, 12_500],
    // What is written goes for both.
    ['burst: 5kB', 5000, 5000],
    ['rate: 40mbit, burst: 20kB', 20_000, 20_000],
    ['burst: 4ms, ceil: 10mbit', 5000, 5000],
    ['burst: 4ms, rate: 1mbit, ceil: 10mbit', 5000, 5000],
  ])('{ %s }: %d bytes at the rate, %d at the ceil', (fields, rateBurstBytes, burstBytes) => {
    const text = withClasses(`c: { ${fields} }`).replace('20mbit, classes', '100mbit, classes');
    expect(load(text).spec.links[0]!.up!.children[0]).toMatchObject({ rateBurstBytes, burstBytes });
  });

  it('of a direction: one rate, one burst', () => {
    const up = load('links: { w: { device: e, up: 1gbit } }').spec.links[0]!.up!;
    expect(up).toMatchObject({ rateBurstBytes: 125_000, burstBytes: 125_000 });
    expect(up.children[0]).toMatchObject({ rateBurstBytes: 3028, burstBytes: 125_000 });
    const given = load('links: { w: { device: e, up: { rate: 1gbit, burst: 9kB } } }').spec.links[0]!.up!;
    expect(given).toMatchObject({ rateBurstBytes: 9000, burstBytes: 9000 });
  });

  it('police, and each that drops: larger of 15 kB and 20 ms at their own rate', () => {
    expect(classOf('police: { rate: 1mbit }').police!.burstBytes).toBe(15_000);
    expect(classOf('police: { rate: 16mbit }').police!.burstBytes).toBe(40_000);
    expect(classOf('each: { by: host, rate: 16mbit, exceed: drop }').each!.burstBytes).toBe(40_000);
    expect(classOf('each: { by: host, rate: 16mbit }').each!.burstBytes).toBe(3028);
  });

  it("times mean the class's ceil, also in police", () => {
    expect(classOf('ceil: 8mbit, police: { rate: 64kbit, burst: 10ms }').police!.burstBytes).toBe(10_000);
  });

  it.each([
    ['burst: 1499B', '1499B is less than a full-sized packet, 1.5kB'],
    ['burst: 100us', '250B (at 20mbit) is less than'],
    ['burst: 5p', 'give bytes (15kB) or a time (20ms), not packets'],
    ['burst: 3000', 'has no unit'],
    ['police: { rate: 1mbit, burst: 1400B }', 'none would ever pass'],
    ['each: { by: host, rate: 1mbit, burst: 1400B }', 'none would ever pass'],
  ])('{ %s } is refused', (fields, message) => {
    expect(classProblems(fields).join('\n')).toContain(message);
  });

  it("a full-sized packet must fit as it is on the link's wire", () => {
    expect(classProblems('burst: 1500B')).toEqual([]);
    expect(classProblems('burst: 1500B', 'overhead: 20,').join()).toContain('1520B');
    expect(classProblems('burst: 1500B', 'overhead: -20,')).toEqual([]);
    expect(classProblems('burst: 1748B', 'overhead: pppoe-llcsnap,').join()).toContain('1749B');
    expect(classProblems('burst: 1749B', 'overhead: pppoe-llcsnap,')).toEqual([]);
  });
});
