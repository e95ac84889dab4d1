/** Load, full queues, and other programs that meddle: what is lost is counted, and the program goes on. */
import { expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  iperfTcp,
  packetsUnaccounted,
  pause,
  type RunningShaper,
  type Status,
  sendUdp,
  startSink,
  udpTransfer,
  until,
  useLab,
  useShapers,
} from '../harness.ts';

const PORT = 7001;

async function drained(shaper: RunningShaper): Promise<Status> {
  await until('nothing is held', async () => (await shaper.status()).totals.held.packets === 0, 60_000);
  return shaper.status();
}

describeNetns('trouble', () => {
  const world = useLab();
  const start = useShapers(world);

  it('received = accepted + dropped + held + lost whenever it is read, under load of every kind; SIGHUP reloads', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links:
  wan:
    device: wan0
    up:
      rate: 20mbit
      classes:
        policed: { match: { dport: 7001 }, police: { rate: 2mbit } }
        hosts:   { match: { dport: 7002 }, each: { by: host, rate: 1mbit } }
        early:   { match: { dport: 7003 }, ceil: 4mbit, queue: { aqm: red } }
    down: 50mbit
`);
    const udp = [7001, 7002, 7003].map((port) =>
      sendUdp(client, server, {
        port,
        seconds: 4,
        lengthBytes: 700,
        rateBitsPerSec: 8e6,
        flows: 50,
        hosts: 10,
      }),
    );
    const load = Promise.all([...udp, iperfTcp(client, server, { port: 5201, seconds: 4, parallel: 2 })]);
    const statuses: Status[] = [];
    while (statuses.length < 20) {
      statuses.push(await shaper.status());
      if (statuses.length === 5) shaper.child.kill('SIGHUP');
    }
    await load;
    statuses.push(await drained(shaper));
    expect(statuses.map(packetsUnaccounted)).toEqual(Array(21).fill(0));
    await shaper.logged('reload applied');
    const paths = statuses.map((status) => status.classes.map(({ path }) => path).join(' '));
    expect(new Set(paths)).toEqual(
      new Set(['wan/up wan/up/policed wan/up/hosts wan/up/early wan/up/default wan/down wan/down/default']),
    );
    expect(statuses.filter(({ totals }) => totals.held.packets > 0).length).toBeGreaterThan(0);
    for (const [i, { totals, uptimeSeconds }] of statuses.entries()) {
      const before = statuses[i - 1];
      expect(totals.received.packets).toBeGreaterThanOrEqual(before?.totals.received.packets ?? 0);
      expect(uptimeSeconds).toBeGreaterThan(before?.uptimeSeconds ?? 0);
    }
    const { classes, totals: last } = statuses.at(-1)!;
    expect(last.received.bytes).toBe(last.accepted.bytes + last.dropped.bytes);
    const [up, down] = ['wan/up', 'wan/down'].map((path) => classes.find((c) => c.path === path)!);
    expect(up!.sent.packets + down!.sent.packets).toBe(last.accepted.packets);
    expect(Object.values(up!.dropped).reduce((a, b) => a + b)).toBe(last.dropped.packets);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('somebody deletes a base chain while packets wait: they are lost and counted, later ones are shaped', async () => {
    const { client, router, server } = world.lab;
    const shaper = await start(
      'links: { wan: { device: wan0, up: { rate: 400kbit, classes: { default: { queue: { discipline: fifo, limit: 500p } } } } } }',
    );
    await router.exec([
      'nft',
      'add table inet other; add chain inet other c { type filter hook input priority 0; }',
    ]);
    const first = await startSink(server, { port: PORT, waitMs: 30_000, idleMs: 3000 });
    await sendUdp(client, server, { port: PORT, count: 60, lengthBytes: 1000 });
    await router.exec(['nft', 'delete', 'table', 'inet', 'other']);
    expect(packetsUnaccounted(await shaper.status())).toBe(0);
    const status = await drained(shaper);
    expect(packetsUnaccounted(status)).toBe(0);
    const { accepted, dropped, kernel } = status.totals;
    expect(dropped.packets).toBe(0);
    expect(kernel.lost).toBeGreaterThan(10);
    expect(classOf(status, 'wan/up/default').sent.packets).toBe(60 - kernel.lost);
    expect(accepted.packets).toBe(60 - kernel.lost);
    expect((await first.stop()).packets).toBe(60 - kernel.lost);

    const later = await udpTransfer(client, server, { port: PORT, count: 50, lengthBytes: 1000 });
    expect(later.received).toMatchObject({ packets: 50, reordered: 0 });
    // 47 packets of 20 ms follow the burst.
    expect(later.received.lastNs - later.received.firstNs).toBeGreaterThan(900e6);
    expect(packetsUnaccounted(await shaper.status())).toBe(0);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('a full kernel queue drops, the status says how many, and nothing else suffers', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links: { wan: { device: wan0, up: { rate: 1mbit, classes: { default: { queue: { discipline: fifo, limit: 1000p } } } } } }
nfqueue: { length: 50 }
`);
    const { received } = await udpTransfer(client, server, { port: PORT, count: 300, lengthBytes: 500 });
    const { totals } = await drained(shaper);
    expect(received.packets).toBe(totals.accepted.packets);
    expect(totals.received.packets).toBeGreaterThanOrEqual(50);
    expect(totals.kernel).toEqual({ queueFull: 300 - totals.received.packets, socketFull: 0, lost: 0 });
    expect(totals.kernel.queueFull).toBeGreaterThan(100);
    const again = await udpTransfer(client, server, { port: PORT, count: 40, lengthBytes: 500 });
    expect(again.received.packets).toBe(40);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('stopped for a while and continued, it finds what waited and shapes on', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links: { wan: { device: wan0, up: { rate: 2mbit, classes: { default: { queue: { discipline: fifo, limit: 1000p } } } } } }
nfqueue: { length: 200 }
`);
    const sink = await startSink(server, { port: PORT, waitMs: 30_000, idleMs: 1000 });
    const goOn = pause(shaper.child);
    await sendUdp(client, server, { port: PORT, count: 500, lengthBytes: 1000, rateBitsPerSec: 8e6 });
    goOn();
    const received = await sink.finished();
    const { totals } = await drained(shaper);
    expect(received).toMatchObject({ packets: 200, reordered: 0 });
    expect(totals.received.packets).toBe(200);
    expect(totals.kernel).toEqual({ queueFull: 300, socketFull: 0, lost: 0 });
    // The pause earned no more than the burst: the rest came at the rate, 4 ms a packet.
    expect(received.lastNs - received.firstNs).toBeGreaterThan(150 * 4e6);
    expect((await shaper.stop()).code).toBe(0);
  });
});
