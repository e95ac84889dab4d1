/**
 * From the records of the packet thread to what is told: which connection a segment belongs to, what it is,
 * and lists of them, within bounds.
 */

import { createFlowRecord, type FlowReader, type FlowRecord } from '../../core/flows/flow-reader.ts';
import type { TracedDrop, TracedSegment, TraceListener } from '../../core/trace/trace-reader.ts';
import { TCP_CONNECTIONS_MAX, TCP_SEGMENTS_TOLD_MAX } from '../../limits.ts';
import { flowText } from '../bucket-text.ts';
import { type Classified, type HalfIndex, TcpConnection } from './connection.ts';
import { DROP_REASONS, type TcpConnectionSeen, type TcpDrops, type TcpSegments } from './report.ts';

/** A flow by row and generation. */
export interface HalfName {
  readonly f: number;
  readonly generation: number;
}

export interface KnownConnection {
  readonly number: number;
  readonly flows: readonly [string, string];
  /** null while no segment of that half has come. */
  readonly names: [HalfName | null, HalfName | null];
  readonly connection: TcpConnection;
}

interface Place {
  readonly known: KnownConnection;
  readonly half: HalfIndex;
}

/** Packets that may still be dropped. Older ones make room. */
const PACKETS_REMEMBERED = 65536;
const FLAG_LETTERS = ['F', 'S', 'R', 'P', '.', 'U', 'E', 'C'];
const NS_PER_MS = 1e6;

export class Recorder implements TraceListener {
  readonly known: KnownConnection[] = [];
  /** Segments that were counted and are not told. */
  untold = 0;
  /** Segments that come later are none of the picture. */
  untilNs = Number.POSITIVE_INFINITY;
  private readonly flows: Pick<FlowReader, 'read'>;
  private readonly startedNs: number;
  private readonly places = new Map<number, Place>();
  private readonly byFlow = new Map<string, Place>();
  private readonly record = createFlowRecord();
  private readonly packets = new Map<number, { readonly place: Place; readonly segment: number | null }>();
  /** By half of a connection, since the last told(): the round trip from here to where it goes. */
  private readonly roundTripNs = new Map<number, number>();
  private seen: TcpConnectionSeen[] = [];
  private segments: TcpSegments = noSegments(0);
  private drops: TcpDrops = noDrops();

  constructor(flows: Pick<FlowReader, 'read'>, startedNs: number) {
    this.flows = flows;
    this.startedNs = startedNs;
  }

  /** What has come since the last call, as events. */
  told(): (TcpConnectionSeen | TcpSegments | TcpDrops)[] {
    const { seen, segments, drops } = this;
    this.seen = [];
    this.segments = noSegments(segments.first + segments.kind.length);
    this.drops = noDrops();
    this.roundTripNs.clear();
    return [
      ...seen,
      ...(segments.kind.length > 0 ? [segments] : []),
      ...(drops.segment.length > 0 ? [drops] : []),
    ];
  }

  segment(segment: TracedSegment): void {
    if (segment.atNs > this.untilNs) {
      // Ids come again: a drop is about this packet now.
      this.packets.delete(segment.packet);
      return;
    }
    const place = this.placeOf(segment);
    if (place === null) {
      this.untold++;
      return;
    }
    const classified = place.known.connection.take(place.half, segment);
    const { segments } = this;
    const isTold = segments.kind.length < TCP_SEGMENTS_TOLD_MAX;
    const number = segments.first + segments.kind.length;
    this.remember(segment.packet, place, isTold ? number : null);
    if (isTold) this.tell(place, segment, classified);
    else this.untold++;
  }

  dropped({ packet, reason }: TracedDrop): void {
    const found = this.packets.get(packet);
    if (found === undefined) return;
    const { known, half } = found.place;
    known.connection.halves[half].dropped++;
    this.packets.delete(packet);
    if (found.segment === null) return;
    this.drops.segment.push(found.segment);
    this.drops.reason.push(DROP_REASONS[reason]!);
  }

  /** The record of a half; null if its flow has ended. It holds until the next call. */
  read(name: HalfName | null): FlowRecord | null {
    if (name === null) return null;
    const { record } = this;
    return this.flows.read(name.f, record) && record.generation === name.generation ? record : null;
  }

  private tell({ known, half }: Place, segment: TracedSegment, classified: Classified): void {
    const { segments } = this;
    const { kind, flightBytes, windowBefore, windowAfter, answerNs } = classified;
    const restNs = answerNs === null ? null : this.halfRoundTrip(known, half);
    segments.atSeconds.push(Math.round((segment.atNs - this.startedNs) / 1e3) / 1e6);
    segments.connection.push(known.number);
    segments.half.push(half);
    segments.kind.push(kind);
    segments.lengthBytes.push(segment.lengthBytes);
    segments.payloadBytes.push(segment.payloadBytes);
    segments.flags.push(flagsText(segment.flags));
    segments.seq.push(segment.seq >>> 0);
    segments.ack.push(segment.ack >>> 0);
    segments.windowBefore.push(windowBefore);
    segments.windowAfter.push(windowAfter);
    segments.flightBytes.push(flightBytes);
    segments.answerMilliseconds.push(answerNs === null ? null : milliseconds(answerNs));
    segments.roundTripMilliseconds.push(
      answerNs === null || restNs === null ? null : milliseconds(answerNs + restNs),
    );
    segments.held.push(segment.isHeld);
  }

  /** From here to where a half goes and back, by the flow table; null if it is not known. */
  private halfRoundTrip({ number, names }: KnownConnection, half: HalfIndex): number | null {
    const key = 2 * number + half;
    const ns = this.roundTripNs.get(key) ?? this.read(names[half])?.halfRttNs ?? Number.NaN;
    this.roundTripNs.set(key, ns);
    return Number.isNaN(ns) ? null : ns;
  }

  private remember(packet: number, place: Place, segment: number | null): void {
    const { packets } = this;
    // Ids come again: the younger packet is behind the older ones.
    packets.delete(packet);
    packets.set(packet, { place, segment });
    if (packets.size > PACKETS_REMEMBERED) packets.delete(packets.keys().next().value!);
  }

  /** The connection of a segment, and its half; null if it cannot be told. */
  private placeOf(name: HalfName): Place | null {
    const key = name.f * 2 ** 32 + (name.generation >>> 0);
    const place = this.places.get(key) ?? this.findPlace(name);
    if (place !== null) this.places.set(key, place);
    return place;
  }

  private findPlace(name: HalfName): Place | null {
    const record = this.read(name);
    if (record === null) return null;
    const { src, dst, sport, dport } = record;
    const forth = flowText({ ...record, src: [...src], dst: [...dst] });
    const back = flowText({ ...record, src: [...dst], dst: [...src], sport: dport, dport: sport });
    const place = this.byFlow.get(forth) ?? this.begin(forth, back);
    if (place !== null) place.known.names[place.half] = { f: name.f, generation: name.generation };
    return place;
  }

  private begin(forth: string, back: string): Place | null {
    if (this.known.length >= TCP_CONNECTIONS_MAX) return null;
    const known: KnownConnection = {
      number: this.known.length,
      flows: [forth, back],
      names: [null, null],
      connection: new TcpConnection(),
    };
    this.known.push(known);
    this.byFlow.set(forth, { known, half: 0 });
    this.byFlow.set(back, { known, half: 1 });
    this.seen.push({ type: 'connection', connection: known.number, flows: known.flows });
    return this.byFlow.get(forth)!;
  }
}

const milliseconds = (ns: number): number => Math.round(ns / 1e3) / (NS_PER_MS / 1e3);

/** `S.`, `P.`: as tcpdump writes them. */
function flagsText(flags: number): string {
  return FLAG_LETTERS.filter((_, bit) => (flags & (1 << bit)) !== 0).join('');
}

function noSegments(first: number): TcpSegments {
  return {
    type: 'segments',
    first,
    atSeconds: [],
    connection: [],
    half: [],
    kind: [],
    lengthBytes: [],
    payloadBytes: [],
    flags: [],
    seq: [],
    ack: [],
    windowBefore: [],
    windowAfter: [],
    flightBytes: [],
    answerMilliseconds: [],
    roundTripMilliseconds: [],
    held: [],
  };
}

function noDrops(): TcpDrops {
  return { type: 'drops', segment: [], reason: [] };
}
