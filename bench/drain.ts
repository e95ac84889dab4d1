/**
 * CPU per packet by filling a queue and then draining it. The drainer is stopped (SIGSTOP) while the
 * generator fills its queue in the kernel, so the generator's speed does not matter; then it runs (SIGCONT)
 * until the kernel holds no packet any more. CPU is the run time of all its threads as the scheduler counts
 * it (/proc/PID/task/*\/schedstat, in nanoseconds). It includes the packet's way through the rest of the
 * router and through the receiver, because that runs inside the system call that sends the verdict. This is
 * the same for every contender. The receiver is a bound socket that nobody reads.
 */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { NFQUEUES_FILE, parseNfqueues } from '../src/io/proc/nfqueues.ts';
import type { Lab } from './lab/lab.ts';
import { pause } from './lab/pause.ts';
import { run, sleep } from './lab/process.ts';
import { sendUdp, type UdpSendOptions } from './lab/udp.ts';

export interface FillOptions
  extends Pick<UdpSendOptions, 'flows' | 'first' | 'random' | 'hosts' | 'source' | 'ports' | 'lengthBytes'> {
  readonly packets: number;
  /** To which port, or to `ports` of them from this one on. */
  readonly port: number;
}

export interface Drained {
  readonly cpuNsPerPacket: number;
  readonly packetsPerSec: number;
}

/**
 * Gives every contender the same place: the last processor, as the generator runs on the first. A packet
 * costs a third more or less depending on whether the processor that made it frees it, and that must not
 * differ between contenders. All get the niceness that our program asks for itself, because a process that is
 * interrupted less finds warmer caches.
 */
export async function placeDrainer(pid: number): Promise<void> {
  await run(['taskset', '-a', '-c', '-p', String(cpus().length - 1), String(pid)]);
  await run(['renice', '-n', '-20', '-p', String(pid)]);
}

/** Run time so far of the packet thread, which is the main one. */
export function packetThreadNs(pid: number): number {
  return runTimeNs(pid, String(pid));
}

function runTimeNs(pid: number, thread: string): number {
  return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
}

/** Run time of all threads so far. */
export function cpuNs(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sum += runTimeNs(pid, thread);
  }
  return sum;
}

export interface QueueState {
  readonly held: number;
  readonly queueFull: number;
  readonly socketFull: number;
}

/** The kernel's own numbers of a queue in the namespace of that process. */
export function queueState(pid: number, queue: number): QueueState {
  const queues = parseNfqueues(readFileSync(NFQUEUES_FILE.replace('/proc', `/proc/${pid}`), 'utf8'));
  const found = queues.find(({ number }) => number === queue);
  if (!found) throw new Error(`queue ${queue} is not bound`);
  return { held: found.heldPackets, queueFull: found.queueFull, socketFull: found.socketFull };
}

/** Packets the router has sent to the server. */
function forwarded(pid: number): number {
  const line = readFileSync(`/proc/${pid}/net/dev`, 'utf8')
    .split('\n')
    .find((text) => text.trim().startsWith('wan0:'));
  return Number(line?.split(':')[1]?.trim().split(/\s+/)[9]);
}

/** Blocks this thread: nothing of ours may run while the drainer is measured. */
function pauseMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Polls until the kernel holds none; the time at which that was seen. */
function untilDrained(pid: number, queue: number, limitMs: number): number {
  const deadline = performance.now() + limitMs;
  while (queueState(pid, queue).held > 0) {
    if (performance.now() > deadline) {
      throw new Error(
        `queue ${queue} still holds ${queueState(pid, queue).held} packets after ${limitMs} ms`,
      );
    }
    pauseMs(0.5);
  }
  return performance.now();
}

/**
 * One fill and one drain of a running contender. `cpuOf` reads the processor time that counts. Throws when a
 * packet was lost on the way.
 */
export async function fillAndDrain(
  lab: Lab,
  child: ChildProcess,
  queue: number,
  fill: FillOptions,
  cpuOf: (pid: number) => number = cpuNs,
): Promise<Drained> {
  const { packets, ...traffic } = fill;
  const pid = child.pid!;
  const goOn = pause(child);
  const before = queueState(pid, queue);
  const forwardedBefore = forwarded(pid);
  await sendUdp(lab.client, lab.server, { ...traffic, count: packets, cpu: 0 });
  await sleep(10); // the last packets of the generator pass the router
  const filled = queueState(pid, queue);
  if (filled.held !== packets) {
    const full = `${filled.queueFull - before.queueFull} queue full`;
    const socket = `${filled.socketFull - before.socketFull} socket full`;
    goOn();
    throw new Error(`queue ${queue} holds ${filled.held} of ${packets} packets (${full}, ${socket})`);
  }
  const cpuBefore = cpuOf(pid);
  const start = performance.now();
  goOn();
  const end = untilDrained(pid, queue, 10_000);
  pauseMs(10); // what a contender does after its last verdict is its cost too
  const cpu = cpuOf(pid) - cpuBefore;
  const passed = forwarded(pid) - forwardedBefore;
  if (passed < packets) throw new Error(`${packets - passed} of ${packets} packets did not pass`);
  return { cpuNsPerPacket: cpu / packets, packetsPerSec: (packets * 1000) / (end - start) };
}

/**
 * Contenders take turns within every round, so that other load hits all of them alike, and each round starts
 * with another one. Returns the results of `drain` by contender, round by round.
 */
export async function drainInTurns<One>(
  contenders: readonly One[],
  rounds: number,
  drain: (one: One, round: number) => Promise<Drained>,
): Promise<Map<One, Drained[]>> {
  const found = new Map<One, Drained[]>(contenders.map((one) => [one, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const one = contenders[(turn + round) % contenders.length]!;
      found.get(one)!.push(await drain(one, round));
    }
  }
  return found;
}
