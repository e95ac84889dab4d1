/** What happens to packets on their way: order, fragments, superpackets, every byte. */
import { expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  type Host,
  packetsUnaccounted,
  type Status,
  sendUdp,
  startSink,
  tcpTransfer,
  udpTransfer,
  until,
  useLab,
  useShapers,
} from '../harness.ts';

/** Datagrams of each family. */
const DATAGRAMS = 30;

/** Datagrams that the sender's kernel must send in fragments. */
async function sendDatagrams(from: Host, address: string, port: number, count: number): Promise<void> {
  const script = `
    const socket = require('node:dgram').createSocket('${address.includes(':') ? 'udp6' : 'udp4'}');
    const bytes = Buffer.alloc(4000, 'x');
    let left = ${count};
    const next = () => left-- > 0
      ? socket.send(bytes, ${port}, '${address}', () => setTimeout(next, 5)) : socket.close();
    next();`;
  await from.exec([process.execPath, '-e', script]);
}

function averageBytes(status: Status, path: string): number {
  const { sent } = classOf(status, path);
  return sent.bytes / sent.packets;
}

describeNetns('packets on their way', () => {
  const world = useLab();
  const start = useShapers(world);

  it('keep their order within a flow while they wait', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links:
  lan: { device: lan0, down: { rate: 8mbit, classes: { udp: { match: { proto: udp }, each: { by: host, rate: 3mbit } } } } }
  wan: { device: wan0, up: { rate: 4mbit, classes: { a: { match: { sport: 10000-10003 }, ceil: 2mbit } } } }
`);
    const load = { seconds: 1, lengthBytes: 600, rateBitsPerSec: 6e6, flows: 8, hosts: 2 };
    const transfers = await Promise.all([
      udpTransfer(client, server, { port: 7004, family: 4, ...load }),
      udpTransfer(client, server, { port: 7006, family: 6, ...load }),
    ]);
    const status = await shaper.status();
    for (const { received } of transfers) {
      expect(received).toMatchObject({ reordered: 0, flowCount: 8 });
      // They did wait: else this shows nothing.
      expect(received.delayNs!.p50).toBeGreaterThan(20e6);
    }
    const [v4, v6] = transfers;
    expect(status.totals.received.packets).toBe(v4!.sent.packets + v6!.sent.packets);
    expect(status.totals.accepted.packets).toBe(v4!.received.packets + v6!.received.packets);
    expect(packetsUnaccounted(status)).toBe(0);
    expect((await shaper.stop()).code).toBe(0);
  });

  it.each([
    { reassembled: false, packets: 3 },
    { reassembled: true, packets: 1 },
  ])(
    'in fragments belong to the class of the first (reassembled by connection tracking: $reassembled)',
    async ({ reassembled, packets }) => {
      const { client, router, server } = world.lab;
      if (reassembled) {
        const rule = 'add rule inet tracking pre ct state invalid drop';
        const chain = 'add chain inet tracking pre { type filter hook prerouting priority 0; }';
        await router.exec(['nft', `add table inet tracking; ${chain}; ${rule}`]);
      }
      const shaper = await start(`
links:
  wan:
    device: wan0
    up:
      rate: 20mbit
      classes: { v4: { match: { proto: udp, dport: 7014 }, ceil: 10mbit }, v6: { match: { proto: udp, dport: 7016 } } }
`);
      const receivedOf = async (family: 4 | 6): Promise<number> => {
        const port = 7010 + family;
        const sink = await startSink(server, { port });
        await sendDatagrams(client, server.addresses[`v${family}`], port, DATAGRAMS);
        await until('all have left', async () => (await shaper.status()).totals.held.packets === 0);
        // Not from the generator, so they count as foreign.
        return (await sink.stop()).foreign;
      };
      expect(await Promise.all([receivedOf(4), receivedOf(6)])).toEqual([DATAGRAMS, DATAGRAMS]);
      const status = await shaper.status();
      // The UDP header and 4000 bytes, in packets with an IP header each; in IPv6 fragments have one of their
      // own, too.
      const bytes = { v4: 4008 + packets * 20, v6: 4008 + packets * (reassembled ? 40 : 48) };
      for (const family of ['v4', 'v6'] as const) {
        const { sent } = classOf(status, `wan/up/${family}`);
        expect(sent, family).toEqual({ packets: packets * DATAGRAMS, bytes: bytes[family] * DATAGRAMS });
      }
      expect(classOf(status, 'wan/up/default').sent.packets).toBe(0);
      expect((await shaper.stop()).code).toBe(0);
    },
  );

  it('as superpackets come whole where the rate is fast enough, and every byte arrives', async () => {
    const { client, server } = world.lab;
    // `gso: auto`: 64 KB take 0.5 ms at 1 Gbit/s, but 2.6 ms at 200 Mbit/s.
    const shaper = await start('links: { wan: { device: wan0, up: 1gbit, down: 200mbit } }');
    const up = await tcpTransfer(client, server, { port: 5001, bytes: 20e6 });
    expect(up.received).toMatchObject(up.sent);
    const down = await tcpTransfer(server, client, { port: 5001, bytes: 10e6, family: 6 });
    expect(down.received).toMatchObject(down.sent);
    const status = await shaper.status();
    expect(averageBytes(status, 'wan/up')).toBeGreaterThan(4000);
    // What comes back of acknowledgements makes the average smaller, never larger than the MTU.
    expect(averageBytes(status, 'wan/down')).toBeLessThanOrEqual(1500);
    expect(packetsUnaccounted(status)).toBe(0);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('as superpackets pass where they are longer than burst and limit', async () => {
    const { client, server } = world.lab;
    const shaper = await start(`
links: { wan: { device: wan0, up: { rate: 30mbit, classes: { all: { queue: { discipline: fifo, limit: 30kB } } } } } }
nfqueue: { gso: true }
`);
    const { sent, received } = await tcpTransfer(client, server, { port: 5001, bytes: 2e6 });
    expect(received).toMatchObject(sent);
    expect(averageBytes(await shaper.status(), 'wan/up/all')).toBeGreaterThan(1500);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('DHCP and neighbour discovery are not queued, and no way past the limits', async () => {
    const { client, server } = world.lab;
    const shaper = await start('links: { wan: { device: wan0, up: 2mbit } }');
    const seen = async (): Promise<number> => (await shaper.status()).totals.received.packets;
    const dhcp = { port: 67, sourcePort: 68, lengthBytes: 1000, rateBitsPerSec: 20e6 };
    await sendUdp(client, server, { family: 4, count: 5, ...dhcp });
    expect(await seen()).toBe(0);
    // 32 kB pass at once, then 8 kB a second.
    await sendUdp(client, server, { family: 4, count: 400, ...dhcp });
    expect(await seen()).toBeGreaterThan(350);
    expect(await seen()).toBeLessThan(400);
    const before = await seen();
    await sendUdp(client, server, { family: 6, count: 400, ...dhcp, port: 547, sourcePort: 546 });
    expect(await seen()).toBeGreaterThan(before + 350);
    // Neighbour solicitations with the hop limit of neighbours, to a host behind the router.
    const shown = await seen();
    const script = `
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
for n in range(50): s.sendto(bytes([135, 0, 0, 0]) + bytes(500), ('${server.addresses.v6}', 0))`;
    await client.exec(['python3', '-c', script]);
    await until('all of them are seen', async () => (await seen()) >= shown + 50);
    expect((await shaper.stop()).code).toBe(0);
  });
});
