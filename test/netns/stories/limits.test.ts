/**
 * What each kind of limit does to packets: drop at once, queue, drop early, delay one flow and not another.
 */
import { expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  packetsUnaccounted,
  ping,
  sendUdp,
  udpTransfer,
  useLab,
  useShapers,
} from '../harness.ts';

const PORT = 7001;

describeNetns('limits', () => {
  const world = useLab();
  const start = useShapers(world);

  it('police drops at once: burst and rate pass, nothing ever waits', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links:
  wan:
    device: wan0
    up: { rate: 10gbit, classes: { policed: { match: { dport: ${PORT} }, police: { rate: 1mbit, burst: 20kB } } } }
`);
    const { sent, received } = await udpTransfer(client, server, {
      port: PORT,
      seconds: 2,
      lengthBytes: 1000,
      rateBitsPerSec: 5e6,
    });
    const status = await shaper.status();
    const policed = classOf(status, 'wan/up/policed');
    expect(policed.sent).toEqual({ packets: received.packets, bytes: received.bytes });
    const ofNothingElse = { tail: 0, early: 0, aqm: 0, module: 0 };
    expect(policed.dropped).toEqual({ ...ofNothingElse, police: sent.packets - received.packets });
    expect(packetsUnaccounted(status)).toBe(0);
    // Packets are read some moments after they were sent, hence the tolerance of 50 ms.
    const seconds = (sent.lastNs - sent.firstNs) / 1e9;
    expect(received.bytes).toBeLessThanOrEqual(20_000 + (1e6 / 8) * (seconds + 0.05));
    expect(received.bytes).toBeGreaterThan(0.9 * (20_000 + (1e6 / 8) * seconds));
    // What waits for a policer of this rate would wait for 8 ms and more.
    expect(policed.delayMicroseconds.p99).toBeLessThan(1000);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('a full queue drops what comes last, and lets the others go in order and in time', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links:
  wan:
    device: wan0
    up: { rate: 1mbit, burst: 2kB, classes: { short: { queue: { discipline: fifo, limit: 20p } } } }
`);
    const { received } = await udpTransfer(client, server, { port: PORT, count: 100, lengthBytes: 1000 });
    const { sent, dropped } = classOf(await shaper.status(), 'wan/up/short');
    // 2 packets of burst pass at once and 20 wait; a slow generator finds room for some more.
    expect(received.packets).toBeGreaterThanOrEqual(22);
    expect(received.packets).toBeLessThan(60);
    expect(sent.packets).toBe(received.packets);
    const ofNothingElse = { early: 0, police: 0, aqm: 0, module: 0 };
    expect(dropped).toEqual({ ...ofNothingElse, tail: 100 - received.packets });
    expect(received.reordered).toBe(0);
    // 20 packets of 8 ms: no packet that waited behind 19 others can have come earlier.
    expect(received.delayNs!.max).toBeGreaterThan(150e6);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('RED drops early and keeps the queue short where tail drop lets it fill', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links:
  wan:
    device: wan0
    up:
      rate: 100mbit
      classes:
        tail: { ceil: 4mbit, match: { dport: 7001 }, queue: { discipline: fifo, limit: 150kB } }
        red:
          ceil: 4mbit
          match: { dport: 7002 }
          queue: { discipline: fifo, limit: 150kB, aqm: { red: { min: 10kB, max: 30kB, weight: 0.02 } } }
`);
    const load = { seconds: 2, lengthBytes: 1000, rateBitsPerSec: 6e6 };
    const transfers = [7001, 7002].map((port) => udpTransfer(client, server, { port, ...load }));
    const received = (await Promise.all(transfers)).map((transfer) => transfer.received);
    const status = await shaper.status();
    const [tail, red] = [classOf(status, 'wan/up/tail'), classOf(status, 'wan/up/red')];
    expect([tail, red].map((c) => c.sent.packets)).toEqual(received.map((r) => r.packets));
    expect(tail.dropped.early).toBe(0);
    expect(tail.dropped.tail).toBeGreaterThan(0);
    expect(red.dropped.early).toBeGreaterThan(0);
    expect(red.dropped.tail).toBe(0);
    expect(red.delayMicroseconds.p50).toBeLessThan(tail.delayMicroseconds.p50 / 2);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('each by flow delays and drops of the flow that is too fast, not of the one beside it', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links:
  wan:
    device: wan0
    up:
      rate: 100mbit
      classes: { every: { match: { dport: [7001, 7002] }, each: { by: flow, rate: 2mbit }, queue: { discipline: fifo, limit: 100kB } } }
`);
    const common = { seconds: 2, lengthBytes: 500 };
    const [fast, slow] = await Promise.all([
      udpTransfer(client, server, { port: 7001, rateBitsPerSec: 6e6, ...common }),
      udpTransfer(client, server, { port: 7002, rateBitsPerSec: 0.8e6, ...common }),
    ]);
    const every = classOf(await shaper.status(), 'wan/up/every');
    expect(every.sent.packets).toBe(fast.received.packets + slow.received.packets);
    expect(every.dropped.tail).toBe(fast.sent.packets - fast.received.packets);
    // The fast one filled the queue they share; the slow one was neither dropped nor made to wait for it.
    expect(every.dropped.tail).toBeGreaterThan(500);
    expect(slow.received.packets).toBe(slow.sent.packets);
    expect(fast.bitsPerSec / 2e6).toBeGreaterThan(0.9);
    expect(fast.bitsPerSec / 2e6).toBeLessThan(1.1);
    expect(fast.received.reordered + slow.received.reordered).toBe(0);
    // 100 kB at the 6 Mbit/s at which packets come, and sooner or later leave or are dropped, are 133 ms.
    expect(fast.received.delayNs!.p50).toBeGreaterThan(100e6);
    expect(slow.received.delayNs!.p90).toBeLessThan(fast.received.delayNs!.p50 / 4);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('ICMP has its class and its police; its errors are never policed', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links:
  wan:
    device: wan0
    up: 100mbit
    down: { rate: 100mbit, classes: { icmp: { match: { proto: icmp }, police: { rate: 8kbit, burst: 1500B } } } }
`);
    // Echo replies of 84 (IPv4) and 104 bytes against a bucket of 1500 that gets 1000 a second.
    const v4 = await ping(client, server, { family: 4, count: 60, intervalMs: 5, waitMs: 300 });
    const v6 = await ping(client, server, { family: 6, count: 60, intervalMs: 5, waitMs: 300 });
    const echo = classOf(await shaper.status(), 'wan/down/icmp');
    expect(v4.received).toBeGreaterThanOrEqual(14);
    expect(v4.received).toBeLessThan(30);
    expect(v6.received).toBeLessThan(30);
    expect(echo.sent.packets).toBe(v4.received + v6.received);
    expect(echo.dropped.police).toBe(120 - echo.sent.packets);

    await server.exec(['sysctl', '-q', '-w', 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0']);
    const closed = { port: 9, count: 40, rateBitsPerSec: 1e6, lengthBytes: 500 };
    await sendUdp(client, server, { family: 4, ...closed });
    await sendUdp(client, server, { family: 6, ...closed });
    const errors = classOf(await shaper.status(), 'wan/down/icmp');
    expect(errors.sent.packets - echo.sent.packets).toBe(80);
    expect(errors.dropped.police).toBe(echo.dropped.police);
    expect((await shaper.stop()).code).toBe(0);
  });
});
