/** Token buckets of a class: its bursts, `police` and `each`. */
import type { Node } from 'yaml';
import { bytesInTime, formatBytes, formatRate, type Size } from '../../base/units.ts';
import type { EachSpec, PoliceSpec } from '../../spec/spec.ts';
import { SECTIONS } from '../fields/fields.ts';
import type { Located, Values, YamlReader } from '../yaml/reader.ts';

export type Direction = 'up' | 'down';

/** Where a class is read: what everything inside it may need. */
export interface ClassContext {
  readonly reader: YamlReader;
  /** Of the direction or class that is being read. */
  readonly path: string;
  readonly direction: Direction;
  /** What a full-sized packet costs on the link's wire, at least its IP bytes. */
  readonly packetBytes: number;
  readonly ownMarkMask: number;
  /** It or one above has a meter. */
  readonly isMetered: boolean;
}

/** A context in which sizes given as times can be turned into bytes. */
export interface LeafContext extends ClassContext {
  /** Infinite when it could not be read, which has been reported. */
  readonly ceilBytesPerSec: number;
}

/** IP bytes of a full-sized packet: what a bucket and a queue must hold to let it pass. */
export const PACKET_BYTES = 1500;
const SHAPE_BURST = { minBytes: 3028, ns: 1e6 };
const POLICE_BURST = { minBytes: 15_000, ns: 20e6 };

/** Packets count as `packetBytes`, times as what passes at the ceil. */
export function sizeBytes(size: Size, ceilBytesPerSec: number, packetBytes: number): number {
  if (size.kind === 'bytes') return size.bytes;
  if (size.kind === 'packets') return size.packets * packetBytes;
  return bytesInTime(size.ns, ceilBytesPerSec);
}

type BurstKind = 'shape' | 'police';

/** Bytes of a bucket: what was written, else the default at the bucket's own rate. */
export function readBurst(
  context: LeafContext,
  at: Located<Exclude<Size, { kind: 'packets' }>> | undefined,
  rateBytesPerSec: number,
  kind: BurstKind,
  key = 'burst',
): number {
  return at ? givenBurst(context, at, key) : defaultBurst(rateBytesPerSec, kind);
}

export function defaultBurst(rateBytesPerSec: number, kind: BurstKind): number {
  const { minBytes, ns } = kind === 'shape' ? SHAPE_BURST : POLICE_BURST;
  return Math.max(minBytes, bytesInTime(ns, rateBytesPerSec));
}

/** A burst as written. Times mean the class's ceil, also in `police` and `each`. */
export function givenBurst(
  context: LeafContext,
  at: Located<Exclude<Size, { kind: 'packets' }>>,
  key = 'burst',
): number {
  const bytes =
    at.value.kind === 'bytes' ? at.value.bytes : bytesInTime(at.value.ns, context.ceilBytesPerSec);
  if (bytes < context.packetBytes) {
    const meaning = at.value.kind === 'time' ? ` (at ${formatRate(context.ceilBytesPerSec)})` : '';
    const smallest = formatBytes(context.packetBytes);
    const message = `${key}: ${formatBytes(bytes)}${meaning} is less than a full-sized packet, ${smallest}`;
    context.reader.problems.error(
      at.offset,
      `${message}: none would ever ${key === 'burst' ? 'pass' : 'fit'}`,
    );
  }
  return bytes;
}

export function readPolice(context: LeafContext, at: Located<Node> | undefined): PoliceSpec | null {
  if (!at) return null;
  const values = context.reader.section(at.value, SECTIONS.police, 'police');
  const rateBytesPerSec = required(context.reader, at, values, 'rate', 'police');
  return {
    rateBytesPerSec: rateBytesPerSec ?? 1,
    burstBytes: readBurst(context, values.burst, rateBytesPerSec ?? 1, 'police'),
    exceed: values.exceed?.value ?? 'drop',
  };
}

export function readEach(context: LeafContext, at: Located<Node> | undefined): EachSpec | null {
  if (!at) return null;
  const { reader } = context;
  const values = reader.section(at.value, SECTIONS.each, 'each');
  const rateBytesPerSec = required(reader, at, values, 'rate', 'each');
  if (!reader.hasKey(at.value, 'by')) {
    reader.problems.error(at.offset, `each needs by: ${SECTIONS.each.by.takes}`);
  }
  const exceed = values.exceed?.value ?? 'delay';
  const kind = exceed === 'drop' ? 'police' : 'shape';
  return {
    by: values.by?.value ?? 'flow',
    rateBytesPerSec: rateBytesPerSec ?? 1,
    burstBytes: readBurst(context, values.burst, rateBytesPerSec ?? 1, kind),
    exceed,
  };
}

function required(
  reader: YamlReader,
  at: Located<Node>,
  values: Values<{ rate: typeof SECTIONS.police.rate }>,
  key: 'rate',
  what: string,
): number | null {
  if (values[key]) return values[key].value;
  if (!reader.hasKey(at.value, key)) reader.problems.error(at.offset, `${what} needs ${key}`);
  return null;
}
