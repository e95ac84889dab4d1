/**
 * What the program says it sent is what the receiver saw, whichever way a packet takes through the router.
 */
import { expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  type Host,
  OUTSIDE,
  packetsUnaccounted,
  ping,
  udpTransfer,
  until,
  useLab,
  useShapers,
} from '../harness.ts';

const PACKETS = 200;
const LENGTH = 400;

describeNetns('counting', () => {
  const world = useLab();
  const start = useShapers(world);

  it('counts every packet once, in its class: forwarded both ways, to the router and from it, IPv4 and IPv6', async () => {
    const { client, router, server } = world.lab;
    /** The router as the server reaches it: by its outer address. */
    const outside: Host = { ...router, addresses: OUTSIDE };
    const ways = [
      { name: 'forwarded-up', from: client, to: server, direction: 'up' },
      { name: 'forwarded-down', from: server, to: client, direction: 'down' },
      { name: 'local-output', from: router, to: server, direction: 'up' },
      { name: 'local-input', from: server, to: outside, direction: 'down' },
    ].flatMap((way) => [4, 6].map((family) => ({ ...way, name: `${way.name}-v${family}`, family })));
    const classes = (direction: string): string =>
      ways
        .map((way, i) =>
          way.direction === direction ? `${way.name}: { match: { dport: ${7000 + i} } }` : '',
        )
        .filter(Boolean)
        .join(', ');
    const shaper = await start(`
links:
  wan:
    device: wan0
    up:   { rate: 100mbit, classes: { ${classes('up')} } }
    down: { rate: 100mbit, classes: { ${classes('down')} } }
`);
    const transfers = await Promise.all(
      ways.map(({ from, to, family }, i) =>
        udpTransfer(from, to, {
          port: 7000 + i,
          family: family as 4 | 6,
          count: PACKETS,
          lengthBytes: LENGTH,
          rateBitsPerSec: 2e6,
          idleMs: 300,
        }),
      ),
    );
    const status = await shaper.status();
    for (const [i, way] of ways.entries()) {
      const { sent, received } = transfers[i]!;
      expect(sent.packets, way.name).toBe(PACKETS);
      expect(received, way.name).toMatchObject({ packets: PACKETS, bytes: PACKETS * LENGTH, reordered: 0 });
      expect(classOf(status, `wan/${way.direction}/${way.name}`).sent, way.name).toEqual({
        packets: received.packets,
        bytes: received.bytes,
      });
    }
    const all = { packets: 8 * PACKETS, bytes: 8 * PACKETS * LENGTH };
    const none = { packets: 0, bytes: 0 };
    expect(status.totals).toEqual({
      received: all,
      accepted: all,
      dropped: none,
      held: none,
      kernel: { queueFull: 0, socketFull: 0, lost: 0 },
    });
    for (const direction of ['up', 'down']) {
      expect(classOf(status, `wan/${direction}`).sent.packets).toBe(4 * PACKETS);
      expect(classOf(status, `wan/${direction}/default`).sent.packets).toBe(0);
    }
    expect((await shaper.stop()).code).toBe(0);
  });

  it('counts a packet that crosses two shaped links once in the totals and once in each class', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links:
  lan:
    device: lan0
    up: { rate: 50mbit, classes: { answers: { match: { proto: icmp } } } }
    down: { rate: 50mbit, classes: { in: { match: { dport: 7001 } } } }
  wan:
    device: wan0
    up: { rate: 20mbit, classes: { out: { match: { dport: 7001 }, queue: { discipline: fifo } } } }
    down: 50mbit
`);
    // Over the slower link's rate: packets wait in its tree, after they have passed the first one.
    const { sent, received } = await udpTransfer(client, server, {
      port: 7001,
      count: 2000,
      lengthBytes: 1000,
      rateBitsPerSec: 25e6,
    });
    const echo = await ping(client, server, { count: 5, intervalMs: 10 });
    expect(echo.received).toBe(5);
    const status = await shaper.status();
    const { totals } = status;
    expect(packetsUnaccounted(status)).toBe(0);
    expect(totals.received.packets).toBe(sent.packets + 10);
    expect(totals.accepted.packets).toBe(received.packets + 10);
    expect(classOf(status, 'wan/up/out').sent).toEqual({ packets: received.packets, bytes: received.bytes });
    expect(classOf(status, 'lan/down/in').sent).toEqual({ packets: sent.packets, bytes: sent.bytes });
    expect(classOf(status, 'wan/up/out').dropped.tail).toBe(sent.packets - received.packets);
    expect(received.reordered).toBe(0);
    expect(classOf(status, 'lan/up/answers').sent.packets).toBe(5);
    expect(classOf(status, 'wan/down/default').sent.packets).toBe(5);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('never queues multicast, broadcast and neighbour discovery', async () => {
    const { router, server } = world.lab;
    const shaper = await start('links: { wan: { device: wan0, up: 64kbit, down: 64kbit } }');
    for (const to of [['ff02::7777%wan0'], ['239.7.7.7', '-I', 'wan0'], ['10.77.2.255', '-b']]) {
      const command = ['ping', '-n', '-c', '3', '-i', '0.01', '-W', '0.1', ...to];
      expect((await router.exec(command, { check: false })).stdout).toContain('3 packets transmitted');
    }
    expect((await shaper.status()).totals.received.packets).toBe(0);
    // Nobody knows his neighbour: both ask and answer, besides the two packets of the ping.
    for (const host of [router, server]) await host.exec(['ip', 'neigh', 'flush', 'all']);
    await router.exec(['ping', '-n', '-c', '1', '-W', '3', server.addresses.v6]);
    expect((await shaper.status()).totals.received.packets).toBe(2);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('shows the present: the rate of the last second and the delays of the last ten', async () => {
    const { client, server } = world.lab;
    const shaper = await start(
      'links: { wan: { device: wan0, up: { rate: 20mbit, classes: { slow: { ceil: 2mbit, match: { dport: 7100 } } } } } }',
    );
    const slow = async () => classOf(await shaper.status(), 'wan/up/slow').recent;
    const transfer = udpTransfer(client, server, {
      port: 7100,
      seconds: 5,
      lengthBytes: 1000,
      rateBitsPerSec: 4e6,
    });
    let busy = await slow();
    await until('the last second has the rate of the class', async () => {
      busy = await slow();
      return Math.abs(busy.bitsPerSecond.over1s / 2e6 - 1) < 0.1;
    });
    await transfer;
    expect(busy.droppedPerSecond).toBeGreaterThan(10);
    expect(busy.delayMicroseconds!.p50).toBeGreaterThan(2000);
    await until('the last second is a quiet one', async () => (await slow()).bitsPerSecond.over1s === 0);
    expect((await slow()).bitsPerSecond.over10s).toBeGreaterThan(2e5);
    expect((await shaper.stop()).code).toBe(0);
  });
});
