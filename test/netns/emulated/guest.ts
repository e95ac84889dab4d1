/**
 * The part of nft.test.ts that runs inside the full kernel: the scenarios named as arguments, then the whole
 * program. Prints a line of JSON as soon as a test has ended.
 */
import { createLab, type Lab } from '../../../bench/lab/lab.ts';
import { type IperfResult, iperfTcp, ping } from '../../../bench/lab/measure.ts';
import { type Status, type Stopped, startShaper } from '../../../bench/lab/shaper.ts';
import { type UdpTransfer, udpTransfer } from '../../../bench/lab/udp.ts';
import { probeBackend } from '../../../src/io/rules/index.ts';
import { ruleset } from '../rules-bed.ts';
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
    down: 20mbit
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
  const status = await shaper.status();
  // Some of these wait when the signal comes.
  const pings = ping(client, server, { count: 100, intervalMs: 2, payloadBytes: 1400, waitMs: 4000 });
  const stopped = await shaper.stop();
  const isAsBefore = (await ruleset(router)) === before;
  const { received } = await pings;
  return { status, tcp, policed, stopped, isAsBefore, pingsAcrossTheStop: received };
}

async function report(test: string, run: () => Promise<unknown>): Promise<void> {
  const line: GuestLine = await run().then(
    (found) => ({ test, found }),
    (error) => ({ test, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
  console.log(JSON.stringify(line));
}

await report('back end', () => probeBackend('auto'));
// One lab for all, as making one takes seconds here.
const shared = await createLab();
const wanted = process.argv.slice(2);
for (const { name, run } of SCENARIOS.filter((scenario) => wanted.includes(scenario.name))) {
  await report(name, async () => {
    await shared.router.exec(['nft', 'flush', 'ruleset']);
    await run(shared, 'nft');
  });
}
await shared.router.exec(['nft', 'flush', 'ruleset']);
await report('program', () => program(shared));
await shared.close();
