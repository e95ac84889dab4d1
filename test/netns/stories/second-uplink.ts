/** A second way from the router of a lab to its server. */
import { type Finished, type Host, type Lab, run } from '../harness.ts';

/**
 * An address of the server that both ways lead to. Packets take the first, unless something says otherwise.
 */
export const SERVER = { v4: '10.77.9.9', v6: 'fd77:9::9' } as const;
/** A rule routes by this address, which is not the one that a packet with IP_PKTINFO gets. */
export const SECOND_SOURCE = { v4: '10.77.3.5', v6: 'fd77:3::5' } as const;
/** The packet mark that takes the second way. It is compared whole, as most people write it. */
export const SECOND_MARK = 0x64;
export const SECOND_PORT = 7105;

/** A link wan1 of the router, which is eth1 of the server, and rules that route by it. */
export async function addUplink({ router, server }: Lab): Promise<void> {
  await run(['ip', '-batch', '-'], {
    input: `link add wan1 netns ${router.ns} type veth peer name eth1 netns ${server.ns}`,
  });
  const lines = (host: Host, text: string[]): Promise<Finished> =>
    run(['ip', '-n', host.ns, '-batch', '-'], { input: text.join('\n') });
  await lines(server, [
    'addr add 10.77.3.2/24 dev eth1',
    'addr add fd77:3::2/64 dev eth1 nodad',
    'link set eth1 up',
    `addr add ${SERVER.v4}/32 dev lo`,
    `addr add ${SERVER.v6}/128 dev lo nodad`,
  ]);
  await lines(router, [
    'addr add 10.77.3.1/24 dev wan1',
    'addr add fd77:3::1/64 dev wan1 nodad',
    `addr add ${SECOND_SOURCE.v4}/24 dev wan1`,
    `addr add ${SECOND_SOURCE.v6}/64 dev wan1 nodad`,
    'link set wan1 up',
    `route add ${SERVER.v4} via 10.77.2.2 dev wan0`,
    `route add ${SERVER.v6} via fd77:2::2 dev wan0`,
    `route add ${SERVER.v4} via 10.77.3.2 dev wan1 metric 9000`,
    `route add ${SERVER.v6} via fd77:3::2 dev wan1 metric 9000`,
    `route add ${SERVER.v4} via 10.77.3.2 dev wan1 table 200`,
    `route add ${SERVER.v6} via fd77:3::2 dev wan1 table 200`,
  ]);
  for (const [family, source] of [
    ['-4', SECOND_SOURCE.v4],
    ['-6', SECOND_SOURCE.v6],
  ] as const) {
    for (const rule of [`fwmark ${SECOND_MARK}`, `from ${source}`, `ipproto udp dport ${SECOND_PORT}`]) {
      await router.exec(['ip', family, 'rule', 'add', ...rule.split(' '), 'lookup', '200']);
    }
  }
}
