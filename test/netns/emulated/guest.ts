/**
 * The part of nft.test.ts that runs inside the full kernel: the tests named as arguments, which are scenarios
 * and those at the end of this file. Prints a line of JSON as soon as a test has ended.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLab, type Host, type Lab } from '../../../bench/lab/lab.ts';
import { type IperfResult, iperfTcp, ping } from '../../../bench/lab/measure.ts';
import { run as runCommand, until } from '../../../bench/lab/process.ts';
import { type Status, type Stopped, shaperCommand, startShaper } from '../../../bench/lab/shaper.ts';
import { type UdpTransfer, udpTransfer } from '../../../bench/lab/udp.ts';
import { call } from '../../../src/client/client.ts';
import { probeBackend } from '../../../src/io/rules/index.ts';
import { dropDrivers, endDrivers, keepDrivers, ruleset } from '../rules-bed.ts';
import { addBridge, setCalls } from '../rules-bridges.ts';
import { SCENARIOS } from '../rules-scenarios.ts';

/** How one test in the guest has ended. */
export interface GuestLine {
  readonly test: string;
  readonly error?: string;
  readonly found?: unknown;
  /** Why it was repeated. */
  readonly repeated?: string;
  readonly seconds: number;
}

export interface ProgramReport {
  readonly status: Status;
  readonly tcp: IperfResult;
  readonly policed: UdpTransfer;
  readonly stopped: Stopped;
  /** The rules after the stop are those before the start. */
  readonly isAsBefore: boolean;
  /** Of 100. */
  readonly pingsAcrossTheStop: number;
}

const CONFIG = `
links:
  wan:
    device: wan0
    up: { rate: 4mbit, classes: { policed: { match: { dport: 7001 }, police: { rate: 500kbit } } } }
    down: { rate: 20mbit, tcp: { pace: true } }
nfqueue: { backend: nft }
`;

async function program(lab: Lab): Promise<ProgramReport> {
  const { client, router, server } = lab;
  const before = await ruleset(router);
  const shaper = await startShaper(lab, CONFIG, { entry: 'dist', readyMs: 60_000 });
  const tcp = await iperfTcp(client, server, { port: 5201, seconds: 2, family: 6 });
  const policed = await udpTransfer(client, server, {
    port: 7001,
    count: 300,
    lengthBytes: 500,
    rateBitsPerSec: 2e6,
  });
  // Not by the command line: starting node takes seconds here.
  const status = (await call(shaper.socketPath, 'GET', '/v1/status')) as unknown as Status;
  // Some of these wait when the signal comes.
  const pings = ping(client, server, { count: 100, intervalMs: 2, payloadBytes: 1400, waitMs: 4000 });
  const stopped = await shaper.stop();
  const isAsBefore = (await ruleset(router)) === before;
  const { received } = await pings;
  return { status, tcp, policed, stopped, isAsBefore, pingsAcrossTheStop: received };
}

/** Devices that only a full kernel has. Returns what `check` says of links on them. */
async function devices({ folder, router }: Lab): Promise<string[]> {
  const lines = [
    'link add bond7 type bond',
    'link add slave7 type dummy',
    'link set slave7 master bond7',
    'link add team7 type team',
    'link add port7 type dummy',
    'link set port7 master team7',
    'link add blue7 type vrf table 7',
    'link add member7 type dummy',
    'link set member7 master blue7',
    'link add parent7 type dummy',
    'link add vlan7 link parent7 type vlan id 7',
    'link add tunnel7 type vxlan id 7 dev parent7 dstport 4789',
  ];
  await runCommand(['ip', '-n', router.ns, '-batch', '-'], { input: lines.join('\n') });
  const names = ['slave7', 'bond7', 'port7', 'member7', 'blue7', 'parent7', 'vlan7'];
  const links = names.map((name) => `  ${name}: { device: ${name}, up: 1mbit, down: 1mbit }`);
  const file = join(folder, 'devices.yaml');
  writeFileSync(file, ['links:', ...links, ''].join('\n'));
  const { stderr } = await router.exec([...shaperCommand('dist'), 'check', file]);
  return stderr.trimEnd().split('\n');
}

export interface PortReport {
  /** Of the rates, for each family. */
  readonly shares: Readonly<Record<4 | 6, readonly [down: number, up: number]>>;
  /** Packets that the router gets, of those that another host gets; what it sends, of the rate. */
  readonly ownShares: readonly [down: number, up: number];
  /** Of what another port passes to the router. */
  readonly otherLost: number;
  /** Of the rate of down, after the port left the bridge and joined it again. */
  readonly shareAgain: number;
  /** Of the rate of down, with the calls of br_netfilter on. */
  readonly shareCalled: number;
  /** Of the rate of up. Superpackets cannot be cut in a bridge. */
  readonly tcp: number;
  /** Of the rate of down, whose class is paced. */
  readonly paced: number;
  readonly status: Status;
  readonly isAsBefore: boolean;
}

/** A port of a bridge as the device, with rules in the hooks of the bridge. */
async function ports(lab: Lab): Promise<PortReport> {
  await addBridge(lab);
  await lab.router.exec(['modprobe', 'br_netfilter']);
  await setCalls(lab, 0);
  const { client, router, server } = lab;
  const [near, own, far] = [
    { ...client, addresses: { v4: '10.78.0.1', v6: 'fd78::1' } },
    { ...router, addresses: { v4: '10.78.0.254', v6: 'fd78::254' } },
    { ...server, addresses: { v4: '10.78.0.2', v6: 'fd78::2' } },
  ];
  const before = await ruleset(router);
  const [downRate, upRate] = [500e3, 600e3];
  const config = `links: { lan: { device: port8, up: 600kbit, down: { rate: 500kbit, tcp: { pace: true } } } }\nnfqueue: { backend: nft }`;
  const shaper = await startShaper(lab, config, { entry: 'dist', readyMs: 120_000 });
  const stood = (msg: string): number => shaper.logs.filter((line) => line.msg.startsWith(msg)).length;
  /** Again if this slow machine has let the program stand still meanwhile: then packets pass. */
  const load = async (from: Host, to: Host, family: 4 | 6 = 4): Promise<UdpTransfer> => {
    for (let tries = 1; ; tries++) {
      const stoodBefore = stood('this process stood still');
      const options = { port: 7001, family, count: 300, lengthBytes: 1000, rateBitsPerSec: 2e6 };
      const transfer = await udpTransfer(from, to, options);
      // Its answer comes behind what it logs.
      await call(shaper.socketPath, 'GET', '/v1/status');
      if (stood('this process stood still') === stoodBefore || tries === 5) return transfer;
      await until('rules again', () => stood('the rules are installed again') === stoodBefore + 1, 60_000);
    }
  };
  const down = async (from: Host, to: Host, family: 4 | 6 = 4): Promise<number> =>
    (await load(from, to, family)).bitsPerSec / downRate;
  const up = async (from: Host, to: Host, family: 4 | 6 = 4): Promise<number> =>
    (await load(from, to, family)).bitsPerSec / upRate;
  const shares = {
    4: [await down(near, far), await up(far, near)],
    6: [await down(near, far, 6), await up(far, near, 6)],
  } as const;
  // The router stamps packets as they come, before they wait. So they are counted.
  const [ownPackets, farPackets] = [(await load(near, own)).received, (await load(near, far)).received];
  const ownShares = [ownPackets.packets / farPackets.packets, await up(own, near)] as const;
  const other = await load(far, own);
  const bulk = { port: 5201, seconds: 3, omitSeconds: 1 };
  const tcp = (await iperfTcp(far, near, bulk)).bitsPerSec / upRate;
  const paced = (await iperfTcp(near, far, bulk)).bitsPerSec / downRate;
  await router.exec(['ip', 'link', 'set', 'port8', 'nomaster']);
  await shaper.logged('the device is no port of a bridge now');
  await router.exec(['ip', 'link', 'set', 'port8', 'master', 'br8']);
  await shaper.logged('the device is a port of br8 now');
  const shareAgain = await down(near, far);
  await setCalls(lab, 1);
  const shareCalled = await down(near, far);
  if (shareCalled > 1.1) console.error(JSON.stringify(shaper.logs));
  const status = (await call(shaper.socketPath, 'GET', '/v1/status')) as unknown as Status;
  await shaper.stop();
  return {
    ...{ shares, ownShares, tcp, paced, shareAgain, shareCalled, status },
    otherLost: other.sent.packets - other.received.packets,
    isAsBefore: (await ruleset(router)) === before,
  };
}

const wanted = process.argv.slice(2);
// One lab for all, as making one takes seconds here.
let shared = await createLab();
keepDrivers();

async function attempt(test: string, run: (lab: Lab) => Promise<unknown>): Promise<GuestLine> {
  const began = performance.now();
  const ended = await run(shared).then(
    (found) => ({ found }),
    (error) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
  return { test, ...ended, seconds: Math.round((performance.now() - began) / 100) / 10 };
}

/** What a failed test has left running would fail all that come. */
async function renewLab(): Promise<void> {
  await shared.close();
  dropDrivers();
  shared = await createLab();
}

/** Of all hosts: scenarios count and drop packets everywhere. */
async function flushRules({ client, router, server }: Lab): Promise<void> {
  for (const host of [client, router, server]) await host.exec(['nft', 'flush', 'ruleset']);
}

/** A busy machine can make this one too slow for the limits of the program. Once more, then. */
async function report(test: string, run: (lab: Lab) => Promise<unknown>): Promise<void> {
  if (!wanted.includes(test)) return;
  let line = await attempt(test, run);
  if (line.error !== undefined) {
    const repeated = line.error;
    await renewLab();
    line = { ...(await attempt(test, run)), repeated };
    if (line.error !== undefined) await renewLab();
  }
  console.log(JSON.stringify(line));
}

await report('back end', () => probeBackend('auto'));
for (const { name, run } of SCENARIOS) {
  await report(name, async (lab) => {
    await flushRules(lab);
    await run(lab, 'nft');
  });
}
await endDrivers();
await flushRules(shared);
await report('devices', devices);
await report('program', program);
await report('ports', ports);
await shared.close();
