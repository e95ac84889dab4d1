/**
 * The flows of a capture, found by the program's own parser: the flow of every packet, and the way of every
 * flow through the shaper.
 *
 * The way is decided by the first of these rules that applies. From a private address to a public one is
 * `up`, the reverse `down`. A packet that the capturing machine sent, by its link layer, goes `up`, one that
 * it received `down`. A flow goes the other way than its reverse flow. The host that speaks first is inside.
 */
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS, COPY_BYTES } from '../../limits.ts';
import { createBatch } from '../../packet/batch.ts';
import { createParsed, FRAGMENT_LATER, type Parsed, parseBatch } from '../../packet/parse.ts';
import { protocolName } from '../packets/packets.ts';
import { type Capture, DIRECTION_OUT, DIRECTION_UNKNOWN } from './pcap.ts';

export interface CapturedFlow {
  /** "tcp 10.0.0.1:40000 > 198.51.100.1:443" */
  readonly name: string;
  /** IP protocol. NONE if the header could not be read. */
  readonly protocol: number;
  readonly isUp: boolean;
  /** Packets of the capture that belong to the flow, and their bytes. */
  packets: number;
  bytes: number;
}

export interface CapturedFlows {
  readonly flows: readonly CapturedFlow[];
  /** The flow of every packet. */
  readonly flowOf: Int32Array;
  /** Packets without a readable IP header. */
  readonly unparsed: number;
}

export function findFlows(capture: Capture): CapturedFlows {
  const batch = createBatch();
  const parsed = createParsed();
  const flows: CapturedFlow[] = [];
  const known = new Map<string, number>();
  const flowOf = new Int32Array(capture.packets);
  let unparsed = 0;
  const { slabOffset, copiedBytes } = batch.arrivals;
  for (let from = 0; from < capture.packets; from += ARRIVAL_ROWS) {
    const rows = Math.min(ARRIVAL_ROWS, capture.packets - from);
    for (let row = 0; row < rows; row++) {
      slabOffset[row] = capture.offset[from + row];
      copiedBytes[row] = Math.min(COPY_BYTES, capture.capturedBytes[from + row]);
    }
    parseBatch(batch.arrivals, capture.bytes, rows, parsed);
    for (let row = 0; row < rows; row++) {
      const direction = capture.direction[from + row];
      const isKnown = isReadable(parsed, row, copiedBytes[row]);
      const f = isKnown ? flowAt(parsed, row, direction, flows, known) : unreadable(direction, flows, known);
      if (!isKnown) unparsed++;
      flowOf[from + row] = f;
      flows[f].packets++;
      flows[f].bytes += capture.lengthBytes[from + row];
    }
  }
  return { flows, flowOf, unparsed };
}

/** Whether the capture has the whole IP header. */
function isReadable(parsed: Parsed, row: number, copiedBytes: number): boolean {
  if (parsed.family[row] === 4)
    return copiedBytes >= 20 && (parsed.l4Offset[row] > 0 || isLater(parsed, row));
  return parsed.family[row] === 6 && copiedBytes >= 40;
}

function isLater(parsed: Parsed, row: number): boolean {
  return parsed.fragment[row] === FRAGMENT_LATER;
}

/**
 * The flow of a parsed row; a new one is made. Later fragments have no ports, so they are flows of their own.
 */
function flowAt(
  parsed: Parsed,
  row: number,
  direction: number,
  flows: CapturedFlow[],
  known: Map<string, number>,
): number {
  const protocol = parsed.protocol[row];
  const from = `${addressText(parsed, row, 'src')}:${parsed.sport[row]}`;
  const to = `${addressText(parsed, row, 'dst')}:${parsed.dport[row]}`;
  const kind = protocolName(protocol) ?? `proto-${protocol}`;
  const name = `${kind} ${from} > ${to}`;
  const found = known.get(name);
  if (found !== undefined) return found;
  const isSrcInside = isPrivate(parsed, row, 'src');
  const reverse = known.get(`${kind} ${to} > ${from}`);
  let isUp: boolean;
  if (isSrcInside !== isPrivate(parsed, row, 'dst')) isUp = isSrcInside;
  else if (direction !== DIRECTION_UNKNOWN) isUp = direction === DIRECTION_OUT;
  else isUp = reverse === undefined || !flows[reverse].isUp;
  known.set(name, flows.length);
  return flows.push({ name, protocol, isUp, packets: 0, bytes: 0 }) - 1;
}

/** All packets whose header could not be read are one flow per way. */
function unreadable(direction: number, flows: CapturedFlow[], known: Map<string, number>): number {
  const isUp = direction === DIRECTION_UNKNOWN || direction === DIRECTION_OUT;
  const name = `unparsed ${isUp ? 'up' : 'down'}`;
  const found = known.get(name);
  if (found !== undefined) return found;
  known.set(name, flows.length);
  return flows.push({ name, protocol: NONE, isUp, packets: 0, bytes: 0 }) - 1;
}

/** Private addresses: RFC 1918, RFC 6598, RFC 3927; RFC 4193, RFC 4291 (link-local). */
function isPrivate(parsed: Parsed, row: number, side: 'src' | 'dst'): boolean {
  const word = side === 'src' ? parsed.src0[row] : parsed.dst0[row];
  if (parsed.family[row] === 6) return word >>> 25 === 0xfc >> 1 || word >>> 22 === 0xfe80 >> 6;
  return (
    word >>> 24 === 10 ||
    word >>> 20 === 0xac1 ||
    word >>> 16 === 0xc0a8 ||
    word >>> 22 === 0x6440 >> 6 ||
    word >>> 16 === 0xa9fe
  );
}

function addressText(parsed: Parsed, row: number, side: 'src' | 'dst'): string {
  const [w0, w1, w2, w3] =
    side === 'src'
      ? [parsed.src0[row], parsed.src1[row], parsed.src2[row], parsed.src3[row]]
      : [parsed.dst0[row], parsed.dst1[row], parsed.dst2[row], parsed.dst3[row]];
  if (parsed.family[row] !== 6) return `${w0 >>> 24}.${(w0 >>> 16) & 255}.${(w0 >>> 8) & 255}.${w0 & 255}`;
  const groups = [w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  return `[${shortened(groups)}]`;
}

/** RFC 5952, 4.2: the longest run of zero groups, the first of several, becomes two colons. */
function shortened(groups: readonly number[]): string {
  let from = 0;
  let length = 1;
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > length) {
      from = i;
      length = end - i;
    }
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return length === 1 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`;
}
