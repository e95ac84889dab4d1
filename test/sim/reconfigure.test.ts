/** Classes that change while packets wait, to the nanosecond. */
import { describe, expect, test } from 'vitest';
import type { Edited } from '../../src/spec/edit.ts';
import type { MatcherSpec, ShaperSpec } from '../../src/spec/spec.ts';
import { addClass, changeClass, moveClass, removeClass } from './class-edits.ts';
import { type ClassInput, type EachInput, MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

const port = (n: number): MatcherSpec[] => [{ dport: [{ from: n, to: n }] }];
const WIDE = { rate: 1e9, burst: 1e6 };
const slow = (leaves: readonly ClassInput[], rate = 1e9, burst = 1e6): ShaperSpec =>
  shaper({ wan: { up: { rate, burst, leaves } } });
const packet = (timeNs: number, n: number, lengthBytes = 1000) =>
  up(timeNs, lengthBytes, { shape: udp(n, { dport: n }) });

/** Applies `edit` to the specification at `ns`. */
function at(
  w: World,
  ns: number,
  { spec, renamed = new Map() }: Partial<Edited> & { spec: ShaperSpec },
): void {
  w.run(ns);
  w.engine.reconfigure(w.port, { spec, renamed }, ns);
}

describe('another rate', () => {
  test('counts from the instant of the change; what was earned before stays', () => {
    // 1000 B/s, packets of 1000 B: at 0, 1 s, 2 s. At 2.5 s half a packet is earned; 2000 B/s earn the rest
    // by 2.75 s.
    const spec = slow([{ name: 'a', match: port(1), ceil: 1000, burst: 1000 }]);
    const w = new World(spec);
    w.inject(repeat(6, 0, (t) => packet(t, 1)));
    const fast = changeClass(spec, 'wan/up/a', { ceilBytesPerSec: 2000 });
    at(w, 2.5 * SECOND, fast);
    w.run(3 * SECOND);
    expect(w.acceptedNs()).toEqual([0, SECOND, 2 * SECOND, 2.75 * SECOND]);
    // Back at 3 s with 500 B earned: the other 500 B take half a second.
    at(w, 3 * SECOND, { spec });
    w.run(10 * SECOND);
    expect(w.acceptedNs().slice(4)).toEqual([3.5 * SECOND, 4.5 * SECOND]);
  });

  test('changed to and fro forty times mints nothing and loses nothing', () => {
    const spec = slow([{ name: 'a', match: port(1), ceil: 1000, burst: 1000 }]);
    const fast = changeClass(spec, 'wan/up/a', { ceilBytesPerSec: 3000, burstBytes: 2000 }).spec;
    const w = new World(spec);
    w.inject(repeat(100, 0, (t) => packet(t, 1)));
    for (let n = 0; n < 40; n++) at(w, (n + 1) * 250 * MS, { spec: n % 2 === 0 ? fast : spec });
    // A burst and, half the time each, 1000 and 3000 B/s.
    expect(w.totals.acceptedBytes).toBe(1000 + 10 * 2000);
  });

  test('a smaller burst cuts tokens, a larger one gives none', () => {
    const spec = slow([{ name: 'a', match: port(1), ceil: 1000, burst: 3000 }]);
    const w = new World(spec);
    at(w, SECOND, changeClass(spec, 'wan/up/a', { burstBytes: 1000 }));
    at(w, SECOND, { spec });
    w.inject(repeat(3, 0, (t) => packet(t, 1), SECOND));
    w.run(10 * SECOND);
    expect(w.acceptedNs()).toEqual([SECOND, 2 * SECOND, 3 * SECOND]);
  });

  test('of `each` holds for the buckets that there are, and what waits in them', () => {
    const each = (rateBytesPerSec: number): EachInput => ({
      by: 'src',
      rateBytesPerSec,
      burstBytes: 1000,
      exceed: 'delay',
    });
    const spec = slow([{ name: 'a', match: port(1), each: each(1000) }]);
    const w = new World(spec);
    w.inject(repeat(3, 0, (t) => packet(t, 1)));
    const slower = slow([{ name: 'a', match: port(1), each: each(250) }]);
    at(w, 0.5 * SECOND, { spec: slower });
    w.run(10 * SECOND);
    expect(w.acceptedNs()).toEqual([0, 2.5 * SECOND, 6.5 * SECOND]);
  });
});

describe('classes that come and go', () => {
  const leaves: ClassInput[] = [
    { name: 'a', match: port(1), ceil: 1000, burst: 1000 },
    {
      name: 'in',
      match: port(2),
      ceil: 500,
      burst: 1000,
      classes: [{ name: 'b', match: port(2), ceil: 500, burst: 1000 }],
    },
  ];

  test('packets of a removed class go on, in order, with the class that the matchers say now', () => {
    const spec = slow([...leaves, { name: 'last', match: port(1), ceil: 2000, burst: 1000 }]);
    const w = new World(spec);
    w.inject(repeat(4, 0, (t) => packet(t, 1)));
    at(w, 0.5 * SECOND, removeClass(spec, 'wan/up/a'));
    w.run(10 * SECOND);
    // One left through a; the burst of the other class lets one go at once.
    expect(w.accepted()).toEqual([
      { id: 1, timeNs: 0 },
      { id: 2, timeNs: 0.5 * SECOND },
      { id: 3, timeNs: SECOND },
      { id: 4, timeNs: 1.5 * SECOND },
    ]);
    expect(w.classOf('wan/up/last')).toMatchObject({ sent: 3, backlog: 0, flows: 0 });
    // What the removed class has sent, and its flow until its next packet, the one around it goes on
    // counting.
    expect(w.classOf('wan/up')).toMatchObject({ sent: 1, backlog: 0, flows: 1 });
    w.inject([packet(10 * SECOND, 1)]);
    w.run(10 * SECOND);
    expect([w.classOf('wan/up/last').flows, w.classOf('wan/up').flows]).toEqual([1, 0]);
  });

  test('a class that is added takes the packets that match it, and a flow is not overtaken by its own packets', () => {
    const spec = slow([leaves[0]]);
    const w = new World(spec);
    w.inject(repeat(3, 0, (t) => packet(t, 1)));
    const first = slow([{ name: 'new', match: port(1), ceil: 4000, burst: 1000 }]).links[0].up!.children[0];
    at(w, 0.5 * SECOND, addClass(spec, 'wan/up', first, 'a'));
    w.inject([packet(0.5 * SECOND, 1)]);
    w.run(10 * SECOND);
    expect(w.accepted()).toEqual([
      { id: 1, timeNs: 0 },
      { id: 2, timeNs: 0.5 * SECOND },
      { id: 3, timeNs: 0.75 * SECOND },
      { id: 4, timeNs: SECOND },
    ]);
  });

  test('a device that no class named before has its index from the change on, for packets that wait too', () => {
    const spec = slow([leaves[0]]);
    const w = new World(spec);
    // Arrivals come by the device with index 99.
    w.inject(repeat(3, 0, (t) => packet(t, 1)));
    const match: MatcherSpec[] = [{ iif: ['lan7'] }];
    const first = slow([{ name: 'new', match, ceil: 4000, burst: 1000 }]).links[0].up!.children[0];
    w.run(0.5 * SECOND);
    const edited = addClass(spec, 'wan/up', first, 'a');
    w.engine.reconfigure(w.port, { ...edited, deviceIndexes: new Map([['lan7', 99]]) }, 0.5 * SECOND);
    w.inject([packet(0.5 * SECOND, 1)]);
    w.run(10 * SECOND);
    expect(w.acceptedNs()).toEqual([0, 0.5 * SECOND, 0.75 * SECOND, SECOND]);
    expect(w.classOf('wan/up/new').sent).toBe(3);
  });

  test('a class that moves keeps its tokens and what waits in it', () => {
    const spec = slow(leaves);
    const w = new World(spec);
    w.inject(repeat(4, 0, (t) => packet(t, 2)));
    // 500 B/s: at 0 and 2 s. Out of `in` at 3 s with 500 B earned, and its own ceiling as before.
    at(w, 3 * SECOND, moveClass(spec, 'wan/up/in/b', 'wan/up', 'in'));
    expect(w.classOf('wan/up/b')).toMatchObject({ sent: 2, backlog: 2, flows: 1 });
    w.run(20 * SECOND);
    expect(w.acceptedNs()).toEqual([0, 2 * SECOND, 4 * SECOND, 6 * SECOND]);
  });

  test('what waits for `each` of a class around goes on waiting in the same bucket, and pays once', () => {
    const each: EachInput = { by: 'src', rateBytesPerSec: 1000, burstBytes: 1000, exceed: 'delay' };
    const spec = slow([{ name: 'in', match: port(1), each, classes: [{ name: 'b', match: port(1) }] }]);
    const w = new World(spec);
    w.inject(repeat(3, 0, (t) => packet(t, 1)));
    at(w, 0.5 * SECOND, removeClass(spec, 'wan/up/in/b'));
    w.run(10 * SECOND);
    expect(w.acceptedNs()).toEqual([0, SECOND, 2 * SECOND]);
  });

  test('more bytes that count as short let no packet overtake an older one of its flow', () => {
    const leaf = (shortBytes: number): ClassInput => ({
      name: 'a',
      match: port(1),
      ceil: 1000,
      burst: 1000,
      queue: { discipline: 'short-first', shortBytes },
    });
    const w = new World(slow([leaf(2000)]));
    // Two short packets and four long ones; from 1.5 s on two more of the same flow, for which the new bound
    // has room.
    w.inject([...repeat(6, 0, (t) => packet(t, 1)), ...repeat(2, 0, (t) => packet(t, 1), 1.5 * SECOND)]);
    at(w, 1.2 * SECOND, { spec: slow([leaf(20_000)]) });
    // When the long band has been empty the new bound holds: these are short, though the flow is beyond the
    // old one.
    w.inject(repeat(4, 0, (t) => packet(t, 1), 9 * SECOND));
    w.run(20 * SECOND);
    expect(w.accepted().map((v) => v.id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test('another discipline keeps every packet', () => {
    const spec = slow(leaves);
    const w = new World(spec);
    w.inject(repeat(5, 0, (t) => packet(t, 1)));
    for (const [n, discipline] of (['fair', 'short-first', 'fifo', 'fair'] as const).entries()) {
      const queue = { ...spec.links[0].up!.children[0].queue!, discipline };
      at(w, (n + 0.5) * SECOND, changeClass(spec, 'wan/up/a', { queue }));
    }
    w.run(10 * SECOND);
    expect(w.accepted()).toEqual([1, 2, 3, 4, 5].map((id) => ({ id, timeNs: (id - 1) * SECOND })));
  });
});

describe('what cannot be applied changes nothing', () => {
  const spec = slow([{ name: 'a', match: port(1), ceil: 1000, burst: 1000 }]);

  test.each<[string, ShaperSpec, ReadonlyMap<string, string>, RegExp]>([
    ['other queues', { ...spec, nfqueue: { ...spec.nfqueue, first: 2 } }, new Map(), /nfqueue/],
    [
      'one class as two',
      shaper({ wan: { up: { ...WIDE, leaves: [{ name: 'b' }, { name: 'c' }] } } }),
      new Map([
        ['wan/up/b', 'wan/up/a'],
        ['wan/up/c', 'wan/up/a'],
      ]),
      /two classes/,
    ],
  ])('%s', (_, next, renamed, message) => {
    const w = new World(spec);
    w.inject(repeat(3, 0, (t) => packet(t, 1)));
    w.run(0.5 * SECOND);
    const { classes } = w.engine;
    expect(() => w.engine.reconfigure(w.port, { spec: next, renamed }, w.port.nowNs)).toThrow(message);
    expect(w.engine.classes).toBe(classes);
    w.run(10 * SECOND);
    expect(w.acceptedNs()).toEqual([0, SECOND, 2 * SECOND]);
  });

  test.each<[string, () => unknown, RegExp]>([
    ['no such class', () => changeClass(spec, 'wan/up/b', {}), /wan\/up\/b: no such class/],
    ['the default', () => removeClass(spec, 'wan/up/default'), /default/],
    ['a direction', () => removeClass(spec, 'wan/up'), /direction/],
    ['a leaf as parent', () => moveClass(spec, 'wan/up/default', 'wan/up/a'), /neither removed/],
    ['into itself', () => moveClass(spec, 'wan/up/a', 'wan/up/a'), /into itself/],
    ['a name twice', () => addClass(spec, 'wan/up', spec.links[0].up!.children[0]), /exists already/],
  ])('edit: %s', (_, edit, message) => expect(edit).toThrow(message));
});

test.each(['fifo', 'fair'] as const)(
  'a %s leaf that all packets have left is as good as new for CoDel',
  (discipline) => {
    const aqm = { kind: 'codel', codel: { targetNs: 5 * MS, intervalNs: 100 * MS } } as const;
    const a = { name: 'a', match: port(1), queue: { discipline, isolation: 'src', aqm } as const };
    // A packet takes 10 ms.
    const spec = shaper({ wan: { up: { rate: 150_000, burst: 1500, leaves: [a] } } });
    const world = new World(spec);
    world.inject(repeat(20, 0, (t) => up(t, 1500, { shape: udp(1, { dport: 1 }) })));
    world.run(50 * MS);
    world.engine.reconfigure(world.port, changeClass(spec, 'wan/up/a', { match: port(2) }), 50 * MS);
    expect(world.classOf('wan/up/a').backlog).toBe(0);
    world.inject(repeat(20, 0, (t) => up(t, 1500, { shape: udp(1, { dport: 2 }) }), SECOND));
    world.run(SECOND + 100 * MS);
    expect(world.totals.droppedPackets).toBe(0);
    world.run(SECOND + 120 * MS);
    expect(world.totals.droppedPackets).toBe(1);
  },
);
