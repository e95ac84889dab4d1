/**
 * Active queue management, as it is written in a configuration: of a queue, and at once of the buckets in
 * which packets wait as in that queue.
 */
import { bytesInTime, type Size } from '../../base/units.ts';
import type {
  AqmSpec,
  CodelSpec,
  PieSpec,
  QueueSpec,
  RedSpec,
  WaitingSpec,
  WredSpec,
} from '../../spec/spec.ts';
import {
  defaultCodelEcn,
  defaultIntervalNs,
  defaultLimitBytes,
  defaultTargetNs,
  PIE,
} from '../fields/defaults.ts';
import {
  type Profile,
  profilesByPrecedence,
  type QueueRoom,
  RED,
  redThresholds,
  redWeight,
  type ThresholdBasis,
  WRED_WEIGHT,
  wredMaxBytes,
} from '../fields/red-defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import { type Block, type BlockValue, type Detail, oneOrList, writeSection } from './block.ts';
import { sizeOf } from './buckets.ts';

/** A packet of a limit in packets (read/context.ts). */
export const PACKET_BYTES = 1500;

/** The place of a queue: its defaults depend on it. */
export interface QueuePlace {
  readonly ceilBytesPerSec: number;
  readonly direction: 'up' | 'down';
  /** The class or one above it paces its connections. */
  readonly isPaced: boolean;
  /** The same keys as they mean in the buckets of `each`; null without such buckets. */
  readonly buckets: { readonly waiting: WaitingSpec; readonly rateBytesPerSec: number } | null;
}

/** A value of the queue beside the one that the same key has in the buckets, with the defaults of both. */
interface Twice<T> {
  readonly value: T;
  readonly byDefault: T;
  readonly inBuckets: T;
  readonly inBucketsByDefault: T;
}

/**
 * Value and default to write. A key that means the same in queue and buckets is left out only if both have it
 * by default. Two values can only come of two defaults, so then nothing is written.
 */
function once<T>({ value, byDefault, inBuckets, inBucketsByDefault }: Twice<T>): {
  readonly value: T | undefined;
  readonly byDefault: T | undefined;
} {
  if (inBuckets !== value) return { value: undefined, byDefault: undefined };
  return { value, byDefault: inBucketsByDefault === value ? byDefault : undefined };
}

/**
 * Whether the largest thresholds of queue and buckets are those that this room gives. A limit that was
 * written gives others than an equal one that has grown with the thresholds.
 */
export function derives({ aqm }: QueueSpec, place: QueuePlace, room: QueueRoom): boolean {
  if (aqm.kind !== 'red' && aqm.kind !== 'wred') return true;
  const { meanPacketBytes } = aqm.kind === 'red' ? aqm.red : aqm.wred;
  const { queue, buckets } = basesOf(meanPacketBytes, place, room);
  const isDerived = (basis: ThresholdBasis, own: AqmSpec): boolean => {
    if (own.kind === 'wred') return own.wred.profiles.at(-1)!.maxBytes === wredMaxBytes(basis);
    if (own.kind !== 'red') return true;
    return own.red.maxBytes === redThresholds(basis, own.red.adaptive, null, null).maxBytes;
  };
  return isDerived(queue, aqm) && (!buckets || isDerived(buckets.basis, buckets.aqm));
}

/** The largest threshold of an algorithm that has thresholds, else 0. */
export function thresholdBytesMax(aqm: AqmSpec): number {
  if (aqm.kind === 'red') return aqm.red.maxBytes;
  return aqm.kind === 'wred' ? Math.max(...aqm.wred.profiles.map(({ maxBytes }) => maxBytes)) : 0;
}

/** A name alone if every parameter has its default. */
export function writeAqm(queue: QueueSpec, place: QueuePlace, room: QueueRoom, detail: Detail): BlockValue {
  const { aqm } = queue;
  if (aqm.kind === 'none') return aqm.kind;
  const params = writeParams(queue, place, room, detail);
  return Object.keys(params).length === 0 ? aqm.kind : { [aqm.kind]: params };
}

function writeParams(queue: QueueSpec, place: QueuePlace, room: QueueRoom, detail: Detail): Block {
  const { aqm, ecn } = queue;
  switch (aqm.kind) {
    case 'none':
      return {};
    case 'codel':
      return writeCodel(aqm.codel, queue, place, detail);
    case 'pie':
      return writePie(aqm.pie, ecn, detail);
    case 'red':
      return writeRed(aqm.red, ecn, basesOf(aqm.red.meanPacketBytes, place, room), detail);
    case 'wred':
      return writeWred(aqm.wred, ecn, basesOf(aqm.wred.meanPacketBytes, place, room), detail);
  }
}

/** By what thresholds are derived, in the queue and in the buckets. */
interface Bases {
  readonly queue: ThresholdBasis;
  readonly buckets: { readonly basis: ThresholdBasis; readonly aqm: AqmSpec } | null;
}

/** A size that is so many bytes in the queue and so many in the buckets: a time, if they differ. */
export function sizeInBoth(bytes: number, bytesInBuckets: number, { queue, buckets }: Bases): Size {
  if (bytes === bytesInBuckets || !buckets) return sizeOf(bytes);
  for (const unitNs of [1e6, 1e3, 1]) {
    const ns = Math.round(((bytes / queue.ceilBytesPerSec) * 1e9) / unitNs) * unitNs;
    const isBoth =
      bytesInTime(ns, queue.ceilBytesPerSec) === bytes &&
      bytesInTime(ns, buckets.basis.ceilBytesPerSec) === bytesInBuckets;
    if (isBoth) return { kind: 'time', ns };
  }
  return sizeOf(bytes);
}

/** As readWaiting() has it: buckets have no limit of their own. */
export function basesOf(
  meanPacketBytes: number,
  { ceilBytesPerSec, buckets }: QueuePlace,
  room: QueueRoom,
): Bases {
  const queue = { ceilBytesPerSec, meanPacketBytes, room };
  if (!buckets) return { queue, buckets: null };
  const { rateBytesPerSec, waiting } = buckets;
  const { limitBytes = Number.POSITIVE_INFINITY, limitPackets = Number.POSITIVE_INFINITY } = room.given ?? {};
  const givenBytes = Math.min(limitBytes, limitPackets * PACKET_BYTES);
  const defaultBytes = Math.min(givenBytes, defaultLimitBytes(rateBytesPerSec));
  const basis = { ceilBytesPerSec: rateBytesPerSec, meanPacketBytes, room: { given: null, defaultBytes } };
  return { queue, buckets: { basis, aqm: waiting.aqm } };
}

function writeCodel(codel: CodelSpec, queue: QueueSpec, place: QueuePlace, detail: Detail): Block {
  const { ceilBytesPerSec, buckets } = place;
  const inBuckets = buckets?.waiting.aqm.kind === 'codel' ? buckets.waiting.aqm.codel : codel;
  const target = once({
    value: codel.targetNs,
    byDefault: defaultTargetNs(ceilBytesPerSec),
    inBuckets: inBuckets.targetNs,
    inBucketsByDefault: defaultTargetNs(buckets?.rateBytesPerSec ?? ceilBytesPerSec),
  });
  const interval = once({
    value: codel.intervalNs,
    byDefault: defaultIntervalNs(codel.targetNs),
    inBuckets: inBuckets.intervalNs,
    inBucketsByDefault: defaultIntervalNs(inBuckets.targetNs),
  });
  return writeSection(
    SECTIONS.codel,
    { target: target.value, interval: interval.value, ecn: queue.ecn },
    { target: target.byDefault, interval: interval.byDefault, ecn: defaultCodelEcn(queue.discipline) },
    detail,
  );
}

function writePie(
  { targetNs, updateNs, burstNs, alpha, beta }: PieSpec,
  ecn: boolean,
  detail: Detail,
): Block {
  return writeSection(
    SECTIONS.pie,
    { target: targetNs, update: updateNs, burst: burstNs, alpha, beta, ecn },
    {
      target: PIE.targetNs,
      update: PIE.updateNs,
      burst: PIE.burstNs,
      alpha: PIE.alpha,
      beta: PIE.beta,
      ecn: PIE.ecn,
    },
    detail,
  );
}

function writeRed(red: RedSpec, ecn: boolean, bases: Bases, detail: Detail): Block {
  const { adaptive, minBytes, maxBytes, probability, gentle, byteMode, meanPacketBytes } = red;
  const other = bases.buckets?.aqm.kind === 'red' ? bases.buckets.aqm.red : red;
  const otherBasis = bases.buckets?.basis ?? bases.queue;
  const gives = (withMin: boolean, withMax: boolean): boolean => {
    const isDerived = (basis: ThresholdBasis, { minBytes: min, maxBytes: max }: RedSpec): boolean => {
      const derived = redThresholds(basis, adaptive, withMin ? min : null, withMax ? max : null);
      return derived.minBytes === min && derived.maxBytes === max;
    };
    return isDerived(bases.queue, red) && isDerived(otherBasis, other);
  };
  // As few thresholds as give both.
  const [hasMin, hasMax] = gives(false, false)
    ? [false, false]
    : gives(false, true)
      ? [false, true]
      : [true, !gives(true, false)];
  const isAll = detail === 'all';
  const weight = once({
    value: red.weight,
    byDefault: redWeight(bases.queue, adaptive),
    inBuckets: other.weight,
    inBucketsByDefault: redWeight(otherBasis, adaptive),
  });
  return writeSection(
    SECTIONS.red,
    {
      min: hasMin || isAll ? sizeInBoth(minBytes, other.minBytes, bases) : undefined,
      max: hasMax || isAll ? sizeInBoth(maxBytes, other.maxBytes, bases) : undefined,
      probability,
      weight: weight.value,
      gentle,
      adaptive,
      ecn,
      byteMode,
      meanPacket: meanPacketBytes,
    },
    {
      probability: RED.probability,
      weight: weight.byDefault,
      gentle: RED.gentle,
      adaptive: RED.adaptive,
      ecn: RED.ecn,
      byteMode: RED.byteMode,
      meanPacket: RED.meanPacketBytes,
    },
    detail,
  );
}

function writeWred(wred: WredSpec, ecn: boolean, bases: Bases, detail: Detail): Block {
  const { weight, gentle, meanPacketBytes, profiles } = wred;
  const others = bases.buckets?.aqm.kind === 'wred' ? bases.buckets.aqm.wred.profiles : profiles;
  const isSame = JSON.stringify(others) === JSON.stringify(profiles);
  // The values of the last profile are those of profiles that have none of their own.
  const [{ maxBytes, probability }, { maxBytes: otherMax }] = [profiles.at(-1)!, others.at(-1)!];
  const written = detail === 'all' ? profiles : withoutDerived(profiles);
  const isDerived = written.length < profiles.length || !isSame;
  const shared = isDerived ? { max: sizeInBoth(maxBytes, otherMax, bases), probability } : null;
  const byProfile = shared ?? { probability: RED.probability };
  const isMaxByDefault =
    maxBytes === wredMaxBytes(bases.queue) && otherMax === wredMaxBytes(bases.buckets?.basis ?? bases.queue);
  const blocks = written.map((profile, i) =>
    writeProfile(profile, others[i] ?? profile, bases, byProfile, detail),
  );
  return writeSection(
    SECTIONS.wred,
    {
      max: isMaxByDefault && detail === 'chosen' ? undefined : shared?.max,
      probability: shared?.probability,
      profiles: blocks.length === 0 ? undefined : oneOrList(blocks),
      weight,
      gentle,
      ecn,
      meanPacket: meanPacketBytes,
    },
    {
      probability: RED.probability,
      weight: WRED_WEIGHT,
      gentle: RED.gentle,
      ecn: RED.ecn,
      meanPacket: RED.meanPacketBytes,
    },
    detail,
  );
}

/** The fewest first profiles that, when they are read, are completed by precedence to all profiles. */
function withoutDerived(profiles: readonly Profile[]): readonly Profile[] {
  const last = profiles.at(-1)!;
  for (let count = 0; count < profiles.length; count++) {
    const given = profiles.slice(0, count);
    const derived = profilesByPrecedence(given, last);
    if (JSON.stringify(derived) === JSON.stringify(profiles.slice(count))) return given;
  }
  return profiles;
}

function writeProfile(
  { dscp, colours, minBytes, maxBytes, probability }: Profile,
  other: Profile,
  bases: Bases,
  shared: { readonly max?: Size; readonly probability?: number },
  detail: Detail,
): Block {
  const values = {
    dscp: dscp.length === 0 ? undefined : dscp,
    color: colours.length === 0 ? undefined : colours,
    min: sizeInBoth(minBytes, other.minBytes, bases),
    max: sizeInBoth(maxBytes, other.maxBytes, bases),
    probability,
  };
  return writeSection(SECTIONS.profile, values, shared, detail);
}
