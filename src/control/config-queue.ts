/** How packets of a class wait: limit and early drop. */
import { isScalar, type Node } from 'yaml';
import { bytesInTime, formatBytes, type Size } from '../base/units.ts';
import type { QueueSpec, RedSpec } from '../core/spec.ts';
import { HELD_MAX } from '../limits.ts';
import type { LeafContext } from './config-class.ts';
import { SECTIONS } from './fields.ts';
import { AQM_NAME } from './fields-links.ts';
import type { Located, Values, YamlReader } from './yaml-reader.ts';

const LIMIT_NS = 100e6;
const LIMIT_BYTES_MIN = 30_000;
/** A full-sized packet must fit. */
const PACKET_BYTES = 1500;
/** Floyd's advice: max three times min, and min at least five packets. */
const RED_MAX_PACKETS = 15;
const RED_MAX_BY_MIN = 3;
/** tc's advice: a quarter of what may wait at all. */
const RED_LIMIT_BY_MAX = 4;
const RED_DEFAULT = { probability: 0.1, weight: 0.002, gentle: true, byteMode: false, meanPacketBytes: 1000 };

export function readQueue(context: LeafContext, at: Located<Node> | undefined): QueueSpec {
  const { reader, ceilBytesPerSec } = context;
  const values = at ? reader.section(at.value, SECTIONS.queue, 'queue') : {};
  const limit = values.limit ? readLimit(context, values.limit) : null;
  const defaultBytes = Math.max(LIMIT_BYTES_MIN, bytesInTime(LIMIT_NS, ceilBytesPerSec));
  const redAt = readAqm(reader, values.aqm);
  const red = redAt ? readRed(context, redAt, limit, defaultBytes) : null;
  if (limit) return { discipline: 'fifo', ...limit, red };
  const limitBytes = Math.max(defaultBytes, 2 * (red?.maxBytes ?? 0));
  return { discipline: 'fifo', limitBytes, limitPackets: Number.POSITIVE_INFINITY, red };
}

interface Limit {
  readonly limitBytes: number;
  readonly limitPackets: number;
}

function readLimit(context: LeafContext, at: Located<Size>): Limit {
  const { problems } = context.reader;
  if (at.value.kind === 'packets') {
    const { packets } = at.value;
    if (packets < 1 || packets > HELD_MAX) problems.error(at.offset, `limit: 1p to ${HELD_MAX}p`);
    return { limitBytes: Number.POSITIVE_INFINITY, limitPackets: packets };
  }
  const limitBytes = toBytes(at.value, context.ceilBytesPerSec, 1);
  if (limitBytes < PACKET_BYTES) {
    problems.error(at.offset, `limit: ${formatBytes(limitBytes)} does not hold a full-sized packet (1500B)`);
  }
  return { limitBytes, limitPackets: Number.POSITIVE_INFINITY };
}

function toBytes(size: Size, ceilBytesPerSec: number, meanPacketBytes: number): number {
  if (size.kind === 'bytes') return size.bytes;
  if (size.kind === 'packets') return size.packets * meanPacketBytes;
  return bytesInTime(size.ns, ceilBytesPerSec);
}

/** Where RED's parameters are, or null without RED. `red: {}` and plain `red` mean all defaults. */
function readAqm(reader: YamlReader, at: Located<Node> | undefined): Located<Node | null> | null {
  if (!at) return null;
  if (isScalar(at.value)) {
    const name = reader.scalar(AQM_NAME.read, at.value, 'aqm');
    return name?.value === 'red' ? { value: null, offset: at.offset } : null;
  }
  const values = reader.section(at.value, SECTIONS.aqm, 'aqm');
  return values.red ?? null;
}

function readRed(
  context: LeafContext,
  at: Located<Node | null>,
  limit: Limit | null,
  defaultLimitBytes: number,
): RedSpec {
  const { reader, ceilBytesPerSec } = context;
  const values: Values<typeof SECTIONS.red> = reader.section(at.value, SECTIONS.red, 'red');
  const meanPacketBytes = values.meanPacket?.value ?? RED_DEFAULT.meanPacketBytes;
  const given = (size: Located<Size> | undefined): number | null =>
    size ? toBytes(size.value, ceilBytesPerSec, meanPacketBytes) : null;
  const limitBytes = limit
    ? Math.min(limit.limitBytes, limit.limitPackets * meanPacketBytes)
    : defaultLimitBytes;
  const min = given(values.min);
  const ownMax = Math.max(limitBytes / RED_LIMIT_BY_MAX, RED_MAX_PACKETS * meanPacketBytes);
  const derivedMax = min === null ? Math.floor(Math.min(limitBytes / 2, ownMax)) : RED_MAX_BY_MIN * min;
  const maxBytes = given(values.max) ?? derivedMax;
  const minBytes = min ?? Math.floor(maxBytes / RED_MAX_BY_MIN);
  const place = values.max?.offset ?? values.min?.offset ?? at.offset;
  if (minBytes < 1 || minBytes >= maxBytes) {
    const message = `red: min ${formatBytes(minBytes)} must be above 0 and below max ${formatBytes(maxBytes)}`;
    reader.problems.error(values.min?.offset ?? place, message);
  }
  if (limit && maxBytes > limitBytes) {
    const message = `red: max ${formatBytes(maxBytes)} is above the queue's limit, ${formatBytes(limitBytes)}`;
    reader.problems.error(place, `${message}: the queue would be full before`);
  }
  return {
    minBytes,
    maxBytes,
    probability: values.probability?.value ?? RED_DEFAULT.probability,
    weight: values.weight?.value ?? RED_DEFAULT.weight,
    gentle: values.gentle?.value ?? RED_DEFAULT.gentle,
    byteMode: values.byteMode?.value ?? RED_DEFAULT.byteMode,
    meanPacketBytes,
  };
}
