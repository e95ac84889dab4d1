/** How packets of a class wait: in which order, and how many. */
import type { Node } from 'yaml';
import type { Isolation } from '../../algo/queues/host-isolation.ts';
import { bytesInTime, formatBytes, type Size } from '../../base/units.ts';
import { HELD_MAX } from '../../limits.ts';
import type { QueueSpec } from '../../spec/spec.ts';
import { SECTIONS } from '../fields/fields.ts';
import type { Located, Values } from '../yaml/reader.ts';
import { readAqm } from './aqm.ts';
import { type Direction, type LeafContext, PACKET_BYTES, sizeBytes } from './limits.ts';
import type { QueueRoom } from './red.ts';

const LIMIT_NS = 100e6;
const LIMIT_BYTES_MIN = 30_000;
/** Twenty full-sized packets: most pages, mails and calls; no download. */
const SHORT_BYTES = 30_000;
/** The inside address: the source of what leaves, the destination of what arrives. */
const ISOLATION: Readonly<Record<Direction, Isolation>> = { up: 'dual-src', down: 'dual-dst' };

type QueueValues = Values<typeof SECTIONS.queue>;

export function readQueue(context: LeafContext, at: Located<Node> | undefined): QueueSpec {
  const { reader, ceilBytesPerSec } = context;
  const values: QueueValues = at ? reader.section(at.value, SECTIONS.queue, 'queue') : {};
  const discipline = values.discipline?.value ?? 'fair';
  const isDisciplineRead = values.discipline !== undefined || !reader.hasKey(at?.value ?? null, 'discipline');
  if (isDisciplineRead) refuseOfOthers(context, values, discipline);
  const given = values.limit ? readLimit(context, values.limit) : null;
  const defaultBytes = Math.max(LIMIT_BYTES_MIN, bytesInTime(LIMIT_NS, ceilBytesPerSec));
  const room: QueueRoom = { given, defaultBytes };
  const { aqm, ecn, maxBytes } = readAqm(context, values.aqm, room, discipline);
  return {
    discipline,
    isolation: values.isolation?.value ?? ISOLATION[context.direction],
    shortBytes: values.short ? readShort(context, values.short) : SHORT_BYTES,
    limitBytes: given?.limitBytes ?? Math.max(defaultBytes, 2 * maxBytes),
    limitPackets: given?.limitPackets ?? Number.POSITIVE_INFINITY,
    aqm,
    ecn,
    ackFilter: values.ackFilter?.value ?? false,
  };
}

/** A setting that would do nothing is an error. */
function refuseOfOthers({ reader }: LeafContext, values: QueueValues, discipline: string): void {
  if (values.ackFilter?.value && discipline !== 'fair') {
    const message = `ackFilter belongs to discipline: fair, where a flow's packets wait in one queue; this one is ${discipline}`;
    reader.problems.error(values.ackFilter.offset, message);
  }
  for (const [field, of] of [
    ['isolation', 'fair'],
    ['short', 'short-first'],
  ] as const) {
    const at = values[field];
    if (at && discipline !== of) {
      reader.problems.error(at.offset, `${field} belongs to discipline: ${of}; this queue is ${discipline}`);
    }
  }
}

function readShort(context: LeafContext, at: Located<Size>): number {
  const bytes = sizeBytes(at.value, context.ceilBytesPerSec, PACKET_BYTES);
  if (bytes < 1) context.reader.problems.error(at.offset, 'short: with nothing, no flow would be short');
  return bytes;
}

function readLimit(context: LeafContext, at: Located<Size>): NonNullable<QueueRoom['given']> {
  const { problems } = context.reader;
  if (at.value.kind === 'packets') {
    const { packets } = at.value;
    if (packets < 1 || packets > HELD_MAX) problems.error(at.offset, `limit: 1p to ${HELD_MAX}p`);
    return { limitBytes: Number.POSITIVE_INFINITY, limitPackets: packets };
  }
  const limitBytes = sizeBytes(at.value, context.ceilBytesPerSec, PACKET_BYTES);
  if (limitBytes < PACKET_BYTES) {
    problems.error(at.offset, `limit: ${formatBytes(limitBytes)} does not hold a full-sized packet (1500B)`);
  }
  return { limitBytes, limitPackets: Number.POSITIVE_INFINITY };
}
