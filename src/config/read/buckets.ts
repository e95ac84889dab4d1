/** Token buckets of a class: its bursts, `police` and `each`. */
import type { Node } from 'yaml';
import { formatBytes, formatRate } from '../../base/units.ts';
import type { EachSpec, PoliceSpec } from '../../spec/spec.ts';
import { type BurstKind, CLASS as DEFAULTS, defaultBurst, eachBurstKind } from '../fields/defaults.ts';
import type { ByteSize } from '../fields/quantities.ts';
import { SECTIONS } from '../fields/sections.ts';
import type { Located, Values, YamlReader } from '../yaml/reader.ts';
import { type LeafContext, sizeBytes } from './context.ts';
import { readWaiting } from './queue.ts';

/** A rate that could not be read, which has been reported. */
const UNKNOWN = Number.POSITIVE_INFINITY;

/** Bytes of a bucket: the burst as written, else the default at the bucket's own rate. */
export function readBurst(
  context: LeafContext,
  at: Located<ByteSize> | undefined,
  rateBytesPerSec: number,
  kind: BurstKind,
  key = 'burst',
): number {
  return at ? givenBurst(context, at, key) : defaultBurst(rateBytesPerSec, kind);
}

/** A burst as written. A time means bytes at the ceil of the context: in `each` the rate of a bucket. */
export function givenBurst(context: LeafContext, at: Located<ByteSize>, key = 'burst'): number {
  const bytes = sizeBytes(context, at, context.packetBytes);
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
    exceed: values.exceed?.value ?? DEFAULTS.policeExceed,
  };
}

/** `queue` is that of the class: packets wait for their bucket in the same way, at the bucket's rate. */
export function readEach(
  context: LeafContext,
  at: Located<Node> | undefined,
  queue: Located<Node> | undefined,
): EachSpec | null {
  if (!at) return null;
  const { reader } = context;
  const values = reader.section(at.value, SECTIONS.each, 'each');
  const rateBytesPerSec = required(reader, at, values, 'rate', 'each');
  if (!reader.hasKey(at.value, 'by')) {
    reader.problems.error(at.offset, `each needs by: ${SECTIONS.each.by.takes}`);
  }
  const exceed = values.exceed?.value ?? DEFAULTS.eachExceed;
  // Times mean the rate of the bucket in it.
  const inBucket = { ...context, ceilBytesPerSec: rateBytesPerSec ?? UNKNOWN };
  return {
    by: values.by?.value ?? 'flow',
    prefix6Bits: readPrefix6(reader, values),
    rateBytesPerSec: rateBytesPerSec ?? 1,
    burstBytes: readBurst(inBucket, values.burst, rateBytesPerSec ?? 1, eachBurstKind(exceed)),
    exceed,
    waiting: exceed === 'drop' ? null : readWaiting(inBucket, queue),
  };
}

function readPrefix6(reader: YamlReader, { by, prefix6: at }: Values<typeof SECTIONS.each>): number {
  if (by?.value !== 'flow') return at?.value ?? DEFAULTS.eachPrefix6;
  if (at && at.value !== DEFAULTS.eachPrefix6) {
    const message = 'prefix6 joins addresses, and by: flow has a bucket for every flow';
    reader.problems.error(at.offset, `${message}; write by: host, src or dst, or leave prefix6 out`);
  }
  return DEFAULTS.eachPrefix6;
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
