/** What is known of the watched connections at an instant: sums, each of them, and one line. */
import { formatBitsPerSecShort, toBitsPerSec } from '../../base/units.ts';
import type { HalfIndex } from './connection.ts';
import type { KnownConnection, Recorder } from './recorder.ts';
import type { TcpConnectionReport, TcpState } from './report.ts';

/** Connections that are told with their numbers, those with most data first. */
const CONNECTIONS_TOLD = 20;

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

export function stateOf(
  type: TcpState['type'],
  recorder: Recorder,
  startedNs: number,
  nowNs: number,
  missed: number,
  { shareBitsPerSecond, limitedBy }: Limited,
): TcpState {
  const sorted = [...recorder.known].sort((a, b) => bytesOf(b) - bytesOf(a));
  const all = sorted.map((known) => reportOf(known, recorder, nowNs));
  const sum = (pick: (report: TcpConnectionReport) => number): number =>
    all.reduce((before, report) => before + pick(report), 0);
  const dataSegments = recorder.known.reduce(
    (count, { connection: { halves, dataHalf } }) => count + halves[dataHalf].dataSegments,
    0,
  );
  const total = {
    connections: all.length,
    segments: sum(({ segments }) => segments),
    goodputBitsPerSecond: sum(({ goodputBitsPerSecond }) => goodputBitsPerSecond),
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
  return {
    type,
    atSeconds: (nowNs - startedNs) / 1e9,
    total,
    connections: all.slice(0, CONNECTIONS_TOLD),
    shareBitsPerSecond,
    limitedBy,
    line: lineOf(total, shareBitsPerSecond, limitedBy),
  };
}

function reportOf(known: KnownConnection, recorder: Recorder, nowNs: number): TcpConnectionReport {
  const { number, flows, names, connection } = known;
  const { halves, dataHalf, firstNs, lastNs, hasEnded } = connection;
  const data = halves[dataHalf];
  const acks = halves[otherHalf(dataHalf)];
  const seconds = ((hasEnded ? lastNs : nowNs) - firstNs) / 1e9;
  const goodBytes = acks.isSeen ? data.ackedBytes : data.payloadBytes;
  const rttNs = recorder.read(names[dataHalf])?.rttNs ?? Number.NaN;
  return {
    connection: number,
    flow: flows[dataHalf],
    dataSeen: data.isSeen,
    acksSeen: acks.isSeen,
    segments: data.segments + acks.segments,
    payloadBytes: data.payloadBytes,
    goodputBitsPerSecond: seconds > 0 ? Math.round(toBitsPerSec(goodBytes / seconds)) : 0,
    retransmits: data.retransmits,
    retransmittedShare: percent(data.retransmits, data.dataSegments),
    duplicates: acks.duplicates,
    heldAcks: acks.held,
    dropped: data.dropped + acks.dropped,
    roundTripMilliseconds: Number.isNaN(rttNs) ? null : Math.round(rttNs / 1e3) / 1e3,
  };
}

/** `goodput 11.4 Mbit/s, 3 retransmissions (0.10 %), share 12.0 Mbit/s. This upload is slow because ...` */
function lineOf(
  { connections, goodputBitsPerSecond, retransmits, retransmittedShare }: TcpState['total'],
  shareBitsPerSecond: number | null,
  limitedBy: TcpState['limitedBy'],
): string {
  if (connections === 0) return 'no segment of it came';
  const share =
    shareBitsPerSecond === null ? 'not paced' : `share ${formatBitsPerSecShort(shareBitsPerSecond)}`;
  const facts = [
    `goodput ${formatBitsPerSecShort(goodputBitsPerSecond)}`,
    `${retransmits} ${retransmits === 1 ? 'retransmission' : 'retransmissions'} (${(100 * retransmittedShare).toFixed(2)} %)`,
    share,
  ].join(', ');
  return limitedBy === null ? facts : `${facts}. ${limitedBy.sentence}`;
}
