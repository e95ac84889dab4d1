/** A bucket per flow, host, source or destination, through the whole engine, then the rules of the table. */
import { describe, expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { EachTable } from '../../../../src/core/each/each.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { type Stats, TOTAL } from '../../../../src/core/packets/stats.ts';
import { EACH_IDLE_NS } from '../../../../src/limits.ts';
import { NF_INET_LOCAL_OUT } from '../../../../src/packet/batch.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import type { PacketShape } from '../../../../src/sim/packets/packets.ts';
import type { EachBy } from '../../../../src/spec/spec.ts';
import type { SimArrival } from '../../../port/sim-port.ts';
import { type ClassInput, type EachInput, MS, SECOND, shaper, udp, up, World } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';
import { waitingParts } from './parts.ts';

const WIDE = { rate: 1e9, burst: 1e6 };
const WAN = 1;
/** One packet of 1000 B at once, then one a second. */
const ONE_A_SECOND = { rateBytesPerSec: 1000, burstBytes: 1000 };

function worldBy(by: EachBy, exceed: EachInput['exceed'] = 'delay'): World {
  const tree = { ...WIDE, leaves: [{ name: 'default', each: { by, exceed, ...ONE_A_SECOND } }] };
  return new World(shaper({ wan: { up: tree, down: tree } }));
}

/** Whether two packets share a bucket: then the second one waits. */
function share(by: EachBy, a: PacketShape, b: PacketShape, more: Partial<SimArrival> = {}): boolean {
  const world = worldBy(by);
  world.inject([a, b].map((shape) => up(0, 1000, { shape, ...more })));
  world.run(0);
  return world.accepted().length === 1;
}

describe('who shares a bucket', () => {
  const base = udp(1);
  const otherPort = udp(2);
  const otherProtocol = udp(1, { protocol: IPPROTO_TCP });
  const otherSource = udp(1, { src: 7 });
  const otherDestination = udp(1, { dst: 7 });
  const all = [otherPort, otherProtocol, otherSource, otherDestination];
  const down = { ifIndexIn: WAN, ifIndexOut: 99 };

  test.each<[EachBy, boolean[]]>([
    ['flow', [false, false, false, false]],
    ['src', [true, true, false, true]],
    ['dst', [true, true, true, false]],
    // The inside address: the source of what leaves …
    ['host', [true, true, false, true]],
  ])('by %s in up', (by, expected) => {
    expect(all.map((other) => share(by, base, other))).toEqual(expected);
    expect(share(by, base, base)).toBe(true);
  });

  test.each<[EachBy, boolean[]]>([
    ['flow', [false, false, false, false]],
    ['src', [true, true, false, true]],
    ['dst', [true, true, true, false]],
    // … and the destination of what arrives.
    ['host', [true, true, true, false]],
  ])('by %s in down', (by, expected) => {
    expect(all.map((other) => share(by, base, other, down))).toEqual(expected);
  });

  test('all four words of an IPv6 address count, and the families never share', () => {
    const v6 = (...src: [number, number, number, number]): PacketShape => ({
      ...base,
      src,
      dst: [9, 9, 9, 9],
    });
    expect(share('src', v6(1, 2, 3, 4), v6(1, 2, 3, 4))).toBe(true);
    for (const other of [v6(0, 2, 3, 4), v6(1, 0, 3, 4), v6(1, 2, 0, 4), v6(1, 2, 3, 0)])
      expect(share('src', v6(1, 2, 3, 4), other)).toBe(false);
    expect(share('src', v6(5, 0, 0, 0), { ...base, src: 5 })).toBe(false);
  });

  test('the two directions of a host have buckets of their own', () => {
    const world = worldBy('host');
    world.inject([up(0, 1000), up(0, 1000, { shape: udp(1, { src: 7, dst: base.src }), ...down })]);
    world.run(0);
    expect(world.accepted().length).toBe(2);
  });

  test('two classes have buckets of their own for the same host', () => {
    const each: EachInput = { by: 'src', exceed: 'delay', ...ONE_A_SECOND };
    const leaves = [
      { name: 'web', match: [{ dport: [{ from: 80, to: 80 }] }], each },
      { name: 'default', each },
    ];
    const world = new World(shaper({ wan: { up: { ...WIDE, leaves } } }));
    world.inject([up(0, 1000), up(0, 1000, { shape: udp(1, { dport: 80 }) }), up(0, 1000)]);
    world.run(0);
    expect(world.accepted().map((v) => v.id)).toEqual([1, 2]);
  });
});

test('each bucket keeps its rate, and one that waits does not delay another', () => {
  const world = worldBy('flow');
  for (let flow = 0; flow < 3; flow++)
    world.inject([0, 1, 2].slice(0, flow + 1).map(() => up(0, 1000, { shape: udp(flow) })));
  world.inject([up(500 * MS, 1000, { shape: udp(9) })]);
  world.run(10 * SECOND);
  expect(world.acceptedNs()).toEqual([0, 0, 0, 0.5, 1, 1, 2].map((s) => s * SECOND));
  expect(world.totals.eachBuckets).toBe(4);
});

test('packets that wait for their bucket count against the limit of the leaf', () => {
  const each: EachInput = { by: 'flow', exceed: 'delay', ...ONE_A_SECOND };
  const leaves = [{ name: 'default', each, limitPackets: 3 }];
  const world = new World(shaper({ wan: { up: { ...WIDE, leaves } } }));
  world.inject(Array.from({ length: 10 }, () => up(0, 1000)));
  world.run(0);
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 1, backlog: 3, drops: [6, 0, 0] });
});

test('a bucket of the class above is met after the leaf’s own', () => {
  const perFlow: EachInput = { by: 'flow', exceed: 'delay', ...ONE_A_SECOND };
  const perHost: EachInput = { by: 'src', exceed: 'delay', rateBytesPerSec: 2000, burstBytes: 1000 };
  const tree = { ...WIDE, each: perHost, leaves: [{ name: 'default', each: perFlow }] };
  const world = new World(shaper({ wan: { up: tree } }));
  // Two flows of one host, two packets each: the host's bucket lets one go every half second.
  for (let i = 0; i < 2; i++)
    for (let flow = 0; flow < 2; flow++) world.inject([up(0, 1000, { shape: udp(flow) })]);
  world.run(10 * SECOND);
  expect(world.acceptedNs()).toEqual([0, 0.5, 1, 1.5].map((s) => s * SECOND));
});

test('a packet larger than the bucket leaves in debt when delayed and never when dropped', () => {
  const delayed = worldBy('flow');
  delayed.inject([up(0, 3000), up(0, 1000)]);
  delayed.run(10 * SECOND);
  expect(delayed.acceptedNs()).toEqual([0, 3 * SECOND]);
  const dropped = worldBy('flow', 'drop');
  dropped.inject([up(0, 3000), up(0, 1000)]);
  dropped.run(10 * SECOND);
  expect(dropped.accepted().map((v) => v.id)).toEqual([2]);
});

test('a flow is not forgotten before its bucket is full: a new one would start with tokens it has spent', () => {
  const each: EachInput = { by: 'flow', exceed: 'delay', rateBytesPerSec: 10, burstBytes: 1000 };
  const tree = { ...WIDE, leaves: [{ name: 'default', each }] };
  const world = new World(shaper({ wan: { up: tree }, lan: { up: WIDE } }));
  // Other traffic moves the sweeping hand. At 90 s the bucket has 900 B, and the flow was idle for longer
  // than its time.
  world.inject([up(0, 1000)]);
  const other = (n: number) => up(n * SECOND, 100, { ifIndexOut: 2, shape: udp(2) });
  world.inject(Array.from({ length: 89 }, (_, n) => other(n)));
  world.inject([up(90 * SECOND, 1000)]);
  world.run(200 * SECOND);
  expect(world.acceptedNs().at(-1)).toBe(100 * SECOND);
});

describe('`each` with `exceed: drop` answers when a packet arrives', () => {
  const KB = { rateBytesPerSec: 1000, burstBytes: 1000 };
  const policed = (each: EachInput, leaf: Omit<ClassInput, 'name'> = {}) =>
    new World(shaper({ wan: { up: { ...WIDE, each, leaves: [{ name: 'default', ...leaf }] } } }));

  test('and nothing below is charged for what it drops', () => {
    // The host has 1000 B/s; each flow could send 2000 B at once, then 500 B/s.
    const byFlow: EachInput = { by: 'flow', exceed: 'delay', rateBytesPerSec: 500, burstBytes: 2000 };
    const world = policed({ by: 'src', exceed: 'drop', ...KB }, { each: byFlow });
    world.inject(Array.from({ length: 10 }, () => up(0, 1000)));
    world.inject([up(SECOND, 1000), up(2 * SECOND, 1000)]);
    world.run(10 * SECOND);
    // Had the nine dropped ones been charged, the last two would wait for 16 s.
    expect(world.acceptedNs()).toEqual([0, SECOND, 2 * SECOND]);
    expect(world.classOf('wan/up/default').drops).toEqual([0, 0, 9]);
  });

  test('and what it let through is not dropped later, although it leaves in a burst', () => {
    // A flow collects 2000 B in its bucket's queue; the host's bucket had them when they came.
    const byFlow: EachInput = { by: 'flow', exceed: 'delay', rateBytesPerSec: 100, burstBytes: 100 };
    const world = policed({ by: 'src', exceed: 'drop', ...KB }, { each: byFlow });
    world.inject([up(0, 1000), up(SECOND, 1000), up(2 * SECOND, 1000)]);
    world.run(100 * SECOND);
    expect(world.acceptedNs()).toEqual([0, 10 * SECOND, 20 * SECOND]);
  });

  test('and a packet that it drops costs no waiting one its place', () => {
    const queue = { discipline: 'fair', aqm: { kind: 'none' } } as const;
    const root = { rate: 1, burst: 1 };
    const each: EachInput = { by: 'src', exceed: 'drop', rateBytesPerSec: 1, burstBytes: 3000 };
    const leaves = [{ name: 'default', queue, limitPackets: 2, each }];
    const world = new World(shaper({ wan: { up: { ...root, leaves } } }));
    // The third waits in a full leaf; the fourth is over its host's rate.
    world.inject([up(0, 1000), up(0, 1000), up(0, 1000), up(0, 64)]);
    world.run(0);
    expect(world.port.trace.map((v) => v.packetId).sort()).toEqual([1, 4]);
    expect(world.classOf('wan/up/default').drops).toEqual([0, 0, 1]);
  });

  test('all buckets on the way are charged or none', () => {
    const byFlow: EachInput = { by: 'flow', exceed: 'drop', rateBytesPerSec: 1, burstBytes: 1000 };
    const world = policed(
      { by: 'src', exceed: 'drop', rateBytesPerSec: 1, burstBytes: 3000 },
      { each: byFlow },
    );
    world.inject([1, 1, 1, 2, 3, 4].map((flow) => up(0, 1000, { shape: udp(flow) })));
    world.run(0);
    // Two of flow 1 exceed their own bucket and leave the host's alone, so flows 2 and 3 pass.
    const accepted = world.accepted().map((v) => v.id);
    expect(accepted).toEqual([1, 4, 5]);
  });

  test('SSH of this host is charged for, and goes at most a burst into debt', () => {
    const ssh = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 };
    const shape = { ...udp(), protocol: IPPROTO_TCP, sport: 22 };
    const world = policed({ by: 'src', exceed: 'drop', ...KB });
    world.inject(Array.from({ length: 20 }, () => up(0, 1000, { ...ssh, shape })));
    // The host's other packets: 1000 B of debt are paid after 1 s, and the burst is there after 2 s.
    world.inject([up(1.9 * SECOND, 1000), up(2 * SECOND, 1000)]);
    world.run(10 * SECOND);
    expect(world.totals.acceptedPackets).toBe(21);
    expect(world.accepted().at(-1)).toEqual({ id: 22, timeNs: 2 * SECOND });
  });
});

interface Bench {
  readonly each: EachTable;
  readonly stats: Stats;
  /** Bucket of flow `n`, asked for with a packet of 1000 B that is given back. */
  bucket(n: number, nowNs: number): number;
  /** The same, taking the tokens. */
  spend(n: number, nowNs: number): number;
}

function bench(rows: number): Bench {
  const each: EachInput = { by: 'flow', exceed: 'delay', ...ONE_A_SECOND };
  const classes = listClasses(shaper({ wan: { up: { ...WIDE, leaves: [{ name: 'default', each }] } } }));
  const held = new HeldTable(600);
  const ledger = new Ledger(classes.length, held);
  const { stats } = ledger;
  const flows = new FlowTable(1024, 1, 2, ledger);
  const table = new EachTable(rows, 3, 4, classes, waitingParts(classes, held, flows), ledger);
  const withPacket = (n: number, nowNs: number, use: (e: number, h: number) => void): number => {
    const h = held.take();
    held.flow[h] = flows.findOrMake(parsedOf(udp(n)), 0, nowNs);
    held.chargeBytes[h] = 1000;
    held.enter(h, nowNs, nowNs);
    const e = table.bucketOf(1, h, nowNs);
    if (e !== NONE) use(e, h);
    held.give(h);
    return e;
  };
  return {
    each: table,
    stats,
    bucket: (n, nowNs) => withPacket(n, nowNs, () => {}),
    spend: (n, nowNs) => withPacket(n, nowNs, (e, h) => table.pass(e, h, nowNs, nowNs)),
  };
}

function sweepUntil(each: EachTable, fromNs: number, untilNs: number): void {
  for (let t = fromNs; t <= untilNs; t += SECOND / 4) each.buckets.sweep(t);
}

test('a bucket is forgotten when it is full and idle for its time, not before', () => {
  const { each, stats, bucket, spend } = bench(16);
  const [full, spent] = [bucket(1, 0), spend(2, 0)];
  sweepUntil(each, 0, EACH_IDLE_NS);
  expect(stats.totals[TOTAL.eachBuckets]).toBe(2);
  expect([bucket(1, EACH_IDLE_NS), bucket(2, EACH_IDLE_NS)]).toEqual([full, spent]);
  sweepUntil(each, EACH_IDLE_NS, 2.5 * EACH_IDLE_NS);
  expect(stats.totals[TOTAL.eachBuckets]).toBe(0);
});

test('a bucket that is not full is never forgotten: its debt would be forgiven', () => {
  const { each, stats, spend } = bench(16);
  // 1000 B a second: 200 packets of debt would need 200 s. They wait, so the bucket is spent one by one.
  for (let second = 0; second < 100; second++) spend(1, second * SECOND);
  sweepUntil(each, 100 * SECOND, 99 * SECOND + EACH_IDLE_NS);
  expect(stats.totals[TOTAL.eachBuckets]).toBe(1);
});

test('a full table forgets a bucket that is full, and counts that; if there is none it has no room', () => {
  const { stats, bucket, spend } = bench(16);
  for (let n = 0; n < 15; n++) expect(spend(n, 0)).not.toBe(NONE);
  expect(bucket(15, 0)).not.toBe(NONE);
  expect(bucket(16, 0)).not.toBe(NONE);
  expect(stats.totals[TOTAL.eachEvicted]).toBe(1);
  spend(16, 0);
  expect(bucket(17, 0)).toBe(NONE);
  expect(bucket(17, SECOND)).not.toBe(NONE);
  expect([stats.totals[TOTAL.eachBuckets], stats.totals[TOTAL.eachEvicted]]).toEqual([16, 2]);
});
