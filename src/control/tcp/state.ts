/** What is known of the watched connections at an instant: sums, each of them, and one line. */
import { formatBitsPerSecShort, toBitsPerSec } from '../../base/units.ts';
import type { HalfIndex } from './connection.ts';
import type { KnownConnection, Recorder } from './recorder.ts';
import type { TcpConnectionReport, TcpState } from './report.ts';

/** Connections that are told with their numbers, those with most data first. */
const CONNECTIONS_TOLD = 20;

type NotInLine = 'type' | 'atSeconds' | 'connections' | 'line';
export type Limited = Pick<TcpState, 'shareBitsPerSecond' | 'limitedBy'>;

const percent = (part: number, of: number): number => (of === 0 ? 0 : part / of);
const otherHalf = (half: HalfIndex): HalfIndex => (half === 0 ? 1 : 0);

/** The connection with most data; null while none has any. */
export function mainOf({ known }: Recorder): KnownConnection | null {
  let main: KnownConnection | null = null;
  for (const one of known) if (bytesOf(one) > (main === null ? 0 : bytesOf(main))) main = one;
  return main;
}

function bytesOf({ connection: { halves, dataHalf } }: KnownConnection): number {
  return halves[dataHalf].payloadBytes;
}

/** What is acknowledged; where acknowledgements do not come here, what was sent. */
function goodBytesOf({ connection: { halves, dataHalf } }: KnownConnection): number {
  const data = halves[dataHalf];
  return halves[otherHalf(dataHalf)].isSeen ? data.ackedBytes : data.payloadBytes;
}

function rateOf(bytes: number, seconds: number): number {
  return seconds > 0 ? Math.round(toBitsPerSec(bytes / seconds)) : 0;
}

/** `gone` is the class that was watched, if it is there no more. */
export function stateOf(
  type: TcpState['type'],
  recorder: Recorder,
  startedNs: number,
  nowNs: number,
  missed: number,
  { shareBitsPerSecond, limitedBy }: Limited,
  gone: string | null = null,
): TcpState {
  const sorted = [...recorder.known].sort((a, b) => bytesOf(b) - bytesOf(a));
  const all = sorted.map((known) => reportOf(known, recorder, nowNs));
  const sum = (pick: (report: TcpConnectionReport) => number): number =>
    all.reduce((before, report) => before + pick(report), 0);
  let dataSegments = 0;
  let goodBytes = 0;
  for (const known of recorder.known) {
    dataSegments += known.connection.halves[known.connection.dataHalf].dataSegments;
    goodBytes += goodBytesOf(known);
  }
  const seconds = (nowNs - startedNs) / 1e9;
  const total = {
    connections: all.length,
    segments: sum(({ segments }) => segments),
    // Connections that live one after another share this time. Each was faster while it lived.
    goodputBitsPerSecond: rateOf(goodBytes, seconds),
    retransmits: sum(({ retransmits }) => retransmits),
    retransmittedShare: percent(
      sum(({ retransmits }) => retransmits),
      dataSegments,
    ),
    duplicates: sum(({ duplicates }) => duplicates),
    dropped: sum(({ dropped }) => dropped),
    missed,
    untold: recorder.untold,
  };
  const told = {
    total,
    shareBitsPerSecond,
    limitedBy,
    ended:
      gone === null
        ? null
        : `${gone} was removed or moved, so the picture ends after ${seconds.toFixed(1)} s.`,
  };
  return {
    ...told,
    type,
    atSeconds: seconds,
    connections: all.slice(0, CONNECTIONS_TOLD),
    line: lineOf(told),
  };
}

function reportOf(known: KnownConnection, recorder: Recorder, nowNs: number): TcpConnectionReport {
  const { number, flows, names, connection } = known;
  const { halves, dataHalf, firstNs, lastNs, hasEnded } = connection;
  const data = halves[dataHalf];
  const acks = halves[otherHalf(dataHalf)];
  const seconds = ((hasEnded ? lastNs : nowNs) - firstNs) / 1e9;
  const rttNs = recorder.read(names[dataHalf])?.rttNs ?? Number.NaN;
  return {
    connection: number,
    flow: flows[dataHalf],
    dataSeen: data.isSeen,
    acksSeen: acks.isSeen,
    segments: data.segments + acks.segments,
    payloadBytes: data.payloadBytes,
    goodputBitsPerSecond: rateOf(goodBytesOf(known), seconds),
    retransmits: data.retransmits,
    retransmittedShare: percent(data.retransmits, data.dataSegments),
    duplicates: acks.duplicates,
    heldAcks: acks.held,
    dropped: data.dropped + acks.dropped,
    roundTripMilliseconds: Number.isNaN(rttNs) ? null : Math.round(rttNs / 1e3) / 1e3,
  };
}

/** `goodput 11.4 Mbit/s, 3 retransmissions (0.10 %), share 12.0 Mbit/s. This upload is slow because ...` */
function lineOf({ total, shareBitsPerSecond, limitedBy, ended }: Omit<TcpState, NotInLine>): string {
  const { connections, goodputBitsPerSecond, retransmits, retransmittedShare } = total;
  const reason = ended ?? limitedBy?.sentence ?? null;
  const share =
    shareBitsPerSecond === null ? 'not paced' : `share ${formatBitsPerSecShort(shareBitsPerSecond)}`;
  const facts = [
    `goodput ${formatBitsPerSecShort(goodputBitsPerSecond)}`,
    `${retransmits} ${retransmits === 1 ? 'retransmission' : 'retransmissions'} (${(100 * retransmittedShare).toFixed(2)} %)`,
    // Both are found out together.
    ...(limitedBy === null ? [] : [share]),
  ].join(', ');
  const line = connections === 0 ? 'no segment of it came' : facts;
  return reason === null ? line : `${line}. ${reason}`;
}
