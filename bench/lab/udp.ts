/**
 * UDP traffic between two hosts of the lab by bench/native/udpgen.c and udpsink.c. All lengths are IP
 * lengths.
 */
import type { ChildProcess } from 'node:child_process';
import type { Host } from './lab.ts';
import { nativeProgram } from './native.ts';
import { CommandError, finish } from './process.ts';

export interface UdpSendOptions {
  readonly port: number;
  readonly family?: 4 | 6;
  /** Of IP bytes; absent: as fast as possible. */
  readonly rateBitsPerSec?: number;
  /** Bound in time; `count` or this must be given. */
  readonly seconds?: number;
  readonly count?: number;
  /** IP length of every packet; default 300, at least 52 (IPv4) or 72 (IPv6). */
  readonly lengthBytes?: number;
  /**
   * Flows differ in source port (from `sourcePort` on, modulo 2^16: more flows need hosts or ports); packets
   * take turns.
   */
  readonly flows?: number;
  /** The flow that has the first turn; default 0. */
  readonly first?: number;
  /** A seed above 0: packet by packet a flow is drawn instead. */
  readonly random?: number;
  /** Source addresses, counted up from `source`; flow f has host f % hosts. */
  readonly hosts?: number;
  /** Default: the sender's own address. */
  readonly source?: string;
  readonly sourcePort?: number;
  /** Destination ports, counted up from `port`; flow f has port f % ports. */
  readonly ports?: number;
  readonly tos?: number;
  /** Packets per system call at most. */
  readonly burst?: number;
  /** Packets wait at the sender until so many are due, and leave together; default 1. */
  readonly gather?: number;
  /** Run on this processor only. */
  readonly cpu?: number;
}

export interface UdpSent {
  readonly packets: number;
  readonly bytes: number;
  /** Packets the sender's own kernel refused. */
  readonly refused: number;
  readonly firstNs: number;
  readonly lastNs: number;
}

/** Nanoseconds. */
export interface Percentiles {
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface UdpFlow {
  readonly flow: number;
  readonly packets: number;
  readonly bytes: number;
  readonly reordered: number;
  readonly firstNs: number;
  readonly lastNs: number;
}

export interface UdpReceived {
  readonly packets: number;
  readonly bytes: number;
  /** Packets that udpgen did not make. */
  readonly foreign: number;
  readonly firstNs: number;
  readonly lastNs: number;
  readonly flowCount: number;
  /** Packets that came after a later one of their flow. */
  readonly reordered: number;
  /** Gaps in the sequence numbers; losses at the end of a flow are not seen here. */
  readonly lost: number;
  /** One-way delay, same clock at both ends. */
  readonly delayNs?: Percentiles;
  readonly latenessNs?: Percentiles;
  readonly flows?: readonly UdpFlow[];
}

export interface SinkOptions {
  readonly port: number;
  /** Once the sender has ended: the sink ends this long after the last packet; default 500. */
  readonly idleMs?: number;
  /** Once the sender has ended: the sink ends when nothing has come for this long; default 10 s. */
  readonly waitMs?: number;
  readonly count?: number;
  readonly perFlow?: boolean;
  /** Measure lateness against a grid of this interval. */
  readonly intervalNs?: number;
  /** Bind and never read: a receiver without cost. */
  readonly hold?: boolean;
}

export interface Sink {
  /** The sender has ended: waits for the sink's own end, at most this long, and gives its report. */
  finished(timeoutMs?: number): Promise<UdpReceived>;
  /** Ends it now. */
  stop(): Promise<UdpReceived>;
}

function option(name: string, value: number | string | undefined): string[] {
  return value === undefined ? [] : [`--${name}`, String(value)];
}

/**
 * Bits per second of IP bytes between the first and the last arrival; the first packet only starts the clock.
 */
export function receivedBitsPerSec(r: {
  packets: number;
  bytes: number;
  firstNs: number;
  lastNs: number;
}): number {
  if (r.packets < 2 || r.lastNs <= r.firstNs) return 0;
  return ((r.bytes - r.bytes / r.packets) * 8e9) / (r.lastNs - r.firstNs);
}

export async function sendUdp(from: Host, to: Host, options: UdpSendOptions): Promise<UdpSent> {
  const address = options.family === 6 ? to.addresses.v6 : to.addresses.v4;
  const command = [
    ...(options.cpu === undefined ? [] : ['taskset', '-c', String(options.cpu)]),
    await nativeProgram('udpgen'),
    ...option('to', address),
    ...option('port', options.port),
    ...option('rate', options.rateBitsPerSec),
    ...option('seconds', options.seconds),
    ...option('count', options.count),
    ...option('length', options.lengthBytes),
    ...option('flows', options.flows),
    ...option('first', options.first),
    ...option('random', options.random),
    ...option('hosts', options.hosts),
    ...option('from', options.source),
    ...option('ports', options.ports),
    ...option('source-port', options.sourcePort),
    ...option('tos', options.tos),
    ...option('burst', options.burst),
    ...option('gather', options.gather),
  ];
  const { stdout } = await from.exec(command, { timeoutMs: 1000 * (options.seconds ?? 30) + 60_000 });
  return JSON.parse(stdout) as UdpSent;
}

export async function startSink(host: Host, options: SinkOptions): Promise<Sink> {
  const command = [
    await nativeProgram('udpsink'),
    ...option('port', options.port),
    ...option('idle-ms', options.idleMs),
    ...option('wait-ms', options.waitMs),
    ...option('count', options.count),
    ...option('interval-ns', options.intervalNs),
    ...(options.perFlow ? ['--per-flow'] : []),
    ...(options.hold ? ['--hold'] : []),
  ];
  const child = host.spawn(command);
  const report = finish(child, 120_000).then((finished) => {
    if (finished.code !== 0) throw new CommandError(command, finished);
    const line = finished.stdout.split('\n').find((text) => text.startsWith('{'));
    return JSON.parse(line ?? '{}') as UdpReceived;
  });
  // Whoever waits for the report sees its failure; until then it is not an unhandled one.
  report.catch(() => undefined);
  await Promise.race([firstOutput(child), report]);
  return {
    finished: (timeoutMs = 60_000) => {
      child.kill('SIGUSR1');
      return within(report, timeoutMs, () => child.kill('SIGTERM'));
    },
    stop: () => {
      child.kill('SIGTERM');
      return report;
    },
  };
}

function firstOutput(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.stdout?.once('data', () => resolve()));
}

async function within<T>(promise: Promise<T>, timeoutMs: number, stop: () => void): Promise<T> {
  const timer = setTimeout(stop, timeoutMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

export interface UdpTransfer {
  readonly sent: UdpSent;
  readonly received: UdpReceived;
  /** Of IP bytes, between first and last arrival. */
  readonly bitsPerSec: number;
}

/** One measured stream: sink up, send, wait until the rest has arrived. */
export async function udpTransfer(
  from: Host,
  to: Host,
  options: UdpSendOptions & Omit<SinkOptions, 'port' | 'count' | 'hold'>,
): Promise<UdpTransfer> {
  const sink = await startSink(to, {
    port: options.port,
    ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
    ...(options.waitMs !== undefined && { waitMs: options.waitMs }),
    ...(options.perFlow !== undefined && { perFlow: options.perFlow }),
    ...(options.intervalNs !== undefined && { intervalNs: options.intervalNs }),
  });
  const sent = await sendUdp(from, to, options);
  const received = await sink.finished();
  return { sent, received, bitsPerSec: receivedBitsPerSec(received) };
}
