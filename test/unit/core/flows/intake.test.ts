/** Which class a packet gets, once per flow and again when it must; what is special about some packets. */
import { describe, expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { FRAGMENT_IDLE_NS } from '../../../../src/limits.ts';
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../../../../src/packet/batch.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import { IPPROTO_ICMP, type PacketShape } from '../../../../src/sim/packets/packets.ts';
import { planQueues } from '../../../../src/spec/queue-plan.ts';
import type { ExemptSpec, MatcherSpec } from '../../../../src/spec/spec.ts';
import type { SimArrival } from '../../../port/sim-port.ts';
import { type ClassInput, MS, SECOND, shaper, udp, up, World } from '../../../sim/world.ts';

const WIDE = { rate: 1e9, burst: 1e6 };
const WAN = 1;
const port = (dport: number): MatcherSpec[] => [{ dport: [{ from: dport, to: dport }] }];

function world(leaves: readonly ClassInput[]): World {
  return new World(shaper({ wan: { up: { ...WIDE, leaves }, down: WIDE } }));
}

/** Sends the packets one after another; the class each went to. */
function classesOf(w: World, arrivals: readonly Partial<SimArrival>[]): string[] {
  const names = w.engine.classes.map((info) => info.path);
  return arrivals.map((arrival) => {
    const before = [...w.engine.stats.sentPackets];
    w.inject([up(w.port.nowNs, 1000, arrival)]);
    w.run(w.port.nowNs);
    return names.filter((_, c) => w.engine.stats.sentPackets[c] > before[c]).join();
  });
}

describe('the class is looked up again when a thing it may depend on differs', () => {
  test.each<[string, MatcherSpec, Partial<SimArrival>]>([
    ['dscp', { dscp: [46] }, { shape: udp(1, { dscp: 46 }) }],
    ['mark', { mark: [{ value: 5, mask: 0xff }] }, { mark: 5 }],
    ['oif', { oif: ['wifi0'] }, { ifIndexOut: 2 }],
  ])('%s', (_, matcher, special) => {
    const leaves = [{ name: 'special', match: [matcher] }];
    const w = new World(shaper({ wan: { down: { ...WIDE, leaves } } }));
    const plain = { ifIndexIn: WAN, ifIndexOut: 99 };
    const [one, other] = ['wan/down/default', 'wan/down/special'];
    const arrivals = [plain, { ...plain, ...special }, plain, { ...plain, ...special }];
    expect(classesOf(w, arrivals)).toEqual([one, other, one, other]);
    expect(w.totals.flows).toBe(1);
    expect([w.classOf(one).flows, w.classOf(other).flows]).toEqual([0, 1]);
  });

  test('iif', () => {
    const w = world([{ name: 'guest', match: [{ iif: ['wifi0'] }] }]);
    const arrivals = [{}, { ifIndexIn: 2 }, {}];
    expect(classesOf(w, arrivals)).toEqual(['wan/up/default', 'wan/up/guest', 'wan/up/default']);
  });

  test('hook: a flow that was forwarded and now starts here', () => {
    const w = world([]);
    const forwarded = { ifIndexIn: WAN };
    const local = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 };
    expect(classesOf(w, [forwarded, local, forwarded])).toEqual([
      'wan/up/default,wan/down/default',
      'wan/up/default',
      'wan/up/default,wan/down/default',
    ]);
  });
});

test('bits of our own mask do not matter: neither for the class nor for looking again', () => {
  const w = world([{ name: 'marked', match: [{ mark: [{ value: 5, mask: 0xff }] }] }]);
  const marks = [0x01000005, 0x7f000005, 0xff000005, 0x01000000];
  const leaves = classesOf(
    w,
    marks.map((mark) => ({ mark })),
  );
  expect(leaves).toEqual(['wan/up/marked', 'wan/up/marked', 'wan/up/marked', 'wan/up/default']);
});

test('a device that gets another index moves its flows', () => {
  const w = world([]);
  expect(classesOf(w, [{}])).toEqual(['wan/up/default']);
  w.engine.intake.setDeviceIndex('wan0', 40);
  expect(classesOf(w, [{}, { ifIndexOut: 40 }])).toEqual(['', 'wan/up/default']);
  expect(w.classOf('wan/up/default').flows).toBe(1);
});

describe('a device that nobody has told', () => {
  const makeWorld = (names: Map<number, string>, asked: number[]): World =>
    new World(shaper({ wan: { up: WIDE }, lan: { down: WIDE } }), {
      nameOf: (ifIndex) => {
        asked.push(ifIndex);
        return names.get(ifIndex) ?? '';
      },
    });

  test('is asked for when its first packet comes, which is shaped already; others are asked for once', () => {
    const asked: number[] = [];
    const w = makeWorld(new Map([[40, 'wan0']]), asked);
    const anew = { ifIndexOut: 40 };
    expect(classesOf(w, [{}, anew, { ...anew, shape: udp(2) }, anew])).toEqual(
      Array(4).fill('wan/up/default'),
    );
    // Index 99 is that of the device by which all of them came.
    expect(asked).toEqual([99, 40]);
    // Nothing has the index of before any more.
    expect(classesOf(w, [{}])).toEqual(['']);
    expect(w.totals.unmatchedPackets).toBe(1);
  });

  test('was renamed: asked for again as no tree takes what a rule has queued', () => {
    const asked: number[] = [];
    const names = new Map([[7, 'usb0']]);
    const w = makeWorld(names, asked);
    const fromLan = { ifIndexIn: 2, ifIndexOut: 7 };
    expect(classesOf(w, [fromLan])).toEqual(['lan/down/default']);
    expect(asked).toEqual([7]);
    w.engine.intake.setDeviceIndex('wan0', NONE);
    names.set(7, 'wan0');
    expect(classesOf(w, [{ ifIndexIn: 0, ifIndexOut: 7, hook: NF_INET_LOCAL_OUT }])).toEqual([
      'wan/up/default',
    ]);
    // The flow that was known before passes both trees from now on.
    expect(classesOf(w, [fromLan])).toEqual(['wan/up/default,lan/down/default']);
    expect(asked).toEqual([7, 7]);
    expect(w.totals.unmatchedPackets).toBe(0);
  });

  test('that has gone is no device of ours any more', () => {
    const w = makeWorld(new Map(), []);
    expect(classesOf(w, [{ ifIndexIn: 2 }])).toEqual(['wan/up/default,lan/down/default']);
    w.engine.intake.setDeviceIndex('lan0', NONE);
    expect(classesOf(w, [{ ifIndexIn: 2 }])).toEqual(['wan/up/default']);
  });
});

describe('fragments', () => {
  const first = (id: number, dport: number): PacketShape =>
    udp(1, { dport, fragment: { id, offsetBytes: 0, more: true } });
  const later = (id: number): PacketShape => udp(1, { fragment: { id, offsetBytes: 1480, more: false } });
  const leaves = [{ name: 'web', match: port(80) }];
  const run = (shapes: readonly PacketShape[], w = world(leaves)): string[] =>
    classesOf(
      w,
      shapes.map((shape) => ({ shape })),
    ).map((path) => path.replace('wan/up/', ''));

  test('later ones take the class of the first, in both families', () => {
    expect(run([first(7, 80), later(7), later(7), first(8, 81), later(8)])).toEqual([
      'web',
      'web',
      'web',
      'default',
      'default',
    ]);
    const v6 = { src: [1, 2, 3, 4], dst: [5, 6, 7, 8] } as const;
    expect(run([first(7, 80), later(7), later(9)].map((shape) => ({ ...shape, ...v6 })))).toEqual([
      'web',
      'web',
      'default',
    ]);
  });

  test('join the flow of the first', () => {
    const w = world(leaves);
    run([first(7, 80), later(7), udp(1, { dport: 80 })], w);
    expect(w.totals.flows).toBe(1);
  });

  test('have the ports of the first also when they are classified anew', () => {
    expect(run([first(7, 80), { ...later(7), dscp: 46 }, { ...later(8), dscp: 46 }])).toEqual([
      'web',
      'web',
      'default',
    ]);
  });

  test('with another id, other addresses, or without a first one, are packets without ports', () => {
    expect(run([later(7), first(7, 80), later(6), { ...later(7), src: 99 }])).toEqual([
      'default',
      'web',
      'default',
      'default',
    ]);
  });

  test('find their first one for its time only', () => {
    const w = world(leaves);
    run([first(7, 80)], w);
    w.run(FRAGMENT_IDLE_NS);
    expect(run([later(7)], w)).toEqual(['web']);
    w.run(FRAGMENT_IDLE_NS + 1);
    expect(run([later(7)], w)).toEqual(['default']);
  });

  test('a new datagram with an old id replaces it', () => {
    expect(run([first(7, 80), first(7, 81), later(7)])).toEqual(['web', 'default', 'default']);
  });
});

describe('what is never dropped or never policed', () => {
  const NOTHING = { rateBytesPerSec: 1, burstBytes: 1 };
  const red = {
    minBytes: 1,
    maxBytes: 2,
    probability: 1,
    weight: 1,
    gentle: false,
    byteMode: false,
    adaptive: false,
    meanPacketBytes: 1,
  };
  const tight = {
    police: NOTHING,
    limitPackets: 16,
    red,
    each: { by: 'flow', exceed: 'drop', ...NOTHING },
  } as const;
  /** All of the direction is the exempt share: a burst of a second, at least of 6000 B. */
  const slow = (leaf: Omit<ClassInput, 'name'>, exempt: Partial<ExemptSpec> = {}, rate = 1000) => {
    const tree = { rate, burst: 1000, leaves: [{ name: 'default', ...leaf }] };
    return new World(shaper({ wan: { up: tree, down: tree } }, {}, { share: 1, ...exempt }));
  };
  const send = (w: World, arrival: Partial<SimArrival>, lengthBytes = 1000): number[] => {
    w.inject(Array.from({ length: 8 }, () => up(w.port.nowNs, lengthBytes, arrival)));
    w.run(w.port.nowNs + 60 * SECOND);
    return [w.totals.acceptedPackets, w.totals.droppedPackets];
  };
  const ssh: PacketShape = { ...udp(), protocol: IPPROTO_TCP };

  test('SSH to this host and from it passes policer, RED and each, and is only delayed', () => {
    const to = { hook: NF_INET_LOCAL_IN, ifIndexIn: WAN, ifIndexOut: 0, shape: { ...ssh, dport: 22 } };
    const from = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0, ifIndexOut: WAN, shape: { ...ssh, sport: 22 } };
    for (const arrival of [to, from]) {
      const w = slow(tight);
      expect(send(w, arrival, 500)).toEqual([8, 0]);
      expect(w.acceptedNs().at(-1)).toBe(3 * SECOND);
    }
  });

  test.each(['fifo', 'fair', 'short-first'] as const)(
    'SSH of this host gets through CoDel in a %s leaf',
    (discipline) => {
      const codel = { targetNs: 5 * MS, intervalNs: 100 * MS };
      const queue = { discipline, aqm: { kind: 'codel', codel } } as const;
      const ours = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0, shape: { ...ssh, sport: 22 } };
      const w = slow({ queue }, {}, 60_000);
      w.inject(Array.from({ length: 60 }, () => up(0, 1000, ours)));
      w.run(60 * SECOND);
      expect([w.totals.acceptedPackets, w.totals.droppedPackets]).toEqual([60, 0]);
      // The same packets of somebody else's connection: a standing queue, so CoDel drops.
      const other = slow({ queue }, {}, 60_000);
      other.inject(Array.from({ length: 60 }, () => up(0, 1000, { shape: { ...ssh, dport: 22 } })));
      other.run(60 * SECOND);
      expect(other.totals.droppedPackets).toBeGreaterThan(5);
    },
  );

  test('SSH of this host gets into a full fair leaf, and stays when others overfill it', () => {
    const ours = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0, shape: { ...ssh, sport: 22 } };
    const queue = { discipline: 'fair', aqm: { kind: 'none' } } as const;
    const w = slow({ queue, limitPackets: 8 });
    // Eight fill the queue and one has left. Four of ours take the places of four others.
    w.inject(Array.from({ length: 9 }, () => up(0, 1000, { shape: udp(1) })));
    w.inject(Array.from({ length: 4 }, () => up(MS, 1000, ours)));
    w.inject(Array.from({ length: 8 }, (_, n) => up(2 * MS, 64, { shape: udp(2 + n) })));
    w.run(MS);
    expect([w.totals.heldPackets, w.totals.droppedPackets]).toEqual([8, 4]);
    w.run(60 * SECOND);
    const { acceptedPackets, droppedPackets } = w.totals;
    expect(acceptedPackets + droppedPackets).toBe(21);
    expect(w.accepted().filter(({ id }) => id >= 10 && id <= 13)).toHaveLength(4);
  });

  test('forwarded SSH, and a server elsewhere reached from here, are traffic like any other', () => {
    expect(send(slow(tight), { shape: { ...ssh, dport: 22 } })).toEqual([0, 8]);
    const client = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0, shape: { ...ssh, dport: 22 } };
    expect(send(slow(tight), client)).toEqual([0, 8]);
    const udp22 = { hook: NF_INET_LOCAL_IN, ifIndexIn: WAN, ifIndexOut: 0, shape: udp(1, { dport: 22 }) };
    expect(send(slow(tight), udp22)).toEqual([0, 8]);
  });

  test('which ports are exempt is configured, also while packets flow', () => {
    const to = (dport: number) => {
      const shape = { ...ssh, dport };
      return { hook: NF_INET_LOCAL_IN, ifIndexIn: WAN, ifIndexOut: 0, shape };
    };
    const ports = [
      { from: 443, to: 443 },
      { from: 8000, to: 8010 },
    ];
    for (const one of [443, 8000, 8007, 8010])
      expect(send(slow(tight, { ports }), to(one), 500)).toEqual([8, 0]);
    for (const one of [22, 442, 444, 7999, 8011])
      expect(send(slow(tight, { ports }), to(one), 500)).toEqual([0, 8]);
    const w = slow(tight, { ports: [] });
    expect(send(w, to(22), 500)).toEqual([0, 8]);
    const tree = { rate: 1000, burst: 1000, leaves: [{ name: 'default', ...tight }] };
    const spec = shaper({ wan: { up: tree, down: tree } }, {}, { share: 1 });
    w.engine.reconfigure(w.port, { spec, renamed: new Map() }, w.port.nowNs);
    expect(send(w, to(22), 500)).toEqual([8, 8]);
  });

  test('ICMP errors are not policed, other ICMP is', () => {
    const icmp = (icmpType: number) => ({ shape: { ...udp(), protocol: IPPROTO_ICMP, icmpType } });
    for (const type of [3, 11]) expect(send(slow({ police: NOTHING }), icmp(type))).toEqual([8, 0]);
    for (const type of [0, 8, 5]) expect(send(slow({ police: NOTHING }), icmp(type))).toEqual([0, 8]);
    const icmp6 = (icmpType: number) => ({
      shape: { ...udp(), protocol: 58, icmpType, src: [1, 0, 0, 1], dst: [1, 0, 0, 2] } as PacketShape,
    });
    for (const type of [1, 2, 3]) expect(send(slow({ police: NOTHING }), icmp6(type))).toEqual([8, 0]);
    expect(send(slow({ police: NOTHING }), icmp6(128))).toEqual([0, 8]);
  });

  test('neither does `each` with `exceed: drop` police an ICMP error, nor charge for it', () => {
    const each = { by: 'src', exceed: 'drop', rateBytesPerSec: 1, burstBytes: 1000 } as const;
    const w = slow({ each });
    const error = { shape: { ...udp(), protocol: IPPROTO_ICMP, icmpType: 3 } };
    expect(send(w, error)).toEqual([8, 0]);
    // The bucket still has its burst: one datagram.
    expect(send(w, {})).toEqual([9, 7]);
  });

  test('an ICMP error still meets limits and rates', () => {
    const w = slow({ limitPackets: 2 });
    expect(send(w, { shape: { ...udp(), protocol: IPPROTO_ICMP, icmpType: 3 } })).toEqual([3, 5]);
    expect(w.acceptedNs()).toEqual([0, SECOND, 2 * SECOND]);
  });
});

test('a class counts its flows', () => {
  const w = world([{ name: 'web', match: port(80) }]);
  const shapeOf = (n: number) => udp(n % 300, { dport: n % 2 === 0 ? 80 : 81 });
  w.inject(Array.from({ length: 600 }, (_, n) => up(n * MS, 100, { shape: shapeOf(n) })));
  w.run(SECOND);
  expect(w.classOf('wan/up/web')).toMatchObject({ sent: 300, flows: 150 });
  expect(w.classOf('wan/up/default')).toMatchObject({ sent: 300, flows: 150 });
});

test('a flow is remembered while a packet of it waits, however long, and for its idle time after', () => {
  const slow = { rate: 5, burst: 1000 };
  const w = new World(shaper({ wan: { up: slow }, lan: { up: WIDE } }));
  // The second packet waits 200 s; other traffic moves the sweeping hand all the time.
  w.inject([up(0, 1000), up(0, 1000)]);
  w.inject(Array.from({ length: 400 }, (_, n) => up(n * SECOND, 100, { ifIndexOut: 2, shape: udp(2) })));
  const flowsAt = [150, 199, 255, 300].map((second) => {
    w.run(second * SECOND);
    return w.classOf('wan/up/default').flows;
  });
  // Seen at 0, answered at 200 s: forgotten by the sweep after that.
  expect(flowsAt).toEqual([1, 1, 0, 0]);
});

describe('a packet that shows ports of a bridge', () => {
  const [BRIDGE, PORT, OTHER, LAN] = [2, WAN, 7, 3];
  const spec = shaper({ wan: { up: WIDE, down: WIDE }, bridge: { down: WIDE }, lan: { up: WIDE } });
  const atPorts = (sharesChains: boolean): World => {
    const surroundings = { readByOthers: new Set<number>(), sharesChains, ports: new Map([['wan0', 'br0']]) };
    return new World(spec, { plan: planQueues(spec, undefined, surroundings) });
  };
  const switched = { ifIndexIn: BRIDGE, ifIndexOut: BRIDGE, portIn: OTHER, portOut: PORT };
  const routed = { ifIndexIn: BRIDGE, ifIndexOut: LAN, portIn: PORT };

  test('crosses these and not the bridge, where rules in hooks of IP have queued it for a port', () => {
    const arrivals = [switched, routed, { ...routed, portIn: OTHER }, { ...switched, portIn: PORT }];
    expect(classesOf(atPorts(true), arrivals)).toEqual([
      'wan/up/default',
      'wan/down/default,lan/up/default',
      'bridge/down/default,lan/up/default',
      'wan/up/default,wan/down/default',
    ]);
  });

  test('crosses the bridge alone where its ports have had it already, and where no port is shaped', () => {
    const expected = ['bridge/down/default', 'bridge/down/default,lan/up/default'];
    expect(classesOf(atPorts(false), [switched, routed])).toEqual(expected);
    expect(classesOf(new World(spec), [switched, routed])).toEqual(expected);
  });

  test('is no stray packet where it answers what the port paces', () => {
    const PACE = { activeBytesPerSec: 100, ageNs: SECOND, delayNs: 100 * MS };
    const paced = shaper({ wan: { up: { ...WIDE, leaves: [{ name: 'a', pace: PACE }] } } });
    const surroundings = {
      ...{ readByOthers: new Set<number>(), sharesChains: true, ports: new Map([['wan0', 'br0']]) },
    };
    const w = new World(paced, { plan: planQueues(paced, undefined, surroundings) });
    const answers = [{ ...routed }, { ...switched, portIn: PORT, portOut: OTHER }];
    expect(classesOf(w, answers)).toEqual(['', '']);
    expect(w.totals.unmatchedPackets).toBe(0);
    expect(classesOf(w, [{ ...routed, portIn: OTHER }])).toEqual(['']);
    expect(w.totals.unmatchedPackets).toBe(1);
  });

  test('does so from the plan on that says so, with the flows of before', () => {
    const w = new World(spec);
    expect(classesOf(w, [switched])).toEqual(['bridge/down/default']);
    w.engine.intake.usePlan(atPorts(true).engine.told.plan);
    expect(classesOf(w, [switched])).toEqual(['wan/up/default']);
    w.engine.intake.usePlan(atPorts(false).engine.told.plan);
    expect(classesOf(w, [switched])).toEqual(['bridge/down/default']);
  });
});
