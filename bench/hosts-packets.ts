/**
 * What hosts cost real packets: processor time per packet of the core over the addon, the packet's way
 * through the kernel included (drain.ts). Hosts are not looked for, or counted, or each has a maximum that it
 * does not reach, as every host with a quota. The server drops packets, so that all cost the kernel the
 * same.
 */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askCore, coreCommand, queueRule, startContender } from './contenders.ts';
import { drainInTurns, fillAndDrain, placeDrainer } from './drain.ts';
import { createLab, type Lab } from './lab/lab.ts';
import { FIRST_PORT } from './memory-port.ts';
import { LOOP_SETTING, ONE_LEAF } from './scale-cases.ts';
import { median } from './statistics.ts';
import { type Spread, spread } from './table.ts';

export const HOST_MODES = ['off', 'counted', 'limited'] as const;
export type HostMode = (typeof HOST_MODES)[number];

export interface PacketsPlan {
  /** Of a fill. */
  readonly packets: number;
  readonly warmups: number;
  readonly rounds: number;
}

export interface PacketCost {
  readonly hosts: number;
  readonly mode: HostMode;
  readonly cpuNsPerPacket: Spread;
  /** By the mode `off`, the median of rounds. */
  readonly toOff: number;
  /** Its best round by the best of `off`: what other load on the machine disturbs least. */
  readonly bestToBest: number;
  /** Hosts that had a maximum. */
  readonly limited: number;
}

const FIRST_QUEUE = 60;
const LENGTH_BYTES = 300;
/** An address of the client's network for each of so many source addresses: 2^14 of them. */
const SOURCE_PREFIX_BITS = 18;
// All packets of the lab come from one MAC.
const CONFIG = `${ONE_LEAF(LOOP_SETTING)}hosts: { identify: address }\n`;

interface Running {
  readonly mode: HostMode;
  readonly child: ChildProcess;
  readonly queue: number;
  /** First of its source addresses, by which its packets find its queue. */
  readonly source: string;
}

async function start(lab: Lab, n: number, mode: HostMode): Promise<Running> {
  const configPath = join(lab.folder, 'hosts.yaml');
  writeFileSync(configPath, CONFIG);
  const queue = FIRST_QUEUE + n;
  const source = `10.${128 + (n >> 2)}.${(n & 3) << 6}.0`;
  await queueRule(lab, { protocol: 'udp', source: `${source}/${SOURCE_PREFIX_BITS}` }, queue);
  const finds = mode === 'off' ? 'no-hosts' : 'hosts';
  const child = await startContender(lab, await coreCommand('addon', queue, configPath, finds));
  await placeDrainer(child.pid!);
  return { mode, child, queue, source };
}

async function measure(lab: Lab, first: number, hosts: number, plan: PacketsPlan): Promise<PacketCost[]> {
  const running: Running[] = [];
  for (const [n, mode] of HOST_MODES.entries()) running.push(await start(lab, first + n, mode));
  const shape = { flows: 2 * hosts, hosts, ports: 100, port: FIRST_PORT, lengthBytes: LENGTH_BYTES };
  const { packets, rounds } = plan;
  const drain = ({ child, queue, source }: Running, order: { first: number } | { random: number }) =>
    fillAndDrain(lab, child, queue, { ...shape, ...order, source, packets });
  // First every flow in its turn, so that all hosts are known.
  const turns = Math.ceil(shape.flows / packets);
  await drainInTurns(running, turns, (one, round) => drain(one, { first: round * packets }));
  for (const { mode, child } of running) if (mode === 'limited') child.kill('SIGHUP');
  await drainInTurns(running, plan.warmups, (one, round) => drain(one, { random: 100 + round }));
  const found = await drainInTurns(running, rounds, (one, round) => drain(one, { random: 1 + round }));
  const reports = await Promise.all(running.map(({ child }) => askCore(child, 'SIGTERM')));
  const cpuOf = (one: Running): number[] => found.get(one)!.map(({ cpuNsPerPacket }) => cpuNsPerPacket);
  const off = cpuOf(running[0]!);
  return running.map((one, n) => {
    const own = cpuOf(one);
    return {
      ...{ hosts, mode: one.mode, cpuNsPerPacket: spread(own), limited: reports[n]!.limited },
      toOff: median(own.map((ns, round) => ns / off[round]!)),
      bestToBest: Math.min(...own) / Math.min(...off),
    };
  });
}

export async function measureHostPackets(
  counts: readonly number[],
  plan: PacketsPlan,
): Promise<PacketCost[]> {
  const lab = await createLab();
  try {
    await lab.server.exec(['iptables', '-A', 'INPUT', '-p', 'udp', '-j', 'DROP']);
    const results: PacketCost[] = [];
    for (const [n, hosts] of counts.entries())
      results.push(...(await measure(lab, n * HOST_MODES.length, hosts, plan)));
    return results;
  } finally {
    await lab.close();
  }
}
