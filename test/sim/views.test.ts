/** Flows and hosts of the real engine in virtual time: rates, totals and delays are exact. */
import { expect, test } from 'vitest';
import { FLOWS, HOSTS } from '../../src/control/routes/views.ts';
import { IPPROTO_TCP } from '../../src/packet/tcp-header.ts';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { removeClass } from './class-edits.ts';
import { ViewedWorld } from './viewed.ts';
import { CLIENT, MS, repeat, SECOND, SERVER, shaper, udp, up } from './world.ts';

const WIDE = { rate: 1e9, burst: 1e6 };
const bulk = { name: 'bulk', match: [{ dport: [{ from: 6000, to: 6999 }] }] };

/** Packets to the client. */
const down = (sport: number) => ({
  ifIndexIn: 1,
  ifIndexOut: 99,
  shape: udp(0, { src: SERVER, dst: CLIENT, sport, dport: 9 }),
});

test('rates over 1, 10 and 60 s are those of the bytes that were sent', async () => {
  const world = new ViewedWorld(shaper({ wan: { up: WIDE } }));
  // 1000 bytes every 10 ms are 800 kbit/s. The second flow begins 5 s before the end.
  world.injectAll(
    repeat(7000, 10 * MS, (t) => up(t, 1000), 5 * MS),
    repeat(500, 10 * MS, (t) => up(t, 2000, { shape: udp(2) }), 65 * SECOND + 5 * MS),
  );
  world.runSeconds(70);
  const { flows, total } = await world.views.flows({});
  expect(total).toBe(2);
  expect(flows).toMatchObject([
    {
      ...{ protocol: 'udp', src: '10.0.0.1', sport: 1002, dst: '192.0.2.1', dport: 5000 },
      ...{ classes: ['wan/up/default'], packets: 500, bytes: 1_000_000, bitsPerSecond: 1_600_000 },
      rates: { over1s: 1_600_000, over10s: 800_000 },
    },
    {
      ...{
        sport: 1001,
        packets: 7000,
        bytes: 7_000_000,
        bitsPerSecond: 800_000,
        backlogBytes: 0,
        dropped: 0,
      },
      ...{ rates: { over1s: 800_000, over10s: 800_000, over60s: 800_000 } },
    },
  ]);
  // To a tick of 67 ms.
  expect(flows[1]!.ageSeconds).toBeCloseTo(70, 0);
  // The flow of 1,000,000 bytes began within the window, which is 60 to 65 s.
  expect(flows[0]!.rates.over60s).toBeGreaterThanOrEqual(8e6 / 65);
  expect(flows[0]!.rates.over60s).toBeLessThanOrEqual(Math.ceil(8e6 / 60));
});

test('a rate falls to 0 when nothing comes any more, though no batch moves the clock of the packets', async () => {
  const world = new ViewedWorld(shaper({ wan: { up: WIDE } }));
  world.inject(repeat(100, 10 * MS, (t) => up(t, 1000), 5 * MS));
  world.runSeconds(1);
  expect((await world.views.flows({})).flows[0]!.bitsPerSecond).toBe(800_000);
  world.runSeconds(20);
  const { flows } = await world.views.flows({});
  expect(flows[0]).toMatchObject({ rates: { over1s: 0, over10s: 0, over60s: 40_000 }, idleSeconds: 19 });
});

test('a flow that takes the row of another begins anew, and the hosts keep the totals of both', async () => {
  const world = new ViewedWorld(shaper({ wan: { up: WIDE } }));
  const other = udp(2, { src: ipv4(10, 0, 0, 2) });
  world.injectAll(
    repeat(100, 10 * MS, (t) => up(t, 1000), 5 * MS),
    repeat(3000, 100 * MS, (t) => up(t, 100, { shape: other }), 150 * SECOND + 5 * MS),
    [up(125 * SECOND, 100, { shape: udp(3) })],
  );
  world.runSeconds(152);
  const { flows } = await world.views.flows({ host: '10.0.0.2' });
  expect(flows).toMatchObject([{ packets: 20, bytes: 2000, rates: { over10s: 1600 } }]);
  const { hosts } = await world.views.hosts({});
  expect(hosts).toMatchObject([
    { id: '10.0.0.2', up: { packets: 20, bytes: 2000 }, flows: 1, lastSeen: '1970-01-01T00:02:31.905Z' },
    { id: '10.0.0.1', up: { packets: 101, bytes: 100_100 }, flows: 1, lastSeen: '1970-01-01T00:02:05.000Z' },
  ]);
});

test('hosts are sources in up and destinations in down, whatever the number of their flows', async () => {
  const world = new ViewedWorld(shaper({ wan: { up: WIDE, down: WIDE } }));
  world.injectAll(
    repeat(300, 10 * MS, (t, n) => up(t, 100, { shape: udp(n % 3) }), 5 * MS),
    repeat(300, 10 * MS, (t, n) => up(t, 1500, down(n % 2)), 5 * MS),
  );
  world.runSeconds(3);
  const { hosts, total, forgotten } = await world.views.hosts({});
  expect({ total, forgotten }).toEqual({ total: 1, forgotten: 0 });
  expect(hosts).toMatchObject([
    {
      ...{ id: '10.0.0.1', addresses: ['10.0.0.1'], name: '', macs: [], quotas: [], flows: 5 },
      up: { packets: 300, bytes: 30_000, bitsPerSecond: 80_000, dropped: 0 },
      down: { packets: 300, bytes: 450_000, bitsPerSecond: 1_200_000, dropped: 0 },
    },
  ]);
});

test('each of two links has an inside; a flow counts for the host of the one that stands first in the file', async () => {
  const world = new ViewedWorld(shaper({ wan: { up: WIDE }, lan: { down: WIDE } }));
  world.inject(repeat(10, MS, (t) => up(t, 100, { ifIndexIn: 2, ifIndexOut: 1 })));
  world.runSeconds(1);
  const { flows } = await world.views.flows({});
  expect(flows[0]!.classes).toEqual(['lan/down/default', 'wan/up/default']);
  expect((await world.views.hosts({})).hosts).toMatchObject([
    { id: '10.0.0.1', flows: 1, up: { bytes: 1000 } },
    { id: '192.0.2.1', flows: 0, down: { bytes: 1000 } },
  ]);
});

test('drops and delays, of flows and of their hosts', async () => {
  // 1000 bytes take 8 ms; 5 wait at a time and the rest is dropped.
  const tree = { rate: 125_000, burst: 1000, leaves: [{ name: 'default', limitPackets: 5 }] };
  const world = new ViewedWorld(shaper({ wan: { up: tree } }));
  world.inject(repeat(2000, 4 * MS, (t) => up(t, 1000)));
  world.runSeconds(7);
  const { flows } = await world.views.flows({});
  const { hosts } = await world.views.hosts({});
  expect(flows[0]!.packets + flows[0]!.dropped + flows[0]!.backlogBytes / 1000).toBe(1751);
  // 32 to 40 ms, in a bin of half an octave.
  expect(flows[0]!.delayMilliseconds!.p50).toBeGreaterThan(25);
  expect(flows[0]!.delayMilliseconds!.p50).toBeLessThan(45);
  expect(flows[0]!.recentDelayMilliseconds).toEqual(flows[0]!.delayMilliseconds);
  expect(hosts[0]).toMatchObject({
    up: { dropped: flows[0]!.dropped, packets: flows[0]!.packets },
    delayMilliseconds: flows[0]!.delayMilliseconds,
    recentDelayMilliseconds: flows[0]!.delayMilliseconds,
  });
  world.runSeconds(40);
  const later = (await world.views.flows({})).flows[0]!;
  expect(later.recentDelayMilliseconds).toBeNull();
  expect(later.delayMilliseconds!.p50).toBe(flows[0]!.delayMilliseconds!.p50);
  expect((await world.views.hosts({})).hosts[0]!.delayMilliseconds).not.toBeNull();
});

test('flows by class, host, order and number', async () => {
  const world = new ViewedWorld(shaper({ wan: { up: { ...WIDE, leaves: [bulk] }, down: WIDE } }));
  const lists = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => {
    const shape = udp(n, { src: ipv4(10, 0, n % 3, n), dport: n % 2 ? 6000 : 80, protocol: IPPROTO_TCP });
    return repeat(n, MS, (t) => up(t, 100 * n, { shape }), (10 - n) * MS);
  });
  world.injectAll(...lists);
  world.runSeconds(1);
  const ports = async (query: object): Promise<number[]> =>
    (await world.views.flows(query)).flows.map(({ sport }) => sport - 1000);
  expect(await ports({ sort: 'bytes' })).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  expect(await ports({ sort: 'rate', limit: 2 })).toEqual([9, 8]);
  expect((await world.views.flows({ limit: 2 })).total).toBe(9);
  expect(await ports({ class: 'wan/up/bulk', limit: 3 })).toEqual([9, 7, 5]);
  expect(await ports({ class: 'wan/up' })).toHaveLength(9);
  expect(await ports({ class: 'wan/down' })).toEqual([]);
  expect(await ports({ host: '10.0.1.0/24' })).toEqual([7, 4, 1]);
  expect(await ports({ host: '192.0.2.1', class: 'wan/up/bulk' })).toHaveLength(5);
  expect(await ports({ host: 'fd00::/8' })).toEqual([]);
  await expect(world.views.flows({ class: 'wan/up/bukl' })).rejects.toMatchObject({
    ...{ status: 404, where: 'query.class', hint: 'did you mean wan/up/bulk?' },
  });
  await expect(world.views.flows({ host: 'me' })).rejects.toMatchObject({ status: 400, where: 'query.host' });
});

test('classes that change are named rightly at once, and totals of hosts go on', async () => {
  const spec = shaper({ wan: { up: { ...WIDE, leaves: [bulk] }, down: WIDE } });
  const world = new ViewedWorld(spec);
  const shape = udp(1, { dport: 6000 });
  world.injectAll(
    repeat(400, 10 * MS, (t) => up(t, 100, { shape }), 5 * MS),
    repeat(400, 10 * MS, (t) => up(t, 100, down(1)), 5 * MS),
  );
  world.runSeconds(2);
  const edited = removeClass(spec, 'wan/up/bulk');
  world.engine.reconfigure(world.port, { ...edited, deviceIndexes: new Map([['wan0', 1]]) }, world.nowNs);
  const { flows } = await world.views.flows({});
  expect(flows.map(({ classes }) => classes)).toEqual([['wan/up'], ['wan/down/default']]);
  world.runSeconds(4);
  expect((await world.views.hosts({})).hosts).toMatchObject([
    { id: '10.0.0.1', up: { bytes: 40_000 }, down: { bytes: 40_000 } },
  ]);
});

test('a sample is left out if classes have changed since its snapshot, but not for long', async () => {
  const spec = shaper({ wan: { up: { ...WIDE, leaves: [bulk] }, down: WIDE } });
  const world = new ViewedWorld(spec);
  world.inject(repeat(600, 10 * MS, (t) => up(t, 100, down(1)), 5 * MS));
  const stale = world.snapshot();
  const edited = removeClass(spec, 'wan/up/bulk');
  world.engine.reconfigure(world.port, { ...edited, deviceIndexes: new Map([['wan0', 1]]) }, 0);
  const counts: number[] = [];
  for (let second = 1; second <= 3; second++) {
    world.nowNs = second * SECOND;
    world.run(world.nowNs);
    world.views.sample({ ...stale, takenNs: world.nowNs });
    counts.push(world.views.hostCount);
  }
  expect(counts).toEqual([0, 0, 1]);
  expect((await world.views.hosts({})).hosts).toMatchObject([{ id: '10.0.0.1', down: { bytes: 30_000 } }]);
});

test('the reports have the shapes that are described', async () => {
  const world = new ViewedWorld(shaper({ wan: { up: WIDE } }));
  world.inject(repeat(10, MS, (t) => up(t, 100)));
  world.runSeconds(1);
  const [flows, hosts] = [await world.views.flows({}), await world.views.hosts({})];
  expect(FLOWS.check(flows, 'flows')).toEqual(flows);
  expect(HOSTS.check(hosts, 'hosts')).toEqual(hosts);
});
