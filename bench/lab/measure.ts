/** iperf3 and ping between hosts of the lab, bounded in time, with their results as numbers. */
import { median } from '../statistics.ts';
import type { Host } from './lab.ts';
import { CommandError, ended, finish } from './process.ts';

export interface IperfOptions {
  readonly port: number;
  readonly seconds: number;
  readonly family?: 4 | 6;
  /** Connections at once; default 1. */
  readonly parallel?: number;
  /** The server sends. */
  readonly reverse?: boolean;
  /** Seconds at the start that do not count (slow start). */
  readonly omitSeconds?: number;
  /** Bytes to transfer instead of a time. */
  readonly bytes?: number;
  readonly tos?: number;
  /** Payload of each connection; default: as much as goes. */
  readonly rateBitsPerSec?: number;
  /** Bytes per write; default 128 KiB. */
  readonly writeBytes?: number;
  /** The client's address; default: what its routes choose. */
  readonly bind?: string;
}

export interface IperfResult {
  /** Payload bits per second at the receiver. */
  readonly bitsPerSec: number;
  readonly receivedBytes: number;
  readonly retransmits: number;
  /** Payload bits per second of every connection at the receiver. */
  readonly streamBitsPerSec: readonly number[];
}

interface Sum {
  bits_per_second?: number;
  bytes?: number;
  retransmits?: number;
}
interface IperfJson {
  error?: string;
  end?: {
    sum_sent?: Sum;
    sum_received?: Sum;
    streams?: { receiver?: Sum }[];
  };
}

async function iperf(client: Host, server: Host, options: IperfOptions): Promise<IperfJson> {
  const address = options.family === 6 ? server.addresses.v6 : server.addresses.v4;
  const limitMs = 1000 * (options.seconds + (options.omitSeconds ?? 0)) + 15_000;
  const listener = server.spawn(['iperf3', '-s', '-1', '-p', String(options.port), '--forceflush']);
  const listenerOutput = finish(listener, limitMs);
  listenerOutput.catch(() => undefined);
  await Promise.race([new Promise((resolve) => listener.stdout?.once('data', resolve)), listenerOutput]);
  const command = ['iperf3', '-c', address, '-p', String(options.port), '-J'];
  command.push(
    ...(options.bytes === undefined ? ['-t', String(options.seconds)] : ['-n', String(options.bytes)]),
  );
  if (options.parallel) command.push('-P', String(options.parallel));
  if (options.reverse) command.push('-R');
  if (options.omitSeconds) command.push('-O', String(options.omitSeconds));
  if (options.tos !== undefined) command.push('-S', String(options.tos));
  if (options.rateBitsPerSec !== undefined) command.push('-b', String(options.rateBitsPerSec));
  if (options.writeBytes !== undefined) command.push('-l', String(options.writeBytes));
  if (options.bind !== undefined) command.push('-B', options.bind);
  try {
    const finished = await client.exec(command, { timeoutMs: limitMs, check: false });
    if (finished.code !== 0) {
      const report = finished.stdout.startsWith('{') ? (JSON.parse(finished.stdout) as IperfJson).error : '';
      throw new CommandError(command, { ...finished, stdout: '', stderr: report || finished.stderr });
    }
    return JSON.parse(finished.stdout) as IperfJson;
  } finally {
    if (!(await ended(listener, 5000))) listener.kill('SIGKILL');
  }
}

export async function iperfTcp(client: Host, server: Host, options: IperfOptions): Promise<IperfResult> {
  const { end } = await iperf(client, server, options);
  return {
    bitsPerSec: end?.sum_received?.bits_per_second ?? 0,
    receivedBytes: end?.sum_received?.bytes ?? 0,
    retransmits: end?.sum_sent?.retransmits ?? 0,
    streamBitsPerSec: (end?.streams ?? []).map((stream) => stream.receiver?.bits_per_second ?? 0),
  };
}

export interface PingOptions {
  readonly family?: 4 | 6;
  readonly count?: number;
  readonly intervalMs?: number;
  readonly tos?: number;
  /** ICMP payload bytes; default 56. */
  readonly payloadBytes?: number;
  /** How long the last answers are awaited. */
  readonly waitMs?: number;
}

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly rttsMs: readonly number[];
  readonly medianMs: number;
  readonly maxMs: number;
  /** Longest run of unanswered requests, as a time: run x interval. */
  readonly gapMs: number;
}

/** Runs in the background when not awaited. Unanswered pings are a result, not a failure. */
export async function ping(from: Host, to: Host, options: PingOptions = {}): Promise<PingResult> {
  const address = options.family === 6 ? to.addresses.v6 : to.addresses.v4;
  const { count = 10, intervalMs = 50, waitMs = 5000 } = options;
  const command = ['ping', '-n', '-c', String(count), '-i', String(intervalMs / 1000)];
  command.push('-W', String(waitMs / 1000));
  if (options.tos !== undefined) command.push('-Q', String(options.tos));
  if (options.payloadBytes !== undefined) command.push('-s', String(options.payloadBytes));
  const timeoutMs = count * intervalMs + waitMs + 60_000;
  const finished = await from.exec([...command, address], { timeoutMs, check: false });
  if (finished.code !== 0 && finished.code !== 1) throw new CommandError(command, finished);
  return parsePing(finished.stdout, intervalMs);
}

/** From the output of iputils ping, one line per answer and the summary. */
export function parsePing(output: string, intervalMs: number): PingResult {
  const answered = new Set<number>();
  const rttsMs: number[] = [];
  for (const match of output.matchAll(/icmp_seq=(\d+) .*?time=([\d.]+) ms(.*)/g)) {
    if (match[3]!.includes('DUP')) continue;
    answered.add(Number(match[1]));
    rttsMs.push(Number(match[2]));
  }
  const sent = Number(/(\d+) packets transmitted/.exec(output)?.[1] ?? 0);
  let run = 0;
  let longest = 0;
  for (let sequence = 1; sequence <= sent; sequence++) {
    run = answered.has(sequence) ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return {
    sent,
    received: answered.size,
    rttsMs,
    medianMs: median(rttsMs),
    maxMs: Math.max(0, ...rttsMs),
    gapMs: longest * intervalMs,
  };
}
