/**
 * What is sent through the shaped line, and what is measured of it. All of it goes from client to server; the
 * answers come back through 20 ms of netem at the server, where they disturb nothing.
 *
 *     seconds    0 ............ warm-up ........ +measured .. +0.5
 *     TCP        |=============|[=============]|==|   payload per stream in the window, at the receiver
 *     UDP                    |==[=============]|      IP bytes and one-way delay, from its start to the end
 *     ping                      [=============]       every 20 ms
 */

import type { Host, Lab } from '../lab/lab.ts';
import { parsePing } from '../lab/measure.ts';
import { finish, sleep, until } from '../lab/process.ts';
import {
  receivedBitsPerSec,
  sendUdp,
  startSink,
  type UdpReceived,
  type UdpSendOptions,
  type UdpSent,
} from '../lab/udp.ts';
import type { Loop } from './awake.ts';

/** Round trip without a queue, made where the answers leave. */
export const BASE_RTT_MS = 20;
const PING_INTERVAL_MS = 20;
const TCP_PORT = 5201;
const UDP_PORT = 7000;
const FLOOD_PORT = 9;
/** How much longer than the window traffic lasts, so that its end is outside. */
const TAIL_SECONDS = 0.5;
/** Its packets and those of TCP share what they will share from then on. */
const UDP_LEAD_SECONDS = 1;
/** Far longer than anything takes: a bound for what went wrong. */
const PATIENCE_MS = 1_000_000;
/** iperf3 reports what arrived in steps this long. */
const STEP_SECONDS = 0.1;

export interface Load {
  readonly key: string;
  readonly label: string;
  readonly tcpStreams: number;
  readonly udpBitsPerSec?: number;
  /** IP length of the UDP packets. */
  readonly udpBytes?: number;
  /** What another host sends beside all that, from before it until after it. */
  readonly flood?: Partial<UdpSendOptions>;
  /** The client sends superpackets; else single segments, as they come from a wire. */
  readonly superpackets?: boolean;
}

/** 1 TCP and a call of one host, beside another one that sends half as much again as the line takes. */
const BESIDE_FLOOD = { tcpStreams: 1, udpBitsPerSec: 2e6, udpBytes: 500 };
const FLOOD = { source: '10.77.1.3', rateBitsPerSec: 30e6, lengthBytes: 1000 };

export const LOADS: readonly Load[] = [
  { key: 'tcp1', label: '1 TCP', tcpStreams: 1 },
  { key: 'tcp4', label: '4 TCP', tcpStreams: 4 },
  { key: 'tcp4-super', label: '4 TCP in superpackets', tcpStreams: 4, superpackets: true },
  { key: 'udp5', label: '1 TCP, UDP of 5 Mbit/s', tcpStreams: 1, udpBitsPerSec: 5e6, udpBytes: 1000 },
  { key: 'udp30', label: '1 TCP, UDP of 30 Mbit/s', tcpStreams: 1, udpBitsPerSec: 30e6, udpBytes: 1500 },
  {
    key: 'flood-flows',
    label: '1 TCP, UDP of 2 Mbit/s, 2000 flows of another host',
    ...BESIDE_FLOOD,
    flood: { ...FLOOD, flows: 2000 },
  },
  {
    key: 'flood-ports',
    label: '1 TCP, UDP of 2 Mbit/s, another host with a new port for every packet',
    ...BESIDE_FLOOD,
    flood: { ...FLOOD, flows: 50_000 },
  },
  {
    key: 'flood-ipv6',
    label: '1 TCP, UDP of 2 Mbit/s, another host with a new IPv6 address for every packet',
    ...BESIDE_FLOOD,
    flood: { ...FLOOD, family: 6, source: 'fd77:1::1:0', flows: 50_000, hosts: 50_000 },
  },
];

export interface Window {
  readonly warmSeconds: number;
  readonly seconds: number;
}

export interface Measured {
  /** TCP payload. */
  readonly streamBitsPerSec: readonly number[];
  /** IP bytes; 0 without UDP. */
  readonly udpBitsPerSec: number;
  /** Of those sent before the last one that arrived. */
  readonly udpLostRatio: number;
  /** One way; NaN without UDP. */
  readonly udpDelayP99Ms: number;
  readonly pingMs: readonly number[];
  readonly pingsLost: number;
}

interface IperfServerJson {
  readonly error?: string;
  readonly intervals?: readonly {
    readonly streams: readonly { readonly start: number; readonly end: number; readonly bytes: number }[];
  }[];
}

/** Payload bits per second of each stream between the two instants, by the receiver's reports. */
export function streamRates(report: IperfServerJson, fromSeconds: number, toSeconds: number): number[] {
  const sums: { bytes: number; seconds: number }[] = [];
  for (const { streams } of report.intervals ?? []) {
    for (const [i, { start, end, bytes }] of streams.entries()) {
      const middle = (start + end) / 2;
      if (middle < fromSeconds || middle >= toSeconds) continue;
      sums[i] ??= { bytes: 0, seconds: 0 };
      sums[i].bytes += bytes;
      sums[i].seconds += end - start;
    }
  }
  return sums.map(({ bytes, seconds }) => (bytes * 8) / seconds);
}

interface TcpFlow {
  /** Resolves at the end. */
  readonly rates: Promise<number[]>;
}

/** Resolves when the connections stand. */
async function startTcp({ client, server }: Lab, streams: number, window: Window): Promise<TcpFlow> {
  const { warmSeconds, seconds } = window;
  const listener = server.spawn([
    'iperf3',
    '-s',
    '-1',
    '-J',
    '-i',
    String(STEP_SECONDS),
    '-p',
    `${TCP_PORT}`,
  ]);
  const listened = finish(listener, PATIENCE_MS);
  await listening(server);
  const command = [
    'iperf3',
    '--forceflush',
    '-c',
    server.addresses.v4,
    '-p',
    `${TCP_PORT}`,
    '-P',
    `${streams}`,
  ];
  // Whole seconds: of anything else it takes what stands before the point, and 0 is for ever.
  const lasts = Math.ceil(warmSeconds + seconds + TAIL_SECONDS);
  const sender = client.spawn([...command, '-t', String(lasts)]);
  const sent = finish(sender, PATIENCE_MS);
  const connected = new Promise<void>((resolve) => {
    sender.stdout?.on('data', (text: string) => text.includes(' connected to ') && resolve());
  });
  await Promise.race([connected, sent]);
  const rates = Promise.all([listened, sent]).then(([{ stdout }, { code, stderr }]) => {
    const report = JSON.parse(stdout || '{"error":"no report"}') as IperfServerJson;
    if (report.error || code !== 0) throw new Error(`iperf3: ${report.error ?? stderr}`);
    return streamRates(report, warmSeconds, warmSeconds + seconds);
  });
  return { rates };
}

/** With -J iperf3 says nothing until it ends, so the socket is asked for. */
async function listening(server: Host): Promise<void> {
  const isListening = async (): Promise<boolean> =>
    (await server.exec(['ss', '-Hltn', `sport = ${TCP_PORT}`])).stdout.trim() !== '';
  await until('iperf3 listens', isListening, PATIENCE_MS);
}

/**
 * Stops counting while TCP still sends: what waits then would have the line for itself. Null when there is no
 * UDP.
 */
async function measureUdp({ client, server }: Lab, load: Load, window: Window): Promise<UdpReceived | null> {
  if (load.udpBitsPerSec === undefined) return null;
  const sink = await startSink(server, { port: UDP_PORT, waitMs: PATIENCE_MS, idleMs: PATIENCE_MS });
  const leadSeconds = Math.min(UDP_LEAD_SECONDS, window.warmSeconds);
  await sleep(1000 * (window.warmSeconds - leadSeconds));
  const sent = sendUdp(client, server, {
    port: UDP_PORT,
    rateBitsPerSec: load.udpBitsPerSec,
    lengthBytes: load.udpBytes ?? 1500,
    seconds: leadSeconds + window.seconds,
  });
  await sleep(1000 * (leadSeconds + window.seconds));
  const received = await sink.stop();
  await sent;
  return received;
}

/** Round trips at the given spacing; runs for `seconds`. */
export async function pings(
  { client, server }: Lab,
  seconds: number,
): Promise<{ ms: number[]; lost: number }> {
  const count = Math.round((1000 * seconds) / PING_INTERVAL_MS);
  const command = ['ping', '-n', '-c', `${count}`, '-i', `${PING_INTERVAL_MS / 1000}`, '-W', '2'];
  const { stdout } = await finish(client.spawn([...command, server.addresses.v4]), PATIENCE_MS);
  const { rttsMs, sent, received } = parsePing(stdout, PING_INTERVAL_MS);
  return { ms: [...rttsMs], lost: sent - received };
}

/** Sends the flood, if the load has one. Resolves at its end. */
async function sendFlood({ client, server }: Lab, load: Load, window: Window): Promise<UdpSent | null> {
  if (load.flood === undefined) return null;
  const sink = await startSink(server, { port: FLOOD_PORT, hold: true });
  const seconds = Math.ceil(window.warmSeconds + window.seconds + TAIL_SECONDS);
  const sent = await sendUdp(client, server, { port: FLOOD_PORT, ...load.flood, seconds });
  await sink.stop();
  return sent;
}

/** Runs the load once through whatever shapes now. The loop keeps time while programs start. */
export async function measureLoad(lab: Lab, load: Load, window: Window, loop: Loop): Promise<Measured> {
  const segments = load.superpackets ? '65535' : '1';
  await lab.client.exec(['ip', 'link', 'set', 'eth0', 'gso_max_segs', segments]);
  const flow = await startTcp(lab, load.tcpStreams, window);
  loop.pause();
  const [streamBitsPerSec, udp, , answers] = await Promise.all([
    flow.rates,
    measureUdp(lab, load, window),
    sendFlood(lab, load, window),
    sleep(1000 * window.warmSeconds).then(() => pings(lab, window.seconds)),
  ]);
  loop.resume();
  return {
    streamBitsPerSec,
    udpBitsPerSec: udp ? receivedBitsPerSec(udp) : 0,
    udpLostRatio: udp ? udp.lost / (udp.lost + udp.packets) : 0,
    udpDelayP99Ms: (udp?.delayNs?.p99 ?? Number.NaN) / 1e6,
    pingMs: answers.ms,
    pingsLost: answers.lost,
  };
}
