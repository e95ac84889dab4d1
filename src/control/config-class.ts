/** One class: its limits and what it holds. */
import type { Node } from 'yaml';
import { bytesInTime, formatBytes, formatRate, formatShare, type Size } from '../base/units.ts';
import type { ClassSpec, EachSpec, PoliceSpec } from '../core/spec.ts';
import { readMatch } from './config-match.ts';
import { readQueue } from './config-queue.ts';
import type { RateOrShare } from './field-kinds.ts';
import { SECTIONS } from './fields.ts';
import type { Located, Named, Values, YamlReader } from './yaml-reader.ts';

/** Where a class is read: what everything inside it may need. */
export interface ClassContext {
  readonly reader: YamlReader;
  /** Of the direction or class that is being read. */
  readonly path: string;
  /** Of the link, charged with every packet. */
  readonly overheadBytes: number;
  readonly ownMarkMask: number;
}

/** A context in which sizes given as times can be turned into bytes. */
export interface LeafContext extends ClassContext {
  readonly ceilBytesPerSec: number;
}

/** IP bytes of a full-sized packet: what a bucket must hold to let it pass. */
const PACKET_BYTES = 1500;
const SHAPE_BURST = { minBytes: 3028, ns: 1e6 };
const POLICE_BURST = { minBytes: 15_000, ns: 20e6 };

/** `parentBytesPerSec` is the parent's ceil; infinite when that could not be read. */
export function readClass(outer: ClassContext, entry: Named, parentBytesPerSec: number): ClassSpec {
  const { reader } = outer;
  const path = `${outer.path}/${entry.name}`;
  const values = reader.section(entry.node, SECTIONS.class, `class ${entry.name}`);
  const ceil = ofParent(values.ceil, parentBytesPerSec);
  const rate = ofParent(values.rate, parentBytesPerSec);
  const ceilBytesPerSec = ceil ?? parentBytesPerSec;
  if (values.ceil && ceilBytesPerSec > parentBytesPerSec) {
    reader.problems.error(values.ceil.offset, above('ceil', ceilBytesPerSec, parentBytesPerSec));
  }
  const isCeilWrong = !values.ceil && reader.hasKey(entry.node, 'ceil');
  if (values.rate && rate !== null && !isCeilWrong) {
    checkRate(reader, values.rate, { rate, ceil, parentBytesPerSec });
  }
  const context = {
    ...outer,
    path,
    ceilBytesPerSec: isCeilWrong ? Number.POSITIVE_INFINITY : ceilBytesPerSec,
  };
  if (entry.name === 'default' && reader.hasKey(entry.node, 'match')) {
    reader.problems.error(
      entry.offset,
      'class default takes what no other class does; it has no match of its own',
    );
  }
  return {
    name: entry.name,
    path,
    rateBytesPerSec: rate ?? 0,
    ceilBytesPerSec,
    burstBytes: readBurst(context, values.burst, ceilBytesPerSec, 'shape'),
    match: values.match ? readMatch(context, values.match) : null,
    police: readPolice(context, values.police),
    each: readEach(context, values.each),
    queue: readQueue(context, values.queue),
    children: [],
  };
}

function ofParent(value: Located<RateOrShare> | undefined, parentBytesPerSec: number): number | null {
  if (!value) return null;
  if (value.value.kind === 'rate') return value.value.rateBytesPerSec;
  return value.value.ratio * parentBytesPerSec;
}

function above(field: string, bytesPerSec: number, parentBytesPerSec: number): string {
  return `${field}: ${formatRate(bytesPerSec)} is above the parent's ${formatRate(parentBytesPerSec)}`;
}

/** Borrowing between rate and ceil is not there yet, so the two must say the same. */
function checkRate(
  reader: YamlReader,
  at: Located<RateOrShare>,
  known: { rate: number; ceil: number | null; parentBytesPerSec: number },
): void {
  const { rate, ceil, parentBytesPerSec } = known;
  if (rate > parentBytesPerSec) {
    reader.problems.error(at.offset, above('rate', rate, parentBytesPerSec));
  } else if (ceil === null && rate !== parentBytesPerSec) {
    const text = at.value.kind === 'share' ? formatShare(at.value.ratio) : formatRate(rate);
    const message = `rate without ceil would borrow up to the parent's ceil, and borrowing comes with a later version`;
    reader.problems.error(at.offset, `${message}; write ceil: ${text} for a limit`);
  } else if (ceil !== null && rate !== ceil) {
    const message = `rate ${formatRate(rate)} differs from ceil ${formatRate(ceil)}: the class would borrow, and`;
    reader.problems.error(
      at.offset,
      `${message} borrowing comes with a later version; make them equal or leave rate out`,
    );
  }
}

/** Bytes of a bucket. Times mean the class's ceil, also in `police` and `each`; defaults follow the bucket's own rate. */
export function readBurst(
  context: LeafContext,
  at: Located<Exclude<Size, { kind: 'packets' }>> | undefined,
  rateBytesPerSec: number,
  kind: 'shape' | 'police',
): number {
  const smallest = PACKET_BYTES + Math.max(0, context.overheadBytes);
  if (!at) {
    const { minBytes, ns } = kind === 'shape' ? SHAPE_BURST : POLICE_BURST;
    return Math.max(minBytes, bytesInTime(ns, rateBytesPerSec));
  }
  const bytes =
    at.value.kind === 'bytes' ? at.value.bytes : bytesInTime(at.value.ns, context.ceilBytesPerSec);
  if (bytes < smallest) {
    const meaning = at.value.kind === 'time' ? ` (at ${formatRate(context.ceilBytesPerSec)})` : '';
    const message = `burst: ${formatBytes(bytes)}${meaning} is less than a full-sized packet, ${formatBytes(smallest)}`;
    context.reader.problems.error(at.offset, `${message}: none would ever pass`);
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
