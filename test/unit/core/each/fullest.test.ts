/** The fullest buckets as people see them, through the whole engine. */
import { expect, test } from 'vitest';
import { eachClasses } from '../../../../src/core/each/fullest.ts';
import type { EachBy } from '../../../../src/spec/spec.ts';
import { shaper, udp, up, World } from '../../../sim/world.ts';

const WIDE = { rate: 1e9, burst: 1e6 };
/** One packet of 1000 B at once, then one a second. */
const each = (by: EachBy) => ({ by, exceed: 'delay' as const, rateBytesPerSec: 1000, burstBytes: 1000 });

/** A class a with buckets by `by`, and `default` without. Of host n, n + 1 packets have come at once. */
function worldBy(by: EachBy, hosts: number): World {
  const match = [{ dport: [{ from: 80, to: 80 }] }];
  const leaves = [{ name: 'a', match, each: each(by), limitPackets: 1000 }];
  const world = new World(shaper({ wan: { up: { ...WIDE, leaves } } }, { length: 4096 }));
  for (let host = 0; host < hosts; host++)
    for (let n = 0; n <= host; n++)
      world.inject([up(0, 1000, { shape: udp(1, { src: 0x0a000900 + host, dport: 80 }) })]);
  world.inject([up(0, 1000, { shape: udp(7) })]);
  world.run(0);
  return world;
}

const classesOf = ({ engine }: World) => eachClasses(engine.stages.each, engine.classes);

test('the fullest first, with what waits for them; those of which nothing waits are not among them', () => {
  expect(classesOf(worldBy('src', 3))).toEqual([
    {
      path: 'wan/up/a',
      by: 'src',
      rateBytesPerSec: 1000,
      fullest: [
        {
          key: { kind: 'address', family: 4, words: [0x0a000902, 0, 0, 0], bits: 32 },
          backlogPackets: 2,
          backlogBytes: 2000,
        },
        {
          key: { kind: 'address', family: 4, words: [0x0a000901, 0, 0, 0], bits: 32 },
          backlogPackets: 1,
          backlogBytes: 1000,
        },
      ],
    },
  ]);
});

test('a bucket of a flow has its five-tuple', () => {
  const { fullest } = classesOf(worldBy('flow', 2))[0]!;
  expect(fullest).toMatchObject([
    { key: { kind: 'flow', flow: { family: 4, protocol: 17, src: [0x0a000901, 0, 0, 0], dport: 80 } } },
  ]);
});

test('ten of a class are shown, and none is larger by an eighth than one before it', () => {
  const { fullest } = classesOf(worldBy('src', 40))[0]!;
  expect(fullest).toHaveLength(10);
  const bytes = fullest.map(({ backlogBytes }) => backlogBytes);
  for (const [i, later] of bytes.entries())
    for (const before of bytes.slice(0, i)) expect(later).toBeLessThanOrEqual(before * (1 + 1 / 8));
});
