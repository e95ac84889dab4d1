/** What the stream of `GET /v1/tcp` has told, gathered until its end. */
import type { SegmentKind } from '../../control/tcp/connection.ts';
import type {
  DropReason,
  TcpBegin,
  TcpConnectionReport,
  TcpEvent,
  TcpSegments,
  TcpState,
} from '../../control/tcp/report.ts';
import { TCP_SEGMENTS_SHOWN_MAX } from '../../limits.ts';

export interface Segment {
  readonly atSeconds: number;
  readonly connection: number;
  /** The flow of the connection that it belongs to. */
  readonly half: 0 | 1;
  readonly kind: SegmentKind;
  /** By IP, and of it payload. */
  readonly lengthBytes: number;
  readonly payloadBytes: number;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly windowBefore: number | null;
  readonly windowAfter: number | null;
  readonly flightBytes: number | null;
  readonly answerMilliseconds: number | null;
  readonly roundTripMilliseconds: number | null;
  /** It is an acknowledgement that waited here for its instant. */
  readonly held: boolean;
  /** Why it was dropped here; null if it was not. */
  readonly dropped: DropReason | null;
}

export interface Picture extends Pick<TcpBegin, 'subject' | 'startedAt'> {
  readonly seconds: number;
  readonly end: TcpState;
  /** By number: both directions of each connection. */
  readonly flows: readonly (readonly [string, string])[];
  readonly segments: readonly Segment[];
}

export class Gathering {
  /** The state that came last; null before the first. */
  state: TcpState | null = null;
  private begin: TcpBegin | null = null;
  private readonly flows: (readonly [string, string])[] = [];
  private readonly segments: Segment[] = [];
  /** Segments that the picture has no room for. */
  private unshown = 0;

  take(event: TcpEvent): void {
    switch (event.type) {
      case 'begin':
        this.begin = event;
        break;
      case 'connection':
        this.flows[event.connection] = event.flows;
        break;
      case 'segments':
        for (let i = 0; i < event.kind.length; i++) this.takeSegment(event, i);
        break;
      case 'drops':
        for (const [i, number] of event.segment.entries()) this.takeDrop(number, event.reason[i]!);
        break;
      default:
        this.state = event;
    }
  }

  /** All up to the last state, with `cut` as the reason if that is not the end; null before the first. */
  picture(cut = ''): Picture | null {
    const { begin, state, flows } = this;
    if (begin === null || state === null) return null;
    const { subject, startedAt } = begin;
    const seconds = state.atSeconds;
    const isEnd = state.type === 'end';
    const untold = state.total.untold + this.unshown;
    const end = { ...state, total: { ...state.total, untold }, ended: isEnd ? state.ended : cut };
    // The sums of a state say nothing of what came after it.
    const segments = isEnd ? this.segments : this.segments.filter(({ atSeconds }) => atSeconds <= seconds);
    return { subject, startedAt, seconds, end, flows, segments };
  }

  private takeSegment(from: TcpSegments, i: number): void {
    if (this.segments.length >= TCP_SEGMENTS_SHOWN_MAX) {
      this.unshown++;
      return;
    }
    this.segments.push({
      atSeconds: from.atSeconds[i]!,
      connection: from.connection[i]!,
      half: from.half[i]!,
      kind: from.kind[i]!,
      lengthBytes: from.lengthBytes[i]!,
      payloadBytes: from.payloadBytes[i]!,
      flags: from.flags[i]!,
      seq: from.seq[i]!,
      ack: from.ack[i]!,
      windowBefore: from.windowBefore[i]!,
      windowAfter: from.windowAfter[i]!,
      flightBytes: from.flightBytes[i]!,
      answerMilliseconds: from.answerMilliseconds[i]!,
      roundTripMilliseconds: from.roundTripMilliseconds[i]!,
      held: from.held[i]!,
      dropped: null,
    });
  }

  private takeDrop(number: number, dropped: DropReason): void {
    const segment = this.segments[number];
    if (segment !== undefined) this.segments[number] = { ...segment, dropped };
  }
}

/** Segments of one connection, and which of them are of the direction that sends more data. */
export interface ConnectionView {
  readonly report: TcpConnectionReport;
  readonly segments: readonly Segment[];
  readonly dataHalf: 0 | 1;
}

export function viewOf({ segments, flows }: Picture, report: TcpConnectionReport): ConnectionView {
  const { connection, flow } = report;
  return {
    report,
    segments: segments.filter((segment) => segment.connection === connection),
    dataHalf: flows[connection]?.[1] === flow ? 1 : 0,
  };
}

/**
 * A quantity of segments in `columns` spans of time from 0 to `seconds`; NaN where no segment has it. Of a
 * span it has the last value or the greatest one.
 */
export function inColumns(
  segments: readonly Segment[],
  seconds: number,
  columns: number,
  fold: 'last' | 'max',
  pick: (segment: Segment) => number | null,
): Float64Array {
  const values = new Float64Array(columns).fill(Number.NaN);
  for (const segment of segments) {
    const value = pick(segment);
    if (value === null) continue;
    const column = columnOf(segment, seconds, columns);
    if (fold === 'last' || !(values[column]! >= value)) values[column] = value;
  }
  return values;
}

export function columnOf({ atSeconds }: Segment, seconds: number, columns: number): number {
  return Math.max(0, Math.min(columns - 1, Math.floor((atSeconds / seconds) * columns)));
}

/** Where there is no value, the one before holds, up to the last one. */
export function carried(values: Float64Array): Float64Array {
  const result = Float64Array.from(values);
  const last = values.findLastIndex((value) => !Number.isNaN(value));
  for (let i = 1; i <= last; i++) if (Number.isNaN(result[i]!)) result[i] = result[i - 1]!;
  return result;
}

/** Quantities of a connection over time: those of its data and of the acknowledgements that answer it. */
export interface Curves {
  readonly flightBytes: Float64Array;
  readonly windowBefore: Float64Array;
  readonly windowAfter: Float64Array;
  readonly roundTripMilliseconds: Float64Array;
  /** The round trip is only that between here and the receiver. */
  readonly isHalfTrip: boolean;
}

export function curvesOf({ segments, dataHalf }: ConnectionView, seconds: number, columns: number): Curves {
  const data = segments.filter(({ half, payloadBytes }) => (half === dataHalf) === payloadBytes > 0);
  const answers = segments.filter(({ half, flags }) => half !== dataHalf && !/[SR]/.test(flags));
  const isHalfTrip = answers.every(({ roundTripMilliseconds }) => roundTripMilliseconds === null);
  return {
    flightBytes: carried(inColumns(data, seconds, columns, 'max', ({ flightBytes }) => flightBytes)),
    windowBefore: carried(inColumns(answers, seconds, columns, 'last', ({ windowBefore }) => windowBefore)),
    windowAfter: carried(inColumns(answers, seconds, columns, 'last', ({ windowAfter }) => windowAfter)),
    roundTripMilliseconds: inColumns(answers, seconds, columns, 'max', (segment) =>
      isHalfTrip ? segment.answerMilliseconds : segment.roundTripMilliseconds,
    ),
    isHalfTrip,
  };
}

const WHY_NOT =
  ': that direction is neither shaped nor paced, or packets take another way. Bytes in flight and round trip are not known.';

/** What cannot be known of a connection, as sentences. */
export function gaps({ report }: ConnectionView, { windowBefore, isHalfTrip }: Curves): string[] {
  const isEmpty = windowBefore.every((value) => Number.isNaN(value));
  return [
    ...(report.acksSeen ? [] : [`Its acknowledgements do not come here${WHY_NOT}`]),
    ...(report.dataSeen ? [] : [`Its data does not come here${WHY_NOT}`]),
    ...(report.acksSeen && isEmpty
      ? ['Its beginning was not seen, so the scale of its windows is not known.']
      : []),
    ...(report.acksSeen && report.dataSeen && isHalfTrip
      ? ['The half of the round trip between here and the sender is not known.']
      : []),
  ];
}

/** Segments that were not read or have no room, as a sentence; empty if there are none. */
export function lossText({ end: { total } }: Picture): string {
  const parts = [
    ...(total.missed > 0 ? [`${total.missed} segments were not read in time`] : []),
    ...(total.untold > 0 ? [`${total.untold} were counted and are not shown`] : []),
  ];
  return parts.length === 0 ? '' : `${parts.join(', ')}.`;
}
