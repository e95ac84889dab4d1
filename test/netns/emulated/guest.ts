/**
 * The part of nft.test.ts that runs inside the full kernel: the tests named as arguments, which are scenarios
 * and those at the end of this file. Prints a line of JSON as soon as a test has ended.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLab, type Lab } from '../../../bench/lab/lab.ts';
import { type IperfResult, iperfTcp, ping } from '../../../bench/lab/measure.ts';
import { run as runCommand } from '../../../bench/lab/process.ts';
import { type Status, type Stopped, shaperCommand, startShaper } from '../../../bench/lab/shaper.ts';
import { type UdpTransfer, udpTransfer } from '../../../bench/lab/udp.ts';
import { call } from '../../../src/control/client.ts';
import { probeBackend } from '../../../src/io/rules/index.ts';
import { endDrivers, keepDrivers, ruleset } from '../rules-bed.ts';
import { SCENARIOS } from '../rules-scenarios.ts';

/** How one test in the guest has ended. */
export interface GuestLine {
  readonly test: string;
  readonly error?: string;
  readonly found?: unknown;
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

const wanted = process.argv.slice(2);

async function report(test: string, run: () => Promise<unknown>): Promise<void> {
  if (!wanted.includes(test)) return;
  const line: GuestLine = await run().then(
    (found) => ({ test, found }),
    (error) => ({ test, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
  console.log(JSON.stringify(line));
}

await report('back end', () => probeBackend('auto'));
// One lab for all, as making one takes seconds here.
const shared = await createLab();
keepDrivers();
for (const { name, run } of SCENARIOS) {
  await report(name, async () => {
    await shared.router.exec(['nft', 'flush', 'ruleset']);
    await run(shared, 'nft');
  });
}
await endDrivers();
await shared.router.exec(['nft', 'flush', 'ruleset']);
await report('devices', () => devices(shared));
await report('program', () => program(shared));
await shared.close();
