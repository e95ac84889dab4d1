/** What `GET /v1/tcp` tells, event by event. */
import type { LimitKind } from '../why/limit.ts';
import type { HalfIndex, SegmentKind } from './connection.ts';

/** The first event. */
export interface TcpBegin {
  readonly type: 'begin';
  /** In one spelling. */
  readonly subject: string;
  readonly startedAt: string;
  readonly seconds: number;
}

/** A connection was seen for the first time. */
export interface TcpConnectionSeen {
  readonly type: 'connection';
  /** Its number, from 0. */
  readonly connection: number;
  /** Both directions: `tcp 10.1.0.2:40000 > 10.2.0.2:443`. Segments name them by their place here. */
  readonly flows: readonly [string, string];
}

/** Segments, a list for each quantity. */
export interface TcpSegments {
  readonly type: 'segments';
  /** Number of the first one. */
  readonly first: number;
  readonly atSeconds: number[];
  readonly connection: number[];
  readonly half: HalfIndex[];
  readonly kind: SegmentKind[];
  readonly lengthBytes: number[];
  readonly payloadBytes: number[];
  readonly flags: string[];
  readonly seq: number[];
  readonly ack: number[];
  readonly windowBefore: (number | null)[];
  readonly windowAfter: (number | null)[];
  readonly flightBytes: (number | null)[];
  readonly answerMilliseconds: (number | null)[];
  readonly roundTripMilliseconds: (number | null)[];
  readonly held: boolean[];
}

export const DROP_REASONS = ['tail', 'early', 'police', 'aqm', 'module'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Segments that were told, and were dropped here. */
export interface TcpDrops {
  readonly type: 'drops';
  readonly segment: number[];
  readonly reason: DropReason[];
}

export interface TcpConnectionReport {
  readonly connection: number;
  /** The direction that sends more data. */
  readonly flow: string;
  /** Whether segments of that direction, and of the other one, come here. */
  readonly dataSeen: boolean;
  readonly acksSeen: boolean;
  readonly segments: number;
  readonly payloadBytes: number;
  /** Over its life, as far as it was seen. */
  readonly goodputBitsPerSecond: number;
  readonly retransmits: number;
  readonly retransmittedShare: number;
  readonly duplicates: number;
  /** Acknowledgements that waited here for their instant. */
  readonly heldAcks: number;
  readonly dropped: number;
  /** Smoothed; null if it is not known. */
  readonly roundTripMilliseconds: number | null;
}

/** Every second, and with the type `end` at last. */
export interface TcpState {
  readonly type: 'state' | 'end';
  readonly atSeconds: number;
  /** The sums of all connections. */
  readonly total: {
    readonly connections: number;
    readonly segments: number;
    /** Over the time of the picture. */
    readonly goodputBitsPerSecond: number;
    readonly retransmits: number;
    readonly retransmittedShare: number;
    readonly duplicates: number;
    readonly dropped: number;
    /** Segments that were overwritten before they were read. */
    readonly missed: number;
    /** Segments that were read and counted, and are not told. */
    readonly untold: number;
  };
  /** Those with most data first. */
  readonly connections: readonly TcpConnectionReport[];
  /** What pacing gives the first of them; null if it is not paced, or not known while `limitedBy` is null. */
  readonly shareBitsPerSecond: number | null;
  /** What limits the first of them; null if that is not known yet. */
  readonly limitedBy: { readonly kind: LimitKind; readonly where: string; readonly sentence: string } | null;
  /** Why the picture ends before its time, in a sentence; null if it does not. */
  readonly ended: string | null;
  /** All that in one line. */
  readonly line: string;
}

export type TcpEvent = TcpBegin | TcpConnectionSeen | TcpSegments | TcpDrops | TcpState;
