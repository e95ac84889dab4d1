/** Segments of TCP connections whose data leaves by the first device and whose answers come back by it. */
import { expect } from 'vitest';
import { CHECKSUM_AT } from '../../src/algo/pacing/checksum.ts';
import { Engine } from '../../src/core/engine.ts';
import { TOTAL } from '../../src/core/packets/stats.ts';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import { ACK, IPPROTO_TCP, SYN } from '../../src/packet/tcp-header.ts';
import { ipv4, type PacketShape } from '../../src/sim/packets/packets.ts';
import type { QueuePlan } from '../../src/spec/queue-plan.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { runUntil } from '../port/driver.ts';
import { type SimArrival, SimPort } from '../port/sim-port.ts';

export const MSS = 1448;

/** Options: a scale (RFC 7323), an MD5 signature (RFC 2385). */
export const scaleOption = (scale: number): readonly number[] => [3, 3, scale, 1];
export const MD5_OPTION: readonly number[] = [19, 18, ...new Array(16).fill(7), 1, 1];

export interface Ends {
  readonly isIpv6?: boolean;
  readonly port: number;
}

/** A segment of the sender (its data leaves) or of the receiver. */
export function segment(
  timeNs: number,
  { isIpv6 = false, port }: Ends,
  from: 'sender' | 'receiver',
  shape: Partial<PacketShape>,
  payloadBytes = 0,
): SimArrival {
  const sender = isIpv6 ? ([0x20010db8, 0, 0, 1] as const) : ipv4(10, 0, 0, 1);
  const receiver = isIpv6 ? ([0x20010db8, 1, 0, 1] as const) : ipv4(192, 0, 2, 1);
  const isUp = from === 'sender';
  const addresses = isUp ? { src: sender, dst: receiver } : { src: receiver, dst: sender };
  const ports = isUp ? { sport: port, dport: 5001 } : { sport: 5001, dport: port };
  const options = shape.tcpOptions ?? [];
  const lengthBytes = (isIpv6 ? 40 : 20) + 20 + 4 * Math.ceil(options.length / 4) + payloadBytes;
  const way = isUp ? { ifIndexIn: 99, ifIndexOut: 1 } : { ifIndexIn: 1, ifIndexOut: 99 };
  return { timeNs, lengthBytes, shape: { ...addresses, ...ports, protocol: IPPROTO_TCP, ...shape }, ...way };
}

/** SYN, SYN-ACK and its answer, 5 ms apart; both ends count from 1001 on then. */
export function handshake(timeNs: number, ends: Ends, scale: number, window = 65_535): SimArrival[] {
  const tcpOptions = scaleOption(scale);
  const syn = { tcpFlags: SYN, tcpSeq: 1000, tcpOptions };
  const answer = { tcpFlags: SYN | ACK, tcpSeq: 1000, tcpAck: 1001, tcpWindow: window, tcpOptions };
  return [
    segment(timeNs, ends, 'sender', syn),
    segment(timeNs + 5e6, ends, 'receiver', answer),
    segment(timeNs + 10e6, ends, 'sender', { tcpSeq: 1001, tcpAck: 1001 }),
  ];
}

/** A segment as it came, and how it left. */
export interface Passed {
  readonly arrival: SimArrival;
  readonly timeNs: number;
  readonly isAccepted: boolean;
  /** The window field that left. */
  readonly window: number;
  readonly isEdited: boolean;
}

export class PacedWorld {
  readonly port = new SimPort({ keepTrace: true, copyBytes: [1500] });
  readonly engine: Engine;
  private readonly arrivals: SimArrival[] = [];

  constructor(spec: ShaperSpec, plan?: QueuePlan) {
    this.engine = new Engine(spec, { seed: 1, releaseSlackNs: 0, ...(plan && { plan }) });
    for (const [n, device] of this.engine.intake.devices.entries())
      this.engine.intake.setDeviceIndex(device, n + 1);
  }

  inject(arrivals: readonly SimArrival[]): void {
    this.port.inject(arrivals);
    this.arrivals.push(...arrivals);
  }

  run(untilNs: number): void {
    runUntil(this.engine, this.port, untilNs);
  }

  /** What has left, in order. New bytes are checked: nothing but window and checksum may be others. */
  passed(): Passed[] {
    return this.port.trace.map(({ packetId, timeNs, verdict, payload }) => {
      const arrival = this.arrivals[packetId - 1];
      const before = arrival.shape.tcpWindow ?? 0xffff;
      const window = payload === undefined ? before : editedWindow(arrival, payload);
      const isEdited = payload !== undefined;
      return { arrival, timeNs, isAccepted: verdict === NF_ACCEPT, window, isEdited };
    });
  }

  /** Every packet has left, once. */
  expectAllGone(): void {
    const ids = new Set(this.port.trace.map(({ packetId }) => packetId));
    expect(this.port.trace).toHaveLength(this.arrivals.length);
    expect(ids.size).toBe(this.arrivals.length);
    expect(this.engine.stats.totals[TOTAL.heldPackets]).toBe(0);
  }
}

function editedWindow({ shape, lengthBytes }: SimArrival, bytes: Uint8Array): number {
  const at = typeof shape.src === 'number' ? 20 : 40;
  const word = (place: number): number => (bytes[at + place] << 8) | bytes[at + place + 1];
  const before = shape.tcpWindow ?? 0xffff;
  expect(bytes.length).toBe(lengthBytes);
  // The simulated packet came with checksum 0. In ones' complement the sum of both words stays.
  expect((word(CHECKSUM_AT) + word(14)) % 0xffff).toBe(before % 0xffff);
  expect(bytes[at + 13]).toBe(shape.tcpFlags ?? ACK);
  const seq = ((word(4) << 16) | word(6)) >>> 0;
  const ack = ((word(8) << 16) | word(10)) >>> 0;
  expect([seq, ack]).toEqual([(shape.tcpSeq ?? 0) >>> 0, (shape.tcpAck ?? 0) >>> 0]);
  return word(14);
}
