/** A stream of `GET /v1/tcp` by hand: one connection, whose second half answers. */

import { Gathering, type Picture } from '../../../../src/cli/tcp/picture.ts';
import type { SegmentKind } from '../../../../src/control/tcp/connection.ts';
import type {
  TcpConnectionReport,
  TcpEvent,
  TcpSegments,
  TcpState,
} from '../../../../src/control/tcp/report.ts';

export const FLOWS = ['tcp 10.1.0.2:40000 > 10.2.0.2:443', 'tcp 10.2.0.2:443 > 10.1.0.2:40000'] as const;

interface Row {
  readonly at: number;
  readonly half: 0 | 1;
  readonly kind: SegmentKind;
  readonly bytes: number;
  readonly flags?: string;
  readonly window?: readonly [before: number | null, after: number | null];
  readonly flight?: number | null;
  readonly trip?: number | null;
  readonly held?: boolean;
}

export const ROWS: readonly Row[] = [
  { at: 0, half: 0, kind: 'control', bytes: 60, flags: 'S', window: [64_000, 64_000] },
  { at: 0.1, half: 1, kind: 'control', bytes: 60, flags: 'S.', window: [64_000, 64_000] },
  { at: 0.2, half: 0, kind: 'data', bytes: 1500, flight: 1448, window: [64_000, 64_000] },
  { at: 1, half: 0, kind: 'data', bytes: 1500, flight: 2896, window: [64_000, 64_000] },
  {
    at: 1.5,
    half: 1,
    kind: 'control',
    bytes: 52,
    flight: 1448,
    trip: 20,
    window: [128_000, 12_000],
    held: true,
  },
  { at: 2, half: 1, kind: 'duplicate', bytes: 64, flight: 1448, window: [128_000, 12_000] },
  { at: 2.49, half: 0, kind: 'data', bytes: 1500, flight: 1448, window: [64_000, 64_000] },
  { at: 2.5, half: 0, kind: 'retransmission', bytes: 1500, flight: 1448, window: [64_000, 64_000] },
  // Its flight is that of the other half.
  { at: 3, half: 0, kind: 'control', bytes: 52, flight: 50_000, window: [64_000, 64_000] },
  { at: 3.9, half: 1, kind: 'control', bytes: 52, flight: 0, trip: 40, window: [128_000, 12_000] },
];

export function segmentsOf(rows: readonly Row[], first = 0): TcpSegments {
  const of = <T>(pick: (row: Row, n: number) => T): T[] => rows.map(pick);
  return {
    type: 'segments',
    first,
    atSeconds: of(({ at }) => at),
    connection: of(() => 0),
    half: of(({ half }) => half),
    kind: of(({ kind }) => kind),
    lengthBytes: of(({ bytes }) => bytes),
    payloadBytes: of(({ bytes }) => (bytes > 100 ? bytes - 52 : 0)),
    flags: of(({ flags = '.' }) => flags),
    seq: of((_, n) => n),
    ack: of(() => 1),
    windowBefore: of(({ window }) => window?.[0] ?? null),
    windowAfter: of(({ window }) => window?.[1] ?? null),
    flightBytes: of(({ flight = null }) => flight),
    answerMilliseconds: of(({ trip = null }) => (trip === null ? null : trip / 2)),
    roundTripMilliseconds: of(({ trip = null }) => trip),
    held: of(({ held = false }) => held),
  };
}

export const REPORT: TcpConnectionReport = {
  connection: 0,
  flow: FLOWS[0],
  dataSeen: true,
  acksSeen: true,
  segments: 10,
  payloadBytes: 2896,
  goodputBitsPerSecond: 5800,
  retransmits: 1,
  retransmittedShare: 1 / 3,
  duplicates: 1,
  heldAcks: 1,
  dropped: 1,
  roundTripMilliseconds: 30,
};

export const END: TcpState = {
  type: 'end',
  atSeconds: 4,
  total: {
    connections: 1,
    segments: 10,
    goodputBitsPerSecond: 5800,
    retransmits: 1,
    retransmittedShare: 1 / 3,
    duplicates: 1,
    dropped: 1,
    missed: 0,
    untold: 0,
  },
  connections: [REPORT],
  shareBitsPerSecond: 6000,
  limitedBy: { kind: 'window', where: 'wan/up', sentence: 'This upload is slow because <wan/up> paces it.' },
  ended: null,
  line: 'goodput 5.80 kbit/s, 1 retransmission (33.33 %), share 6.00 kbit/s. This upload is slow.',
};

const DROP: TcpEvent = { type: 'drops', segment: [3], reason: ['tail'] };

export function eventsOf(end: TcpState = END, rows: readonly Row[] = ROWS): TcpEvent[] {
  return [
    { type: 'begin', subject: 'wan/up', startedAt: '2026-06-01T12:00:00.000Z', seconds: 4 },
    { type: 'connection', connection: 0, flows: FLOWS },
    segmentsOf(rows.slice(0, 3)),
    { ...end, type: 'state', atSeconds: 1 },
    segmentsOf(rows.slice(3), 3),
    ...(rows.length > 3 ? [DROP] : []),
    end,
  ];
}

export function pictureOf(events: readonly TcpEvent[] = eventsOf()): Picture {
  const gathering = new Gathering();
  for (const event of events) gathering.take(event);
  return gathering.picture()!;
}
