/**
 * The measuring side of the comparison of paced TCP, run as root under a full kernel: bench/pacing.ts
 * starts it there. Takes its task as one argument of JSON, prints one line of JSON for each shaper and
 * case.
 *
 * Everything is measured from captures on both sides of the router: what got through, how long it waited,
 * what was sent again, and whether every edited window was allowed.
 */

import { jainIndex } from '../../src/base/fairness.ts';
import { type Segment, startCapture } from '../lab/capture.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { finish, until } from '../lab/process.ts';
import { pair, sentAgain, violations, waitsMs } from '../lab/windows.ts';
import { quantile } from '../statistics.ts';
import { type Loop, startLoop } from './awake.ts';
import { PACED_SHAPERS, type PacedShaper } from './paced-shapers.ts';
import {
  PACED_CASES,
  type PacedCase,
  type PacedRow,
  type PacedTask,
  type PacedWindow,
} from './paced-task.ts';

const ROUND_TRIP_MS = 20;
const PORT = 5201;
const PATIENCE_MS = 1_000_000;
/** IP bytes that carry so much TCP payload in full-sized packets with time stamps. */
const IP_BYTES_PER_PAYLOAD_BYTE = 1500 / 1448;

async function transfer({ client, server }: Lab, { connections, direction }: PacedCase, seconds: number) {
  const listener = server.spawn(['iperf3', '-s', '-1', '-p', `${PORT}`]);
  const listened = finish(listener, PATIENCE_MS);
  const isListening = async (): Promise<boolean> =>
    (await server.exec(['ss', '-Hltn', `sport = ${PORT}`])).stdout.trim() !== '';
  await until('iperf3 listens', isListening, PATIENCE_MS);
  const command = ['iperf3', '-c', server.addresses.v4, '-p', `${PORT}`, '-P', `${connections}`];
  if (direction === 'down') command.push('-R');
  await finish(client.spawn([...command, '-t', String(Math.ceil(seconds))]), PATIENCE_MS);
  listener.kill('SIGKILL');
  await listened.catch(() => undefined);
}

function rowOf(
  one: PacedCase,
  shaper: string,
  lan: readonly Segment[],
  wan: readonly Segment[],
  window: PacedWindow,
) {
  const isUp = ({ to }: Segment): boolean => to.endsWith(`:${PORT}`);
  const up = pair(lan.filter(isUp), wan.filter(isUp));
  const down = pair(
    wan.filter((s) => !isUp(s)),
    lan.filter((s) => !isUp(s)),
  );
  const data = one.direction === 'up' ? up : down;
  const sender = one.direction === 'up' ? lan.filter(isUp) : wan.filter((s) => !isUp(s));
  const crossings = data.crossings.filter(({ before }) => before.payloadBytes > 0);
  const startNs = (crossings[0]?.before.ns ?? 0) + 1e9 * window.warmSeconds;
  const endNs = startNs + 1e9 * window.seconds;
  const isInside = ({ ns }: Segment): boolean => ns >= startNs && ns < endNs;
  const inside = crossings.filter(({ behind }) => isInside(behind));
  const byConnection = new Map<string, number>();
  for (const { behind } of inside)
    byConnection.set(
      behind.from + behind.to,
      (byConnection.get(behind.from + behind.to) ?? 0) + behind.payloadBytes,
    );
  // The connection that iperf3 talks by moves next to nothing.
  const payload = [...byConnection.values()].sort((a, b) => b - a).slice(0, one.connections);
  const bits = 8 * payload.reduce((sum, bytes) => sum + bytes, 0);
  const waits = waitsMs(inside);
  const again = sentAgain(sender.filter(isInside));
  const all = sentAgain(sender);
  const row: PacedRow = {
    case: one.key,
    shaper,
    goodput: (bits * IP_BYTES_PER_PAYLOAD_BYTE) / window.seconds / (1e3 * one.rateKbit),
    jain: jainIndex(payload),
    again: again.againBytes / again.bytes,
    againFromStart: all.againBytes / all.bytes,
    waitP50Ms: quantile(waits, 0.5),
    waitP99Ms: quantile(waits, 0.99),
    waitP99FromStartMs: quantile(waitsMs(crossings), 0.99),
    violations: violations(up.crossings, down.crossings).map(({ rule }) => rule),
  };
  return row;
}

async function measure(lab: Lab, loop: Loop, shaper: PacedShaper, one: PacedCase, window: PacedWindow) {
  const stop = await shaper.start(lab, one);
  const captures = await Promise.all(
    ['lan0', 'wan0'].map((device) => startCapture(lab.router, device, lab.folder, PATIENCE_MS)),
  );
  loop.pause();
  await transfer(lab, one, window.warmSeconds + window.seconds);
  loop.resume();
  const [lan, wan] = await Promise.all(captures.map((capture) => capture.stop()));
  await stop();
  return rowOf(one, shaper.key, lan!, wan!, window);
}

async function main(task: PacedTask): Promise<void> {
  const loop = startLoop();
  const lab = await createLab({ offloads: false });
  try {
    await lab.server.exec(
      `tc qdisc add dev eth0 root netem delay ${ROUND_TRIP_MS}ms limit 100000`.split(' '),
    );
    for (const key of task.shapers) {
      const shaper = PACED_SHAPERS.find((known) => known.key === key)!;
      for (const name of task.cases) {
        const one = PACED_CASES.find((known) => known.key === name)!;
        console.log(JSON.stringify(await measure(lab, loop, shaper, one, task)));
      }
    }
  } finally {
    await lab.close();
    loop.stop();
  }
}

await main(JSON.parse(process.argv[2] ?? '{}') as PacedTask);
