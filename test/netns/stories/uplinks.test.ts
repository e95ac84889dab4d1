/**
 * A host with two uplinks: its own packets leave by the one that their socket or a rule has chosen, though
 * the shaper marks them CE and writes their DSCP.
 */
import { expect, it } from 'vitest';
import { classOf, describeNetns, type Host, packetsUnaccounted, useLab, useShapers } from '../harness.ts';
import { addUplink, SECOND_MARK, SECOND_PORT, SECOND_SOURCE, SERVER } from './second-uplink.ts';

const PACKETS = 50;
const CS1 = 8;
/** The ways to choose the second uplink, each with a port of its own. */
const PORTS = {
  pktinfo: 7101,
  device: 7102,
  mark: 7103,
  source: 7104,
  port: SECOND_PORT,
  none: 7106,
} as const;
type Way = keyof typeof PORTS;

const DIRECTION =
  'up: { rate: 100mbit, classes: { default: { remark: cs1, police: { rate: 64kbit, burst: 1500B, exceed: mark } } } }';
const CONFIG = `links: { one: { device: wan0, ${DIRECTION} }, two: { device: wan1, ${DIRECTION} } }`;

/** Sends ECN-capable datagrams in each way that standard input describes. */
const SENDER = `
import json, socket, struct, sys, time
for way, six, address, port, source in json.load(sys.stdin):
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    level, tos = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if six else (socket.IPPROTO_IP, socket.IP_TOS)
    s.setsockopt(level, tos, 2)
    ancillary = []
    if way == 'device': s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'wan1')
    if way == 'mark': s.setsockopt(socket.SOL_SOCKET, 36, ${SECOND_MARK})
    if way == 'source': s.bind((source, 0))
    if way == 'pktinfo':
        index = struct.pack('i', socket.if_nametoindex('wan1'))
        ancillary = [(level, socket.IPV6_PKTINFO, bytes(16) + index) if six else (level, 8, index + bytes(8))]
    for n in range(${PACKETS}):
        s.sendmsg([bytes(200)], ancillary, 0, (address, port))
        time.sleep(0.001)
`;

/** Counts by way and link what comes, what has the DSCP and what is marked CE; nobody listens. */
async function countArrivals(server: Host): Promise<void> {
  const rules = Object.entries(PORTS).flatMap(([way, port]) =>
    ['eth0', 'eth1'].flatMap((device) =>
      ['ip', 'ip6'].flatMap((ip) => {
        const match = `iifname ${device} udp dport ${port}`;
        const name = `${way}_${ip}_${device}`;
        return [
          `${match} ${ip} dscp ${CS1} counter comment "${name}_cs1"`,
          `${match} ${ip} ecn ce counter comment "${name}_ce"`,
          `${match} meta nfproto ${ip === 'ip' ? 'ipv4' : 'ipv6'} counter drop comment "${name}_all"`,
        ];
      }),
    ),
  );
  const table = [
    'table inet arrivals {',
    'chain c {',
    'type filter hook prerouting priority -300; policy accept;',
    ...rules,
    '}',
    '}',
    '',
  ];
  await server.exec(['nft', '-f', '-'], { input: table.join('\n') });
}

async function arrivals(server: Host): Promise<Record<string, number>> {
  const { stdout } = await server.exec(['nft', 'list', 'table', 'inet', 'arrivals']);
  const counters = stdout.matchAll(/counter packets (\d+) .*comment "(\w+)"/g);
  return Object.fromEntries([...counters].map(([, packets, name]) => [name, Number(packets)]));
}

describeNetns('a host with two uplinks', () => {
  const world = useLab();
  const start = useShapers(world);

  it('sends its own packets where their socket or a rule says, remarked and marked CE', async () => {
    const { router, server } = world.lab;
    await addUplink(world.lab);
    await countArrivals(server);
    const shaper = await start(CONFIG);
    const ways = Object.keys(PORTS) as Way[];
    const sent = (['v4', 'v6'] as const).flatMap((family) =>
      ways.map((way) => [way, family === 'v6', SERVER[family], PORTS[way], SECOND_SOURCE[family]]),
    );
    await router.exec(['python3', '-c', SENDER], { input: JSON.stringify(sent) });
    const counted = await arrivals(server);
    const found: Record<string, object> = {};
    const wanted: Record<string, object> = {};
    for (const ip of ['ip', 'ip6']) {
      for (const way of ways) {
        const [right, wrong] = way === 'none' ? ['eth0', 'eth1'] : ['eth1', 'eth0'];
        const at = (device: string, kind: string) => counted[`${way}_${ip}_${device}_${kind}`];
        found[`${way} ${ip}`] = {
          right: at(right!, 'all'),
          wrong: at(wrong!, 'all'),
          cs1: at(right!, 'cs1'),
        };
        wanted[`${way} ${ip}`] = { right: PACKETS, wrong: 0, cs1: PACKETS };
        expect(at(right!, 'ce'), `${way} ${ip} marked CE`).toBeGreaterThan(PACKETS / 4);
      }
    }
    expect(found).toEqual(wanted);
    const status = await shaper.status();
    expect(packetsUnaccounted(status)).toBe(0);
    expect(classOf(status, 'two/up').sent.packets).toBe((ways.length - 1) * 2 * PACKETS);
    expect((await shaper.stop()).code).toBe(0);
  });
});
