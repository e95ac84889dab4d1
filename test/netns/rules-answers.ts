/**
 * What our rules do with a verdict's mark on real packets: a listener answers everything with one code, and
 * counters behind our chains and at the receivers say what became of the packets. Receivers check IPv4's
 * header checksum before they count.
 */
import assert from 'node:assert/strict';
import { type Host, type Lab, OUTSIDE } from '../../bench/lab/lab.ts';
import { until } from '../../bench/lab/process.ts';
import type { Backend } from '../../src/io/rules/index.ts';
import { MARK_ASKS, MARK_CE, MARK_FAST, MARK_PACED, MARK_SLOW } from '../../src/spec/mark-codes.ts';
import { addCounters, counters, Driver, DSCPS, MASK, type Plan, request, sendUdp, WAN } from './rules-bed.ts';

const FIELDS = ['not-ect', 'ect1', 'ect0', 'ce'] as const;
/** Packets to this port and the next three are sent with the ECN fields 0 to 3. */
const FIRST_PORT = 7000;
const FROM_PORT = 6000;
const ENDS = `udp dport { ${FROM_PORT}, ${FIRST_PORT} } drop`;

async function listening(lab: Lab, backend: Backend, plan: Plan): Promise<Driver> {
  const driver = Driver.in(lab.router);
  await driver.call('install', request(plan, { bypass: false }), backend);
  await driver.call('listen', MASK);
  return driver;
}

async function finish(driver: Driver): Promise<void> {
  await driver.call('stopMatching');
  await driver.call('remove');
  await driver.call('closePort');
  await driver.end();
}

/** DSCP EF and the ECN fields, by port. */
function fieldRules(): string[] {
  return FIELDS.flatMap((field, i) =>
    ['ip', 'ip6'].flatMap((ip) => [
      `udp dport ${FIRST_PORT + i} ${ip} dscp set ef`,
      `udp dport ${FIRST_PORT + i} ${ip} ecn set ${field}`,
    ]),
  );
}

const EF = 46;

/** Counters "sent_received_DSCP". */
function fieldCounters(points: readonly number[] = [EF]): string[] {
  return points.flatMap((point) =>
    FIELDS.flatMap((_, sent) =>
      FIELDS.flatMap((field, received) =>
        ['ip', 'ip6'].map(
          (ip) =>
            `udp dport ${FIRST_PORT + sent} ${ip} dscp ${point} ${ip} ecn ${field} counter name n${sent}_${received}_${point}`,
        ),
      ),
    ),
  );
}

/**
 * Sends one packet with each field to both families; by the field sent, the field received, and the DSCP if
 * it is not `point`.
 */
async function transfer(from: Host, to: Host, addresses: readonly string[], point = EF): Promise<string[]> {
  const before = await counters(to);
  const ports = FIELDS.map((_, i) => FIRST_PORT + i);
  await sendUdp(from, addresses, { from: FROM_PORT, to: ports });
  let grown: string[] = [];
  await until('the packets arrive', async () => {
    const now = await counters(to);
    grown = Object.keys(now).flatMap((name) => Array<string>(now[name]! - before[name]!).fill(name));
    return grown.length === addresses.length * ports.length;
  });
  return [...new Set(grown)].sort().map((name) => {
    const [sent, received, dscp] = name.slice(1).split('_');
    return `${sent} > ${received}${Number(dscp) === point ? '' : ` with DSCP ${dscp}`}`;
  });
}

/** A way of packets through the router: from, to, and by which addresses. */
type Way = readonly [name: string, from: Host, to: Host, reached: readonly string[]];

/**
 * Every way through the router with every ECN field, and counters that tell what became of it with the DSCPs
 * given.
 */
async function fieldWorld({ client, router, server }: Lab, points?: readonly number[]): Promise<Way[]> {
  await addCounters(client, { 'output -150': fieldRules() });
  await addCounters(server, { 'output -150': fieldRules(), 'input 170': fieldCounters(points) });
  await addCounters(router, {
    // A foreign mark, but not on our own packets' account: the packet is routed by it.
    'prerouting -150': ['meta mark set 0x55001234'],
    'output -150': fieldRules(),
    'input 170': [
      ...fieldCounters(points),
      `udp dport >= ${FIRST_PORT} meta mark != 0x00001234 counter name other_in`,
    ],
    'postrouting 0': [
      `iifname "lan0" udp dport >= ${FIRST_PORT} meta mark != 0x00001234 counter name other_out`,
      'meta mark & 0xff000000 != 0 counter name ours',
    ],
  });
  const addresses = Object.values(server.addresses);
  return [
    ['forwarded', client, server, addresses],
    ['local output', router, server, addresses],
    ['local input', server, router, Object.values(OUTSIDE)],
  ];
}

async function assertMarksKept(router: Host): Promise<void> {
  const { other_in, other_out, ours } = await counters(router);
  assert.deepEqual([other_in, other_out, ours], [0, 0, 0], 'foreign bits stay, ours go');
}

const UNMARKED = ['0 > 0', '1 > 1', '2 > 2', '3 > 3'];
const MARKED = ['0 > 0', '1 > 3', '2 > 3', '3 > 3'];

async function setsCe(lab: Lab, backend: Backend): Promise<void> {
  const ways = await fieldWorld(lab);
  const driver = await listening(lab, backend, WAN);
  for (const [way, from, to, reached] of ways) {
    await driver.call('askFor', 0);
    assert.deepEqual(await transfer(from, to, reached), UNMARKED, way);
    await driver.call('askFor', MARK_CE);
    assert.deepEqual(await transfer(from, to, reached), MARKED, `${way}, CE asked for`);
  }
  await assertMarksKept(lab.router);
  const queued = (await driver.call('queued')) as number[];
  assert.ok(queued[0]! >= 32 && queued[1]! >= 16, `all came by us: ${queued.join(' ')}`);
  await finish(driver);
}

async function writesDscp(lab: Lab, backend: Backend): Promise<void> {
  const ways = await fieldWorld(lab, DSCPS);
  const driver = await listening(lab, backend, WAN);
  for (const [way, from, to, reached] of ways) {
    for (const [i, point] of DSCPS.entries()) {
      const withCe = i % 2 === 1;
      await driver.call('askFor', (withCe ? MARK_CE : MARK_ASKS) | (i + 1));
      const expected = withCe ? MARKED : UNMARKED;
      assert.deepEqual(await transfer(from, to, reached, point), expected, `${way}, DSCP ${point}`);
    }
  }
  await assertMarksKept(lab.router);
  await finish(driver);
}

async function steers(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  const plan: Plan = [
    { device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: 2 },
    { device: 'wan0', direction: 'down', nfqueue: 1, fastNfqueue: 3 },
    // It has nothing to do with these packets: its rules mark connections.
    { device: 'lan0', direction: 'up', nfqueue: 1, fastNfqueue: null, isHalf: true, isByMark: true },
  ];
  const bits = [0, 1, 2, 3, 4, 5, 6, 7];
  const marks = bits.map(
    (bit) => `udp dport { ${FROM_PORT}, ${FIRST_PORT} } ct mark 0x0${bit}abcdef counter name fast${bit}`,
  );
  await addCounters(router, {
    'prerouting -150': ['ct mark 0 ct mark set 0x00abcdef'],
    'output -150': ['ct mark 0 ct mark set 0x00abcdef'],
    'postrouting 0': marks,
    // No answers about closed ports: they would be packets of the connection, too.
    'input 170': [...marks, ENDS],
  });
  for (const host of [client, server]) await addCounters(host, { 'input 0': [ENDS] });
  const driver = await listening(lab, backend, plan);
  // Forwarded by IPv4, and the router's own by IPv6, at the same time: looking takes longer than sending.
  const pairs = [
    { near: client, nearAddress: client.addresses.v4, farAddress: server.addresses.v4 },
    { near: router, nearAddress: OUTSIDE.v6, farAddress: server.addresses.v6 },
  ] as const;
  let before = await counters(router);
  /**
   * Sends a packet of each connection, whose verdict asks for `code`; the queue they came by and the
   * connections' bits behind us.
   */
  const send = async (way: 'there' | 'back', code: number): Promise<string> => {
    await driver.call('askFor', code);
    const there = { from: FROM_PORT, to: FIRST_PORT };
    const back = { from: FIRST_PORT, to: FROM_PORT };
    const nearAddresses = pairs.map(({ nearAddress }) => nearAddress);
    if (way === 'back') await sendUdp(server, nearAddresses, back);
    else await Promise.all(pairs.map(({ near, farAddress }) => sendUdp(near, farAddress, there)));
    let grown: number[] = [];
    await until('the packets have passed', async () => {
      const now = await counters(router);
      grown = bits.map((bit) => now[`fast${bit}`]! - before[`fast${bit}`]!);
      const isThere = grown.reduce((sum, packets) => sum + packets) >= pairs.length;
      if (isThere) before = now;
      return isThere;
    });
    const some = (packets: readonly number[]): string =>
      packets.flatMap((n, index) => (n > 0 ? [index] : [])).join();
    return `${some((await driver.call('queued')) as number[])} ${some(grown)}`;
  };
  const steps: [Parameters<typeof send>[0], number, string][] = [
    ['there', 0, '0 0'],
    ['there', MARK_FAST, '0 1'],
    ['there', 0, '2 1'],
    // The other direction passes other classes.
    ['back', 0, '1 1'],
    ['back', MARK_FAST, '1 3'],
    ['back', 0, '3 3'],
    ['there', MARK_SLOW, '2 2'],
    ['there', 0, '0 2'],
    ['back', MARK_SLOW, '3 0'],
    ['back', 0, '1 0'],
    ['there', MARK_FAST | MARK_CE, '0 1'],
    ['there', MARK_SLOW | MARK_CE, '2 0'],
    ['there', MARK_FAST | MARK_CE | 1, '0 1'],
    ['there', MARK_PACED, '2 5'],
    ['back', MARK_PACED | MARK_CE, '1 5'],
    ['there', MARK_SLOW, '2 4'],
    ['back', MARK_FAST, '1 6'],
  ];
  for (const [i, [way, code, expected]] of steps.entries()) {
    assert.equal(await send(way, code), expected, `step ${i + 1}`);
  }
  await finish(driver);
}

export const ANSWERS = [
  {
    name: 'CE is set where it is asked for and can be carried, nothing else changes',
    differs: true,
    run: setsCe,
  },
  {
    name: 'a code point is written where it is asked for, beside CE too, and ECN stays as it is',
    differs: true,
    run: writesDscp,
  },
  {
    name: 'a connection moves to the other queue and back, each direction by itself',
    differs: true,
    run: steers,
  },
] as const;
