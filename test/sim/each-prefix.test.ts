/** `prefix6`: a bucket for each IPv6 prefix. All times are exact. */
import { describe, expect, test } from 'vitest';
import { bucketText } from '../../src/control/bucket-text.ts';
import { eachClasses } from '../../src/core/each/fullest.ts';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { type ClassInput, type EachInput, repeat, SECOND, shaper, udp, up, World } from './world.ts';

const WIDE = { rate: 1e9, burst: 1e6 };
/** One packet of 1000 B at once, then one a second. */
const EACH: EachInput = { by: 'src', rateBytesPerSec: 1000, burstBytes: 1000, exceed: 'delay' };

const specWith = (prefix6Bits: number, more: Partial<EachInput> = {}, leaf: Partial<ClassInput> = {}) =>
  shaper({
    wan: { up: { ...WIDE, leaves: [{ name: 'default', each: { ...EACH, prefix6Bits, ...more }, ...leaf }] } },
  });

type Address = number | readonly [number, number, number, number];
/** Address `host` of network 2001:db8:0:`network`::/64. */
const v6 = (network: number, host: number): Address => [0x20010db8, network, 0x80000000, host];
const SERVER6: Address = [0x20010db9, 0, 0, 1];

const from = (timeNs: number, src: Address, flow = 1) =>
  up(timeNs, 1000, { shape: udp(flow, typeof src === 'number' ? { src } : { src, dst: SERVER6 }) });

describe('prefix6: 64', () => {
  test('two addresses of a prefix share one rate; other prefixes and IPv4 hosts have their own', () => {
    const world = new World(specWith(64));
    const sources = [v6(1, 1), v6(1, 2), v6(2, 1), ipv4(10, 0, 0, 1), ipv4(10, 0, 0, 2)];
    world.inject([...sources, ...sources].map((src) => from(0, src)));
    world.run(10 * SECOND);
    const secondsOf = (...ids: number[]) =>
      world
        .accepted()
        .filter(({ id }) => ids.includes(id))
        .map(({ timeNs }) => timeNs / SECOND);
    expect(secondsOf(1, 2, 6, 7)).toEqual([0, 1, 2, 3]);
    expect(secondsOf(3, 8)).toEqual([0, 1]);
    expect(secondsOf(4, 9)).toEqual([0, 1]);
    expect(secondsOf(5, 10)).toEqual([0, 1]);
  });

  test('without it each address has a rate of its own', () => {
    const world = new World(specWith(128));
    world.inject([v6(1, 1), v6(1, 2), v6(1, 1), v6(1, 2)].map((src) => from(0, src)));
    world.run(10 * SECOND);
    expect(world.acceptedNs()).toEqual([0, 0, SECOND, SECOND]);
  });

  test('with exceed: drop the addresses of a prefix share what passes', () => {
    const world = new World(specWith(64, { exceed: 'drop' }));
    world.inject([v6(1, 1), v6(1, 2), v6(2, 1)].map((src) => from(0, src)));
    world.inject([from(SECOND, v6(1, 2)), from(SECOND, v6(1, 1))]);
    world.run(2 * SECOND);
    expect(world.accepted().map(({ id }) => id)).toEqual([1, 3, 4]);
    expect(world.classOf('wan/up/default').drops).toEqual([0, 0, 2]);
  });

  test('a fair bucket divides between the hosts of its prefix, whatever flows they have', () => {
    const queue = { discipline: 'fair', isolation: 'dual-src' } as const;
    const world = new World(specWith(64, { rateBytesPerSec: 10_000 }, { queue }));
    const flows = [1, 2, 3, 4].flatMap((flow) => repeat(20, 0, () => from(0, v6(1, 1), flow)));
    const one = repeat(80, 0, () => from(0, v6(1, 2), 5));
    world.inject([...flows, ...one]);
    world.run(6 * SECOND);
    const ids = world.accepted().map(({ id }) => id);
    expect(ids).toHaveLength(61);
    expect(Math.abs(2 * ids.filter((id) => id > flows.length).length - ids.length)).toBeLessThanOrEqual(3);
  });

  test('status names the prefix', () => {
    const world = new World(specWith(64));
    world.inject([
      ...repeat(2, 0, (t) => from(t, v6(1, 7))),
      ...repeat(2, 0, (t) => from(t, ipv4(10, 0, 0, 1))),
    ]);
    world.run(0);
    const { fullest } = eachClasses(world.engine.stages.each, world.engine.classes)[0];
    expect(fullest.map(({ key }) => bucketText(key)).sort()).toEqual(['10.0.0.1', '2001:db8:0:1::/64']);
  });
});

describe('another prefix6 while packets wait', () => {
  /** Packets of two addresses of a prefix and of an IPv4 host; the change comes at 0.5 s. */
  function change(before: number, after: number): Map<number, number> {
    const world = new World(specWith(before));
    const sources = [v6(1, 1), v6(1, 2), v6(1, 1), v6(1, 2), ipv4(10, 0, 0, 1), ipv4(10, 0, 0, 1)];
    world.inject(sources.map((src) => from(0, src)));
    world.run(0.5 * SECOND);
    world.engine.reconfigure(world.port, { spec: specWith(after), renamed: new Map() }, 0.5 * SECOND);
    world.run(10 * SECOND);
    expect(world.totals.eachBuckets).toBe(after === 64 ? 2 : 3);
    return new Map(world.accepted().map(({ id, timeNs }) => [id, timeNs / SECOND]));
  }
  const inOrder = (times: Map<number, number>) => [1, 2, 3, 4, 5, 6].map((id) => times.get(id));

  test('a shared bucket ends, and its packets begin in new ones; those of IPv4 go on', () => {
    expect(inOrder(change(64, 128))).toEqual([0, 0.5, 0.5, 1.5, 0, 1]);
  });

  test('buckets of addresses end, and their packets share a new one in order of arrival', () => {
    expect(inOrder(change(128, 64))).toEqual([0, 0, 0.5, 1.5, 0, 1]);
  });

  test('the same prefix6 goes on as if nothing had happened', () => {
    expect(inOrder(change(64, 64))).toEqual([0, 1, 2, 3, 0, 1]);
  });
});
