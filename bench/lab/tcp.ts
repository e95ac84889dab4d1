/**
 * One TCP connection between two hosts of the lab whose every byte is checked and whose arrivals are timed.
 */
import { fileURLToPath } from 'node:url';
import type { Host } from './lab.ts';
import { CommandError, finish } from './process.ts';

const PEER = [
  process.execPath,
  '--import',
  fileURLToPath(import.meta.resolve('tsx')),
  fileURLToPath(new URL('tcp-peer.ts', import.meta.url)),
];

export interface TcpOptions {
  readonly port: number;
  readonly family?: 4 | 6;
  /** What to send: so many bytes, or as many as go in so many seconds. */
  readonly bytes?: number;
  readonly seconds?: number;
  /** How long the whole transfer may take; default 60 s. */
  readonly timeoutMs?: number;
}

export interface TcpTransfer {
  readonly sent: { readonly bytes: number; readonly sha256: string };
  readonly received: {
    readonly bytes: number;
    readonly sha256: string;
    /** Payload received until then, by the receiver's clock. */
    readonly arrivals: readonly (readonly [ms: number, bytes: number])[];
  };
}

export async function tcpTransfer(from: Host, to: Host, options: TcpOptions): Promise<TcpTransfer> {
  const { port, bytes, seconds, timeoutMs = 60_000 } = options;
  const receiver = to.spawn([...PEER, 'receive', String(port)]);
  const report = finish(receiver, timeoutMs);
  report.catch(() => undefined); // awaited below
  await Promise.race([new Promise((resolve) => receiver.stdout?.once('data', resolve)), report]);
  const address = options.family === 6 ? to.addresses.v6 : to.addresses.v4;
  const amount = bytes === undefined ? ['seconds', String(seconds ?? 1)] : ['bytes', String(bytes)];
  try {
    const sender = await from.exec([...PEER, 'send', address, String(port), ...amount], { timeoutMs });
    const finished = await report;
    if (finished.code !== 0) throw new CommandError(PEER, finished);
    const line = finished.stdout.split('\n').find((text) => text.startsWith('{'));
    return { sent: JSON.parse(sender.stdout), received: JSON.parse(line ?? '{}') };
  } finally {
    receiver.kill('SIGKILL');
  }
}

/**
 * Payload bits per second at the receiver, without the first `skipMs` and the last `dropMs` of the transfer.
 */
export function steadyBitsPerSec({ received }: TcpTransfer, skipMs: number, dropMs: number): number {
  const { arrivals } = received;
  const startMs = (arrivals[0]?.[0] ?? 0) + skipMs;
  const endMs = (arrivals.at(-1)?.[0] ?? 0) - dropMs;
  const inside = arrivals.filter(([ms]) => ms >= startMs && ms <= endMs);
  const [fromMs, fromBytes] = inside[0] ?? [0, 0];
  const [toMs, toBytes] = inside.at(-1) ?? [0, 0];
  return toMs > fromMs ? ((toBytes - fromBytes) * 8e3) / (toMs - fromMs) : Number.NaN;
}
