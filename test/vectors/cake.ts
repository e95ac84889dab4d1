/**
 * Runs the vectors of CAKE's parts: link layer, rate scaling, deficit shaper, host isolation, ACK filter,
 * COBALT.
 */

import {
  FRAMING_ATM,
  FRAMING_NONE,
  FRAMING_PTM,
  LINK_LAYERS,
  type LinkLayer,
  segmentsOf,
  superpacketWireBytes,
  wireBytes,
} from '../../src/algo/buckets/link-layer.ts';
import {
  flowQuantumBytes,
  intervalForTargetNs,
  scaledTargetNs,
} from '../../src/algo/buckets/rate-scaling.ts';
import {
  conformNs,
  createTokenBuckets,
  fillBucket,
  takeTokens,
} from '../../src/algo/buckets/token-bucket.ts';
import type { Isolation } from '../../src/algo/queues/host-isolation.ts';
import { Prng } from '../../src/base/prng.ts';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import type { Segment } from '../oracle/ack-filter.ts';
import { COBALT_DROP, COBALT_MARK, cobaltDecide, createCobaltQueues } from '../reference/cobalt.ts';
import { shaper, udp, up, World } from '../sim/world.ts';
import { findInQueue } from './ack-rows.ts';
import type { Vector } from './load.ts';
import { type Found, foundOnce, type Runner } from './runner.ts';

const FRAMINGS: Readonly<Record<string, number>> = {
  none: FRAMING_NONE,
  atm: FRAMING_ATM,
  ptm: FRAMING_PTM,
};

interface Keyword {
  overhead: number;
  mpu: number;
  framing: string;
}

/** By keyword: ours, which must be the vector's too where it lists its own. */
function layerOf(name: string, listed: Readonly<Record<string, Keyword>>): LinkLayer {
  const ours = LINK_LAYERS[name] as LinkLayer;
  const theirs = listed[name];
  if (!theirs) return ours;
  const { overhead: overheadBytes, mpu: mpuBytes, framing } = theirs;
  const stated = { overheadBytes, mpuBytes, framing: FRAMINGS[framing] as number };
  if (JSON.stringify(stated) !== JSON.stringify(ours)) throw new Error(`${name} has other numbers here`);
  return stated;
}

/** A row of the vector by field: with a keyword or with numbers, of a superpacket or not. */
interface OverheadRow {
  readonly keyword?: string;
  readonly overhead: number;
  readonly mpu: number;
  readonly framing: string;
  readonly ip_len: number;
  readonly hdr_len: number;
  readonly mss?: number;
}

function overhead(vector: Vector): Found {
  const fields = vector.body.expect_fields as string[];
  const { keywords = {} } = (vector.body.params ?? {}) as { keywords?: Record<string, Keyword> };
  const rows = (vector.body.expect as unknown[][]).map((values) => {
    const named = Object.fromEntries(values.map((value, i) => [fields[i], value]));
    // Which of them there are, refuseOverhead() has seen to.
    const row = named as unknown as OverheadRow;
    const l: LinkLayer =
      row.keyword !== undefined
        ? layerOf(row.keyword, keywords)
        : { overheadBytes: row.overhead, mpuBytes: row.mpu, framing: FRAMINGS[row.framing] as number };
    const { ip_len: ip, hdr_len: header, mss } = row;
    if (mss === undefined) return { ...row, wire_len: wireBytes(l, ip) };
    return {
      ...row,
      segments: segmentsOf(ip, header, mss),
      wire_len: superpacketWireBytes(l, ip, header, mss),
    };
  });
  return { rows };
}

function refuseOverhead(vector: Vector): string | undefined {
  const fields = (vector.body.expect_fields ?? []) as string[];
  const known = ['keyword', 'ip_len', 'overhead', 'mpu', 'framing', 'hdr_len', 'mss', 'segments', 'wire_len'];
  const unknown = fields.find((field) => !known.includes(field));
  if (unknown) return `field not known: ${unknown}`;
  const at = fields.indexOf('keyword');
  const keyword = (vector.body.expect as string[][]).find(
    (row) => at >= 0 && !(String(row[at]) in LINK_LAYERS),
  );
  return keyword ? `no link layer of the name ${keyword[at]}` : undefined;
}

function rateParameters(vector: Vector): Found {
  const [rateField] = vector.body.expect_fields as [string];
  const rows = (vector.body.expect as [number][]).map(([bitsPerSec]) => {
    const rate = bitsPerSec / 8;
    return {
      [rateField]: bitsPerSec,
      flow_quantum: flowQuantumBytes(rate, 1514),
      target_ns: scaledTargetNs(rate, 1514, 5e6),
      interval_ns: intervalForTargetNs(scaledTargetNs(rate, 1514, 5e6), 5e6, 1e8),
    };
  });
  return { rows };
}

/**
 * A bucket that holds less than a packet is CAKE's shaper: what waits is charged from the instant the one
 * before was paid.
 */
function deficitShaper(vector: Vector): Found {
  const { rate } = vector.body.params as { rate: number };
  const b = createTokenBuckets(1);
  fillBucket(b, 0, rate, 1);
  const rows = (vector.body.events as [number, number, number?][]).map(([t, length, idle]) => {
    const sent = conformNs(b, 0, length, t) <= t;
    if (sent) takeTokens(b, 0, length, idle ? t : 0);
    return { sent, time_next: b.fullNs[0] };
  });
  return { rows };
}

const MODES: Readonly<Record<string, Isolation>> = {
  flows: 'flow',
  hosts: 'host',
  srchost: 'src',
  dsthost: 'dst',
  'dual-srchost': 'dual-src',
  'dual-dsthost': 'dual-dst',
  'triple-isolate': 'triple',
};

interface HostParams {
  mode: string;
  flows_src_dst: [string, string][];
}

const unknownMode = (vector: Vector): string | undefined => {
  const { mode } = vector.body.params as unknown as HostParams;
  return mode in MODES ? undefined : `no code for the mode ${mode}`;
};

const BYTES = 1500;
const LINE_BYTES_PER_SEC = 3e6;
/** Enough for shares to settle within a hundredth, drawn packets of shared queues included. */
const ARRIVALS = 30_000;

/**
 * The engine's fair leaf, offered by every flow what the line can carry: packets of flows drawn by chance, so
 * that no pattern decides who is dropped.
 */
function hosts(vector: Vector): Found {
  const { mode, flows_src_dst: flows } = vector.body.params as unknown as HostParams;
  const names = [...new Set(flows.flat())];
  const address = (name: string) => ipv4(10, 0, 1, 1 + names.indexOf(name));
  const queue = { discipline: 'fair', isolation: MODES[mode] as Isolation } as const;
  const leaves = [{ name: 'default', queue, limitPackets: 100 }];
  const world = new World(shaper({ wan: { up: { rate: LINE_BYTES_PER_SEC, burst: 2 * BYTES, leaves } } }));
  const prng = new Prng(1);
  const gapNs = (BYTES * 1e9) / (flows.length * LINE_BYTES_PER_SEC);
  const drawn = Array.from({ length: ARRIVALS }, () => Math.floor(prng.nextUnit() * flows.length));
  world.inject(
    drawn.map((f, n) => {
      const [src, dst] = (flows[f] as [string, string]).map(address);
      return up(n * gapNs, BYTES, { shape: udp(f, { src, dst, sport: 4000 + f }) });
    }),
  );
  world.run(ARRIVALS * gapNs);
  const bytes = flows.map(() => 0);
  for (const { id } of world.accepted()) bytes[drawn[id - 1] as number] += BYTES;
  const total = bytes.reduce((sum, each) => sum + each, 0);
  const shareOf = (end: 0 | 1, name: string): number =>
    bytes.reduce((sum, each, f) => sum + (flows[f]?.[end] === name ? each : 0), 0) / total;
  const shares = (end: 0 | 1): Record<string, number> =>
    Object.fromEntries(
      [...new Set(flows.map((pair) => pair[end]))].map((name) => [name, shareOf(end, name)]),
    );
  return {
    rows: [{ per_flow: bytes.map((each) => each / total), per_src: shares(0), per_dst: shares(1) }],
  };
}

const hostsOnce = (vector: Vector): Found => foundOnce(['hosts', vector.body.params], () => hosts(vector));

function ackFilter(vector: Vector): Found {
  const queue = vector.body.queue as Segment[];
  return { rows: [{ normal: findInQueue(queue, false), aggressive: findInQueue(queue, true) }] };
}

function refuseSegments(vector: Vector): string | undefined {
  const known = ['flow', 'flags', 'ack', 'seq', 'payload', 'sack', 'ts', 'unknown_option'];
  const segments = vector.body.queue as object[];
  const unknown = segments.flatMap(Object.keys).find((key) => !known.includes(key));
  return unknown === undefined ? undefined : `segment field not known: ${unknown}`;
}

const otherEvents = (vector: Vector): string | undefined => {
  const fields = (vector.body.event_fields ?? ['now', 'sojourn']) as string[];
  return fields.join() === 'now,sojourn' ? undefined : `event fields not known: ${fields}`;
};

function cobalt(vector: Vector): Found {
  const params = vector.body.params as { target: number; interval: number; mtu_time: number };
  const parameters = {
    ...{ targetNs: params.target, intervalNs: params.interval, mtuNs: params.mtu_time },
    ecn: (params as { ecn?: boolean }).ecn ?? false,
  };
  const q = createCobaltQueues(1);
  const rows = (vector.body.events as [number, number][]).map(([nowNs, sojournNs]) => {
    const code = cobaltDecide(q, 0, parameters, nowNs, sojournNs, 0, parameters.ecn, 0.5);
    const action = code === COBALT_DROP ? 'drop' : code === COBALT_MARK ? 'mark' : 'pass';
    return { action, count: q.count[0], dropping: q.dropping[0] === 1 };
  });
  return { rows };
}

function atmKnownValues(): Found {
  const is = (name: string, ip: number, wire: number): boolean =>
    wireBytes(LINK_LAYERS[name] as LinkLayer, ip) === wire;
  const holds =
    is('pppoe-llcsnap', 1500, 1749) &&
    is('pppoe-llcsnap', 40, 106) &&
    is('ethernet', 1500, 1538) &&
    is('ethernet', 28, 84);
  return { rows: [{ holds }], fields: ['holds'] };
}

export const CAKE_RUNNERS: readonly [string, Runner][] = [
  ['overhead', { params: ['keywords'], refuse: refuseOverhead, run: overhead }],
  ['cake-params', { params: [], run: rateParameters }],
  ['cake-shaper', { params: ['rate'], run: deficitShaper }],
  ['cake-hosts', { params: ['mode', 'flows_src_dst'], refuse: unknownMode, run: hostsOnce }],
  [
    'ack-filter',
    {
      params: [],
      keys: ['queue', 'expect_drop_index'],
      refuse: refuseSegments,
      expected: ({ body }) => ({ rows: [body.expect_drop_index] }),
      run: ackFilter,
    },
  ],
  ['cobalt', { params: ['target', 'interval', 'mtu_time', 'ecn'], refuse: otherEvents, run: cobalt }],
  ['atm-known-values', { params: [], run: atmKnownValues }],
];
