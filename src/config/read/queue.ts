/** How packets of a class wait: their order, and how much may wait. */
import type { Node } from 'yaml';
import { formatBytes, type Size } from '../../base/units.ts';
import { HELD_MAX } from '../../limits.ts';
import type { AqmSpec, EachSpec, QueueSpec, WaitingSpec } from '../../spec/spec.ts';
import {
  QUEUE as DEFAULTS,
  defaultLimitBytes,
  ISOLATION,
  insideOf,
  PACED_LIMIT_BYTES_MIN,
} from '../fields/defaults.ts';
import type { QueueRoom } from '../fields/red-defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import type { Located, Values } from '../yaml/reader.ts';
import { readAqm } from './aqm.ts';
import { type LeafContext, PACKET_BYTES, sizeBytes } from './context.ts';

type QueueValues = Values<typeof SECTIONS.queue>;

/** `each` of the class: the limit bounds its buckets too, so it grows with their thresholds. */
export function readQueue(
  context: LeafContext,
  at: Located<Node> | undefined,
  each: EachSpec | null,
): QueueSpec {
  const { reader, ceilBytesPerSec } = context;
  const values: QueueValues = at ? reader.section(at.value, SECTIONS.queue, 'queue') : {};
  const discipline = values.discipline?.value ?? DEFAULTS.discipline;
  const isDisciplineRead = values.discipline !== undefined || !reader.hasKey(at?.value ?? null, 'discipline');
  if (isDisciplineRead) refuseForeignKeys(context, values, discipline);
  const given = values.limit ? readLimit(context, values.limit) : null;
  const defaultBytes = defaultLimitBytes(ceilBytesPerSec);
  const leastBytes = context.isPaced ? PACED_LIMIT_BYTES_MIN : 0;
  const { maxBytes, ...waiting } = readWaitingOf(context, values, { given, defaultBytes });
  const mostBytes = Math.max(maxBytes, each?.waiting ? maxThresholdBytes(each.waiting.aqm) : 0);
  return {
    ...waiting,
    limitBytes: given?.limitBytes ?? Math.max(defaultBytes, leastBytes, 2 * mostBytes),
    limitPackets: given?.limitPackets ?? Number.POSITIVE_INFINITY,
    ackFilter: values.ackFilter?.value ?? DEFAULTS.ackFilter,
  };
}

/**
 * How packets wait for a bucket of `each`, whose rate is the ceil of the context: as in the queue of the
 * class that is written at `at`. The bucket has no limit of its own. Thresholds that are not written follow
 * the default limit at its rate, at most the limit of the queue.
 */
export function readWaiting(context: LeafContext, at: Located<Node> | undefined): WaitingSpec {
  const { reader, ceilBytesPerSec } = context;
  const values: QueueValues = at ? reader.section(at.value, SECTIONS.queue, 'queue') : {};
  const { limit } = values;
  const givenBytes = limit ? sizeBytes(context, limit, PACKET_BYTES) : Number.POSITIVE_INFINITY;
  const defaultBytes = Math.min(givenBytes, defaultLimitBytes(ceilBytesPerSec));
  const { maxBytes: _, ...waiting } = readWaitingOf(context, values, { given: null, defaultBytes });
  return waiting;
}

function readWaitingOf(
  context: LeafContext,
  values: QueueValues,
  room: QueueRoom,
): WaitingSpec & { readonly maxBytes: number } {
  const discipline = values.discipline?.value ?? DEFAULTS.discipline;
  return {
    discipline,
    isolation:
      values.isolation?.value ??
      ISOLATION[insideOf(context.direction, context.hosts.lan.has(context.device))],
    shortBytes: values.short ? readShort(context, values.short) : DEFAULTS.shortBytes,
    ...readAqm(context, values.aqm, room, discipline),
  };
}

/** Largest threshold of RED or weighted RED; 0 for other algorithms. */
function maxThresholdBytes(aqm: AqmSpec): number {
  if (aqm.kind === 'red') return aqm.red.maxBytes;
  return aqm.kind === 'wred' ? Math.max(...aqm.wred.profiles.map((profile) => profile.maxBytes)) : 0;
}

/** A key that would do nothing is an error. */
function refuseForeignKeys({ reader }: LeafContext, values: QueueValues, discipline: string): void {
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
  const bytes = sizeBytes(context, at, PACKET_BYTES);
  if (bytes < 1) context.reader.problems.error(at.offset, 'short: with 0 bytes no flow would be short');
  return bytes;
}

function readLimit(context: LeafContext, at: Located<Size>): NonNullable<QueueRoom['given']> {
  const { problems } = context.reader;
  if (at.value.kind === 'packets') {
    const { packets } = at.value;
    if (packets < 1 || packets > HELD_MAX)
      problems.error(at.offset, `limit: a number of packets is 1p to ${HELD_MAX}p`);
    return { limitBytes: Number.POSITIVE_INFINITY, limitPackets: packets };
  }
  const limitBytes = sizeBytes(context, at, PACKET_BYTES);
  if (limitBytes < PACKET_BYTES) {
    problems.error(at.offset, `limit: ${formatBytes(limitBytes)} does not hold a full-sized packet (1500B)`);
  }
  return { limitBytes, limitPackets: Number.POSITIVE_INFINITY };
}
