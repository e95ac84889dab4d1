/** Links, directions, devices and NFQUEUEs that change while packets wait, to the nanosecond. */
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/core/reconfigure.ts';
import { markDscp } from '../../src/spec/mark-codes.ts';
import { planQueues } from '../../src/spec/queue-plan.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { type LinkInput, MS, repeat, SECOND, shaper, type TreeInput, udp, up, World } from './world.ts';

const [LAN, WAN, OTHER] = [1, 2, 3];
const INDEXES = new Map([
  ['lan0', LAN],
  ['wan0', WAN],
]);
const both = { ifIndexIn: LAN, ifIndexOut: WAN };
/** A packet of 1000 bytes a second. */
const slow: TreeInput = { rate: 1000, burst: 1000 };
const wide: TreeInput = { rate: 1e9, burst: 1e6 };
const links = (lan: LinkInput | null, wan: LinkInput | null): ShaperSpec =>
  shaper({ ...(lan && { lan }), ...(wan && { wan }) });

function world(spec: ShaperSpec, options: ConstructorParameters<typeof World>[1] = {}): World {
  const w = new World(spec, options);
  for (const [device, index] of INDEXES) w.engine.intake.setDeviceIndex(device, index);
  return w;
}

function change(w: World, ns: number, spec: ShaperSpec, more: Partial<Change> = {}): void {
  w.run(ns);
  w.engine.reconfigure(w.port, { spec, renamed: new Map(), deviceIndexes: INDEXES, ...more }, ns);
}

const packets = (count: number, fromNs = 0, flow = 1) =>
  repeat(count, 0, (t) => up(t, 1000, { ...both, shape: udp(flow) }), fromNs);
const answered = (w: World) => w.accepted().map(({ id, timeNs }) => [id, timeNs / SECOND]);

describe('a tree that goes', () => {
  test('lets its packets go at once, in order; later ones pass unshaped', () => {
    const w = world(links({ down: slow }, { up: slow }));
    w.inject(packets(3));
    change(w, 0.5 * SECOND, links({ down: slow }, null));
    // The first left the lan at 0 and the wan at 0; the others wait in the lan.
    change(w, 0.6 * SECOND, shaper({ dmz: { up: slow } }));
    expect(answered(w)).toEqual([
      [1, 0],
      [2, 0.6],
      [3, 0.6],
    ]);
    expect(w.engine.classes.map(({ path }) => path)).toEqual(['dmz/up', 'dmz/up/default']);
    expect(w.engine.stats.sentPackets.every((n) => n === 0)).toBe(true);
    w.inject(packets(2, SECOND));
    w.run(SECOND);
    expect(w.totals).toMatchObject({
      receivedPackets: 5,
      acceptedPackets: 5,
      unmatchedPackets: 2,
      heldPackets: 0,
    });
  });

  test('sends its packets on to their second tree, behind those that wait there, and drops none', () => {
    const queue: TreeInput = {
      ...slow,
      leaves: [{ name: 'default', limitPackets: 2, police: { rateBytesPerSec: 1, burstBytes: 3000 } }],
    };
    const w = world(links({ down: { rate: 4000, burst: 2000 } }, { up: queue, overheadBytes: 0 }));
    w.inject(packets(6));
    // Two have come to the wan, of which one has left; four wait in the lan.
    w.run(0);
    expect([w.classOf('lan/down/default').backlog, w.classOf('wan/up/default').backlog]).toEqual([4, 1]);
    change(w, 0.1 * SECOND, links(null, { up: queue }));
    expect(w.classOf('wan/up/default')).toMatchObject({ backlog: 5, flows: 1 });
    w.run(10 * SECOND);
    expect(answered(w)).toEqual([1, 2, 3, 4, 5, 6].map((id) => [id, id - 1]));
    expect(w.totals.droppedPackets).toBe(0);
    // A packet has waited 0.9 s to 4.9 s since it came into the wan.
    expect(w.classOf('wan/up/default').sent).toBe(6);
  });

  test('costs the link layer of the second link there', () => {
    const w = world(
      links({ down: slow, overheadBytes: 500 }, { up: { rate: 2000, burst: 2000 }, overheadBytes: 1000 }),
    );
    w.inject(packets(4));
    change(w, 0, links(null, { up: { rate: 2000, burst: 2000 }, overheadBytes: 1000 }));
    w.run(10 * SECOND);
    expect(answered(w)).toEqual([0, 1, 2, 3].map((n) => [n + 1, n]));
  });

  test('is left by packets that wait in the tree before it', () => {
    const w = world(links({ down: slow }, { up: { rate: 500, burst: 1000 } }));
    w.inject(packets(4));
    // At 1 s: one has left, one waits in the wan until 2 s, two wait in the lan.
    change(w, SECOND, links({ down: slow }, null));
    w.run(10 * SECOND);
    expect(answered(w)).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
    ]);
  });

  test('lets packets go in order that wait for buckets, outer and inner, and for ceilings, in two trees that go', () => {
    const each = (rateBytesPerSec: number) =>
      ({ by: 'src', rateBytesPerSec, burstBytes: 1000, exceed: 'delay' }) as const;
    const tree: TreeInput = {
      ...slow,
      rate: 500,
      each: each(1000),
      leaves: [{ name: 'in', each: each(2000), classes: [{ name: 'a', each: each(4000) }] }],
    };
    const w = world(links({ down: tree }, { up: { ...tree, rate: 250 } }));
    w.inject([...packets(9), ...packets(9, 0, 2)]);
    change(w, 3 * SECOND, shaper({ dmz: { up: slow } }));
    expect(w.totals).toMatchObject({ acceptedPackets: 18, heldPackets: 0, eachBuckets: 0 });
    const ids = w.accepted().map(({ id }) => id);
    for (const flow of [ids.filter((id) => id <= 9), ids.filter((id) => id > 9)])
      expect(flow).toEqual(flow.toSorted((a, b) => a - b));
  });

  test('takes its counters along; the totals keep them', () => {
    const w = world(links({ down: wide }, { up: wide }));
    w.inject(packets(5));
    change(w, SECOND, links(null, { up: wide }));
    expect([w.classOf('wan/up/default').sent, w.totals.acceptedPackets]).toEqual([5, 5]);
    change(w, 2 * SECOND, links({ down: wide }, { up: wide }));
    expect([w.classOf('wan/up/default').sent, w.classOf('lan/down/default').sent]).toEqual([5, 0]);
    w.inject(packets(1, 3 * SECOND));
    w.run(3 * SECOND);
    expect([w.classOf('wan/up/default').sent, w.classOf('lan/down/default').sent]).toEqual([6, 1]);
  });

  test('takes back nothing from nobody if the kernel had lost its packets', () => {
    const w = world(links({ down: slow }, { up: slow }));
    w.inject(packets(3));
    w.run(0);
    w.port.forgetHeld();
    change(w, 0.1 * SECOND, shaper({ dmz: { up: slow } }));
    w.run(SECOND);
    expect(w.totals).toMatchObject({ acceptedPackets: 1, lostPackets: 2, heldPackets: 0 });
  });
});

describe('a tree that comes', () => {
  test('gets no packet that waits already, and no packet overtakes an older one', () => {
    const w = world(links({ down: slow }, null));
    w.inject([...packets(3), ...packets(2, 0.6 * SECOND)]);
    change(w, 0.5 * SECOND, links({ down: slow }, { up: { rate: 500, burst: 1000 } }));
    w.run(20 * SECOND);
    expect(answered(w)).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
      // Only the last two pass the wan: one by its burst, one two seconds later.
      [4, 3],
      [5, 5],
    ]);
    expect(w.classOf('wan/up/default').sent).toBe(2);
  });

  test('before the tree in which packets wait is passed first by later ones', () => {
    const w = world(links(null, { up: slow }));
    w.inject([...packets(2), ...packets(2, 0.6 * SECOND)]);
    change(w, 0.5 * SECOND, links({ down: { rate: 100, burst: 1000 } }, { up: slow }));
    w.run(100 * SECOND);
    expect(answered(w)).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 10.6],
    ]);
  });
});

describe('another device', () => {
  const at = (device: string): ShaperSpec => shaper({ wan: { device, up: slow } });
  const indexes = (index: number) => new Map([['eth9', index]]);

  test('lets the packets of the former one go; tokens, debts and counters stay', () => {
    const w = world(at('wan0'));
    w.inject(packets(3));
    change(w, 0.5 * SECOND, at('eth9'), { deviceIndexes: indexes(OTHER) });
    expect(answered(w)).toEqual([
      [1, 0],
      [2, 0.5],
      [3, 0.5],
    ]);
    expect(w.classOf('wan/up/default')).toMatchObject({ sent: 3, backlog: 0 });
    w.inject([...packets(1, 0.5 * SECOND), up(0.5 * SECOND, 1000, { ifIndexOut: OTHER })]);
    w.run(10 * SECOND);
    // A packet by the former device passes; one by the new device waits for the tokens taken at 0.
    expect(answered(w).slice(3)).toEqual([
      [4, 0.5],
      [5, 1],
    ]);
    expect(w.totals.unmatchedPackets).toBe(1);
  });

  test('that is the same one with a new name keeps every packet where it waits', () => {
    const w = world(at('wan0'));
    w.inject(packets(3));
    change(w, 0.5 * SECOND, at('eth9'), { deviceIndexes: indexes(WAN) });
    w.inject(packets(1, 0.6 * SECOND));
    w.run(10 * SECOND);
    expect(answered(w)).toEqual([0, 1, 2, 3].map((n) => [n + 1, n]));
  });

  test('of the second link is left by packets that wait in the first', () => {
    const spec = (device: string): ShaperSpec =>
      shaper({ lan: { down: slow }, wan: { device, up: { rate: 500, burst: 1000 } } });
    const w = world(spec('wan0'));
    w.inject([...packets(3), ...packets(1, 0.6 * SECOND)]);
    change(w, 0.5 * SECOND, spec('eth9'), { deviceIndexes: indexes(OTHER) });
    w.run(10 * SECOND);
    expect(answered(w)).toEqual([0, 1, 2, 3].map((n) => [n + 1, n]));
    expect(w.classOf('wan/up/default').sent).toBe(1);
  });
});

describe('another plan of NFQUEUEs', () => {
  const FAST: TreeInput = {
    rate: 1e9,
    burst: 1e6,
    leaves: [{ name: 'slow', ceil: 1000, burst: 1000, match: [{ dport: [{ from: 1, to: 1 }] }] }],
  };
  const spec = (count: number, length = 32768): ShaperSpec =>
    shaper({ wan: { device: 'wan0', up: FAST } }, { count, length });
  const packet = (timeNs: number, nfqueue: number) =>
    up(timeNs, 1000, { ...both, nfqueue, shape: udp(1, { dport: 1 }) });
  const rows = (w: World) =>
    w.port.rows.map(({ nfqueue, packetId, timeNs }) => [nfqueue, packetId, timeNs / SECOND]);

  test('packets that came by an NFQUEUE which goes have their verdicts there, and it is seen when none waits', () => {
    const w = world(spec(4), { plan: planQueues(spec(4)) });
    w.inject([packet(0, 3), packet(0, 3), packet(0, 0)]);
    change(w, 0.5 * SECOND, spec(1), { plan: planQueues(spec(1)) });
    expect([w.engine.waitingOf(3), w.engine.waitingOf(0)]).toEqual([1, 1]);
    // One more is still on its way.
    w.inject([packet(0.5 * SECOND, 3)]);
    w.run(10 * SECOND);
    expect(rows(w)).toEqual([
      [3, 1, 0],
      [3, 2, 1],
      [0, 1, 2],
      [3, 3, 3],
    ]);
    expect(w.engine.waitingOf(3)).toBe(0);
  });

  test('an NFQUEUE that comes is answered', () => {
    const w = world(spec(1), { plan: planQueues(spec(1)) });
    w.inject([packet(0, 0), packet(0, 0)]);
    expect(w.engine.waitingOf(5)).toBe(0);
    change(w, 0.5 * SECOND, spec(6), { plan: planQueues(spec(6)) });
    w.inject([packet(0.5 * SECOND, 5)]);
    w.run(10 * SECOND);
    expect(rows(w)).toEqual([
      [0, 1, 0],
      [0, 2, 1],
      [5, 1, 2],
    ]);
  });

  test('flows are moved as the new plan says, and a packet of before asks for nothing', () => {
    const [one, two] = [spec(1), spec(2)];
    const w = world(two, { plan: planQueues(two) });
    // A slow flow in the NFQUEUE with superpackets.
    w.inject([packet(0, 1), packet(0, 1), packet(SECOND, 1)]);
    change(w, 0.5 * SECOND, one, { plan: planQueues(one) });
    w.run(1.5 * SECOND);
    change(w, 1.6 * SECOND, two, { plan: planQueues(two) });
    w.inject([packet(3 * SECOND, 1)]);
    w.run(10 * SECOND);
    expect(w.port.rows.map(({ mark }) => mark !== 0)).toEqual([true, false, false, true]);
  });

  test('more packets may wait than before, or fewer', () => {
    const w = world(spec(1, 600), { plan: planQueues(spec(1, 600)) });
    const burst = (atNs: number) => repeat(2000, 0, () => packet(atNs, 0));
    w.inject(burst(0));
    w.run(0);
    expect(w.totals.heldPackets).toBe(600);
    change(w, 0, spec(1, 900));
    w.inject(burst(MS));
    w.run(MS);
    expect(w.totals.heldPackets).toBe(900);
    change(w, 2 * MS, spec(1, 100));
    w.inject(burst(3 * MS));
    w.run(3 * MS);
    expect(w.totals).toMatchObject({ heldPackets: 900, droppedPackets: 0 });
  });

  test('code points keep their meaning for packets that wait', () => {
    const MASK = 0xff000000;
    const leaf = (dport: number, point: number) =>
      ({
        name: `p${point}`,
        match: [{ dport: [{ from: dport, to: dport }] }],
        remark: [point, point, point],
      }) as const;
    const marked = (...points: number[]): LinkInput => ({
      down: { ...wide, leaves: points.map((point) => leaf(point, point)) },
    });
    const wan: LinkInput = { up: slow };
    const before = links(marked(10, 20), wan);
    const w = world(before, { plan: planQueues(before) });
    w.inject([10, 20, 10, 20].map((dport) => up(0, 1000, { ...both, shape: udp(1, { dport }) })));
    // They wait in the wan: 20 is number 2 now, then 1, and 10 nobody writes any more.
    const after = links(marked(20), wan);
    const plan = planQueues(after);
    expect(plan.dscps).toEqual([20]);
    change(w, 0.5 * SECOND, after, { plan });
    w.run(10 * SECOND);
    expect(w.port.rows.map(({ mark }) => markDscp(MASK, mark))).toEqual([1, 1, 0, 1]);
  });
});
