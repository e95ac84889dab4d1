/**
 * A host with two uplinks: its own packets leave by the one that their socket or a rule has chosen, though
 * the shaper marks them CE and writes their DSCP.
 */
import { expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  type Host,
  packetsUnaccounted,
  run,
  useLab,
  useShapers,
} from '../harness.ts';

const PACKETS = 50;
const CS1 = 8;
const SERVER = { 4: '10.77.9.9', 6: 'fd77:9::9' } as const;
/** A rule routes by this address, which is not the one that a packet with IP_PKTINFO gets. */
const SECOND_SOURCE = { 4: '10.77.3.5', 6: 'fd77:3::5' } as const;
/** The ways to choose the second uplink, each with a port of its own. */
const PORTS = { pktinfo: 7101, device: 7102, mark: 7103, source: 7104, port: 7105, none: 7106 } as const;
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
    if way == 'mark': s.setsockopt(socket.SOL_SOCKET, 36, 0x64)
    if way == 'source': s.bind((source, 0))
    if way == 'pktinfo':
        index = struct.pack('i', socket.if_nametoindex('wan1'))
        ancillary = [(level, socket.IPV6_PKTINFO, bytes(16) + index) if six else (level, 8, index + bytes(8))]
    for n in range(${PACKETS}):
        s.sendmsg([bytes(200)], ancillary, 0, (address, port))
        time.sleep(0.001)
`;

/** A second link between router and server, and an address of the server that both links lead to. */
async function addUplink(router: Host, server: Host): Promise<void> {
  await run(['ip', '-batch', '-'], {
    input: `link add wan1 netns ${router.ns} type veth peer name eth1 netns ${server.ns}`,
  });
  const lines = (host: Host, text: string[]) =>
    run(['ip', '-n', host.ns, '-batch', '-'], { input: text.join('\n') });
  await lines(server, [
    'addr add 10.77.3.2/24 dev eth1',
    'addr add fd77:3::2/64 dev eth1 nodad',
    'link set eth1 up',
    `addr add ${SERVER[4]}/32 dev lo`,
    `addr add ${SERVER[6]}/128 dev lo nodad`,
  ]);
  await lines(router, [
    'addr add 10.77.3.1/24 dev wan1',
    'addr add fd77:3::1/64 dev wan1 nodad',
    `addr add ${SECOND_SOURCE[4]}/24 dev wan1`,
    `addr add ${SECOND_SOURCE[6]}/64 dev wan1 nodad`,
    'link set wan1 up',
    `route add ${SERVER[4]} via 10.77.2.2 dev wan0`,
    `route add ${SERVER[6]} via fd77:2::2 dev wan0`,
    `route add ${SERVER[4]} via 10.77.3.2 dev wan1 metric 9000`,
    `route add ${SERVER[6]} via fd77:3::2 dev wan1 metric 9000`,
    `route add ${SERVER[4]} via 10.77.3.2 dev wan1 table 200`,
    `route add ${SERVER[6]} via fd77:3::2 dev wan1 table 200`,
  ]);
  for (const family of [4, 6] as const) {
    // The mark is compared whole, as most people write it.
    const rules = ['fwmark 0x64', `from ${SECOND_SOURCE[family]}`, `ipproto udp dport ${PORTS.port}`];
    for (const rule of rules) {
      await router.exec(['ip', `-${family}`, 'rule', 'add', ...rule.split(' '), 'lookup', '200']);
    }
  }
}

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
    await addUplink(router, server);
    await countArrivals(server);
    const shaper = await start(CONFIG);
    const ways = Object.keys(PORTS) as Way[];
    const sent = ([4, 6] as const).flatMap((family) =>
      ways.map((way) => [way, family === 6, SERVER[family], PORTS[way], SECOND_SOURCE[family]]),
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
