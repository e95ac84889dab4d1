/**
 * The whole program over the nft queue statement, for a kernel that has it: program.test.ts runs this inside a full
 * kernel where the machine's own lacks it. Prints one line of JSON.
 */
import { createLab } from '../../../bench/lab/lab.ts';
import { type IperfResult, iperfTcp, ping } from '../../../bench/lab/measure.ts';
import { type Status, type Stopped, startShaper } from '../../../bench/lab/shaper.ts';
import { type UdpTransfer, udpTransfer } from '../../../bench/lab/udp.ts';
import { ruleset } from '../rules-bed.ts';

export interface NativeReport {
  readonly status: Status;
  readonly tcp: IperfResult;
  readonly policed: UdpTransfer;
  readonly stopped: Stopped;
  /** The rules after the stop. */
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

const lab = await createLab();
try {
  const { client, router, server } = lab;
  const before = await ruleset(router);
  const shaper = await startShaper(lab, CONFIG, { readyMs: 60_000 });
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
  const report: NativeReport = { status, tcp, policed, stopped, isAsBefore, pingsAcrossTheStop: received };
  console.log(JSON.stringify(report));
} finally {
  await lab.close();
}
