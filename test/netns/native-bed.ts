/**
 * What a scenario on real packets stands on: a port, UDP sockets on the
 * loopback of the namespace it runs in, and iptables rules that queue at INPUT.
 * At INPUT a held packet is not charged to its sender's socket any more.
 */
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Addon } from '../../src/io/nfqueue/addon.ts';
import { type NfqueueOptions, type NfqueuePort, openNfqueue } from '../../src/io/nfqueue/nfqueue.ts';
import { NFQUEUES_FILE, parseNfqueues } from '../../src/io/proc/nfqueues.ts';
import { NF_ACCEPT } from '../../src/packet/batch.ts';

export const FIRST_QUEUE = 40;
export const PORT = 9000;

export interface Packet {
  id: number;
  nfqueue: number;
  hook: number;
  ifIndexIn: number;
  ifIndexOut: number;
  lengthBytes: number;
  copiedBytes: number;
  mark: number;
  mac: string;
  skbInfo: number;
  portIn: number;
  portOut: number;
  bytes: Buffer;
}

export interface Verdict {
  id: number;
  verdict?: number;
  nfqueue?: number;
  mark?: number;
  tag?: number;
  payload?: Buffer;
  /** Where new bytes are said to be, instead of where `payload` is put. */
  payloadOffset?: number;
}

/** Far longer than anything takes on a busy machine. */
const PATIENCE_MS = 30_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(holds: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`never happened: ${what}`);
    await sleep(2);
  }
}

export function iptables(...rule: string[]): void {
  execFileSync('iptables', ['-w', ...rule]);
}

export function queueRule(options: {
  chain?: string;
  match?: string[];
  nfqueue?: string[];
  six?: boolean;
}): void {
  const { chain = 'INPUT', match = ['-p', 'udp', '--dport', String(PORT)], six = false } = options;
  const nfqueue = options.nfqueue ?? ['--queue-num', String(FIRST_QUEUE)];
  execFileSync(six ? 'ip6tables' : 'iptables', ['-w', '-A', chain, ...match, '-j', 'NFQUEUE', ...nfqueue]);
}

/** Packets the kernel holds for our queues, and what it dropped. */
export function kernelQueues(): { held: number; queueFull: number; socketFull: number }[] {
  return parseNfqueues(readFileSync(NFQUEUES_FILE, 'utf8')).map(({ heldPackets, queueFull, socketFull }) => ({
    held: heldPackets,
    queueFull,
    socketFull,
  }));
}

export const DEFAULTS: NfqueueOptions = {
  firstQueue: FIRST_QUEUE,
  count: 2,
  lengthPackets: 1024,
  copyBytes: [128, 128],
  gso: [false, false],
};

export class Bed {
  readonly port: NfqueuePort;
  readonly received: string[] = [];
  private readonly sender: Socket;
  private readonly receiver: Socket;

  private constructor(port: NfqueuePort, sender: Socket, receiver: Socket) {
    this.port = port;
    this.sender = sender;
    this.receiver = receiver;
    receiver.on('message', (bytes) => this.received.push(bytes.toString()));
  }

  static async create(options: Partial<NfqueueOptions> = {}, addon?: Addon): Promise<Bed> {
    const merged = { ...DEFAULTS, ...options };
    const port = addon ? openNfqueue(merged, addon) : openNfqueue(merged);
    const sender = createSocket('udp4');
    const receiver = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
    receiver.bind(PORT, '127.0.0.1');
    await once(receiver, 'listening');
    return new Bed(port, sender, receiver);
  }

  async say(...texts: string[]): Promise<void> {
    for (const text of texts) {
      await new Promise<void>((resolve, reject) => {
        this.sender.send(text, PORT, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
      });
    }
  }

  /** Datagrams the other way. */
  reply(...texts: string[]): void {
    for (const text of texts) this.receiver.send(text, this.sender.address().port, '127.0.0.1');
  }

  /** Reads until `count` packets have come. */
  async collect(count: number): Promise<Packet[]> {
    const packets: Packet[] = [];
    await until(() => {
      packets.push(...this.take());
      return packets.length >= count;
    }, `${count} packets in the queue`);
    return packets;
  }

  take(): Packet[] {
    const rows = this.port.drain();
    const { slab, batch } = this.port;
    const a = batch.arrivals;
    return Array.from({ length: rows }, (_, p) => ({
      id: a.packetId[p]!,
      nfqueue: a.nfqueue[p]!,
      hook: a.hook[p]!,
      ifIndexIn: a.ifIndexIn[p]!,
      ifIndexOut: a.ifIndexOut[p]!,
      lengthBytes: a.lengthBytes[p]!,
      copiedBytes: a.copiedBytes[p]!,
      mark: a.mark[p]!,
      mac: a.macHigh[p]!.toString(16).padStart(4, '0') + a.macLow[p]!.toString(16).padStart(8, '0'),
      skbInfo: a.skbInfo[p]!,
      portIn: a.portIn[p]!,
      portOut: a.portOut[p]!,
      bytes: Buffer.from(slab.subarray(a.slabOffset[p]!, a.slabOffset[p]! + a.copiedBytes[p]!)),
    }));
  }

  /** Sends these verdicts in one call; new bytes go through the edit area. */
  give(verdicts: readonly Verdict[]): void {
    const v = this.port.batch.verdicts;
    let payloadOffset = this.port.editOffset;
    verdicts.forEach((one, row) => {
      v.packetId[row] = one.id;
      v.nfqueue[row] = one.nfqueue ?? 0;
      v.verdict[row] = one.verdict ?? NF_ACCEPT;
      v.mark[row] = one.mark ?? 0;
      v.tag[row] = one.tag ?? 0;
      v.payloadOffset[row] = one.payloadOffset ?? payloadOffset;
      v.payloadBytes[row] = one.payload?.length ?? 0;
      if (one.payload) this.port.slab.set(one.payload, payloadOffset);
      payloadOffset += one.payload?.length ?? 0;
    });
    this.port.send(verdicts.length);
  }

  /** Failures of the next drain. */
  failures(): { tag: number; errno: number }[] {
    this.port.drain();
    const { tag, errorNumber } = this.port.batch.failures;
    return Array.from({ length: this.port.failureRows }, (_, i) => ({
      tag: tag[i]!,
      errno: errorNumber[i]!,
    }));
  }

  /** Accepts everything as it comes, from the event loop. */
  acceptAll(seen: (packet: Packet) => void = () => undefined): void {
    this.port.onReady(() => {
      const packets = this.take();
      packets.forEach(seen);
      if (packets.length > 0) this.give(packets.map(({ id, nfqueue }) => ({ id, nfqueue })));
      this.port.arm(Number.POSITIVE_INFINITY);
    });
  }

  async receivedCount(count: number): Promise<string[]> {
    await until(() => this.received.length >= count, `${count} packets received`);
    // Time for one too many to show.
    await sleep(20);
    return this.received;
  }

  close(): void {
    this.port.close();
    this.sender.close();
    this.receiver.close();
  }
}

export const words = (count: number): string[] => Array.from({ length: count }, (_, i) => `w${i}`);

/** The bed is closed whatever `run` does, so that a failed scenario ends. */
export async function withBed<T>(run: (bed: Bed) => Promise<T>, options = {}, addon?: Addon): Promise<T> {
  const bed = await Bed.create(options, addon);
  try {
    return await run(bed);
  } finally {
    bed.close();
  }
}
