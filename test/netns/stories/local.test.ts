/** Traffic of this host itself: packets of exempt ports are not dropped, and starve nobody. */
import { expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  type Host,
  iperfTcp,
  OUTSIDE,
  packetsUnaccounted,
  ping,
  sendUdp,
  sleep,
  startSink,
  useLab,
  useShapers,
} from '../harness.ts';

describeNetns('local.exempt', () => {
  const world = useLab();
  const start = useShapers(world);
  /** The router, as the server sees it. */
  const outside = (): Host => ({ ...world.lab.router, addresses: OUTSIDE });

  it('four uploads to the SSH port leave the line to pings through it, and hold no more than the limit', async () => {
    const { client, router, server } = world.lab;
    const shaper = await start('links: { wan: { device: wan0, up: 100mbit, down: 2mbit } }');
    const listener = router.spawn(['iperf3', '-s', '-1', '-p', '22', '--forceflush']);
    await new Promise((resolve) => listener.stdout?.once('data', resolve));
    const uploads = server.spawn(['iperf3', '-c', OUTSIDE.v4, '-p', '22', '-P', '4', '-t', '60']);
    await sleep(1000);
    const before = await shaper.status();
    const pings = ping(client, server, { count: 100, intervalMs: 50 });
    let heldBytes = 0;
    for (let n = 0; n < 4; n++) {
      await sleep(800);
      heldBytes = Math.max(heldBytes, (await shaper.status()).totals.held.bytes);
    }
    const { received } = await pings;
    const after = await shaper.status();
    for (const child of [uploads, listener]) child.kill('SIGKILL');
    const bytes = classOf(after, 'wan/down').sent.bytes - classOf(before, 'wan/down').sent.bytes;
    expect(received).toBeGreaterThanOrEqual(98);
    // The limit of the class is 30 kB. The other direction holds next to nothing.
    expect(heldBytes).toBeLessThan(33_000);
    const bitsPerSec = (8 * bytes) / (after.uptimeSeconds - before.uptimeSeconds);
    expect(bitsPerSec / 2e6).toBeGreaterThan(0.9);
    expect(packetsUnaccounted(after)).toBe(0);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('a session within its share loses nothing beside a flood that fills its queue, and has no policer', async () => {
    const { server } = world.lab;
    const shaper = await start(`
links:
  wan:
    device: wan0
    up: 100mbit
    down:
      rate: 2mbit
      classes: { all: { police: { rate: 1990kbit }, queue: { discipline: fifo, limit: 30kB } } }
`);
    // 5 % are 100 kbit/s. A session of 40 kbit/s in 50 packets a second takes 60 with its headers.
    const flood = sendUdp(server, outside(), { port: 9, seconds: 6, lengthBytes: 1000, rateBitsPerSec: 8e6 });
    await sleep(500);
    const session = { port: 22, seconds: 4, rateBitsPerSec: 40_000, writeBytes: 100 };
    const { retransmits, receivedBytes } = await iperfTcp(server, outside(), session);
    await flood;
    const all = classOf(await shaper.status(), 'wan/down/all');
    expect(retransmits).toBe(0);
    expect(receivedBytes).toBeGreaterThan(15_000);
    expect(all.dropped.police).toBeGreaterThan(1000);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('beyond the share packets are like any other, and charged in any case', async () => {
    const { router, server } = world.lab;
    const shaper = await start(`
links:
  wan:
    device: wan0
    down: { rate: 100mbit, classes: { ssh: { match: { dport: 22 }, police: { rate: 64kbit } } } }
`);
    await iperfTcp(server, outside(), { port: 22, seconds: 2 });
    const ssh = classOf(await shaper.status(), 'wan/down/ssh');
    // 5 Mbit/s are exempt, after a burst of a second's worth; the policer leaves hardly more.
    expect(ssh.sent.bytes).toBeGreaterThan(625_000);
    expect(ssh.sent.bytes).toBeLessThan(625_000 * 5);
    expect(ssh.dropped.police).toBeGreaterThan(0);
    // The bucket is empty, as the connection was charged: hardly a datagram to the same port passes.
    const sink = await startSink(router, { port: 22 });
    await sendUdp(server, outside(), { port: 22, count: 50, lengthBytes: 1000 });
    const { packets } = await sink.stop();
    expect(packets).toBeLessThan(25);
    const after = classOf(await shaper.status(), 'wan/down/ssh');
    expect(after.dropped.police - ssh.dropped.police).toBeGreaterThanOrEqual(50 - packets);
    expect((await shaper.stop()).code).toBe(0);
  });
});
