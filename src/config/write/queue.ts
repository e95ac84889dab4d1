/** Queues and active queue management, as they are written in a configuration. */
import type { AqmSpec, CodelSpec, PieSpec, QueueSpec, RedSpec, WredSpec } from '../../spec/spec.ts';
import {
  defaultAqm,
  defaultCodelEcn,
  defaultIntervalNs,
  defaultLimitBytes,
  defaultTargetNs,
  ISOLATION,
  PIE,
  QUEUE,
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

/** The place of a queue: its defaults depend on it. */
export interface QueuePlace {
  readonly ceilBytesPerSec: number;
  readonly direction: 'up' | 'down';
}

export function writeQueue(queue: QueueSpec, place: QueuePlace, detail: Detail): Block {
  const { discipline, isolation, shortBytes, limitBytes, limitPackets, ackFilter } = queue;
  const isFair = discipline === 'fair';
  const defaultBytes = defaultLimitBytes(place.ceilBytesPerSec);
  const defaultLimit = Math.max(defaultBytes, 2 * thresholdBytesMax(queue.aqm));
  const isInPackets = Number.isFinite(limitPackets);
  const isLimitWritten = detail === 'all' || isInPackets || limitBytes !== defaultLimit;
  const room = { given: isLimitWritten ? { limitBytes, limitPackets } : null, defaultBytes };
  return writeSection(
    SECTIONS.queue,
    {
      discipline,
      isolation: isFair ? isolation : undefined,
      short: discipline === 'short-first' ? sizeOf(shortBytes) : undefined,
      limit: isInPackets ? { kind: 'packets', packets: limitPackets } : sizeOf(limitBytes),
      aqm: writeAqm(queue, place, room, detail),
      ackFilter: isFair ? ackFilter : undefined,
    },
    {
      discipline: QUEUE.discipline,
      isolation: ISOLATION[place.direction],
      short: sizeOf(QUEUE.shortBytes),
      limit: sizeOf(defaultLimit),
      aqm: defaultAqm(discipline),
      ackFilter: QUEUE.ackFilter,
    },
    detail,
  );
}

/** The largest threshold of an algorithm that has thresholds, else 0. */
function thresholdBytesMax(aqm: AqmSpec): number {
  if (aqm.kind === 'red') return aqm.red.maxBytes;
  return aqm.kind === 'wred' ? Math.max(...aqm.wred.profiles.map(({ maxBytes }) => maxBytes)) : 0;
}

/** A name alone if every parameter has its default. */
function writeAqm(queue: QueueSpec, place: QueuePlace, room: QueueRoom, detail: Detail): BlockValue {
  const { aqm } = queue;
  if (aqm.kind === 'none') return aqm.kind;
  const params = writeParams(queue, place, room, detail);
  return Object.keys(params).length === 0 ? aqm.kind : { [aqm.kind]: params };
}

function writeParams(queue: QueueSpec, place: QueuePlace, room: QueueRoom, detail: Detail): Block {
  const { aqm, ecn } = queue;
  const { ceilBytesPerSec } = place;
  switch (aqm.kind) {
    case 'none':
      return {};
    case 'codel':
      return writeCodel(aqm.codel, queue, place, detail);
    case 'pie':
      return writePie(aqm.pie, ecn, detail);
    case 'red': {
      const basis = { ceilBytesPerSec, meanPacketBytes: aqm.red.meanPacketBytes, room };
      return writeRed(aqm.red, ecn, basis, detail);
    }
    case 'wred': {
      const basis = { ceilBytesPerSec, meanPacketBytes: aqm.wred.meanPacketBytes, room };
      return writeWred(aqm.wred, ecn, basis, detail);
    }
  }
}

function writeCodel(
  { targetNs, intervalNs }: CodelSpec,
  { ecn, discipline }: QueueSpec,
  { ceilBytesPerSec }: QueuePlace,
  detail: Detail,
): Block {
  return writeSection(
    SECTIONS.codel,
    { target: targetNs, interval: intervalNs, ecn },
    {
      target: defaultTargetNs(ceilBytesPerSec),
      interval: defaultIntervalNs(targetNs),
      ecn: defaultCodelEcn(discipline),
    },
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

function writeRed(red: RedSpec, ecn: boolean, basis: ThresholdBasis, detail: Detail): Block {
  const { adaptive, minBytes, maxBytes, probability, weight, gentle, byteMode, meanPacketBytes } = red;
  const gives = (min: number | null, max: number | null): boolean => {
    const derived = redThresholds(basis, adaptive, min, max);
    return derived.minBytes === minBytes && derived.maxBytes === maxBytes;
  };
  // As few thresholds as give both.
  const [hasMin, hasMax] = gives(null, null)
    ? [false, false]
    : gives(null, maxBytes)
      ? [false, true]
      : [true, !gives(minBytes, null)];
  return writeSection(
    SECTIONS.red,
    {
      min: hasMin || detail === 'all' ? sizeOf(minBytes) : undefined,
      max: hasMax || detail === 'all' ? sizeOf(maxBytes) : undefined,
      probability,
      weight,
      gentle,
      adaptive,
      ecn,
      byteMode,
      meanPacket: meanPacketBytes,
    },
    {
      probability: RED.probability,
      weight: redWeight(basis, adaptive),
      gentle: RED.gentle,
      adaptive: RED.adaptive,
      ecn: RED.ecn,
      byteMode: RED.byteMode,
      meanPacket: RED.meanPacketBytes,
    },
    detail,
  );
}

function writeWred(wred: WredSpec, ecn: boolean, basis: ThresholdBasis, detail: Detail): Block {
  const { weight, gentle, meanPacketBytes, profiles } = wred;
  // The values of the last profile are those of profiles that have none of their own.
  const { maxBytes, probability } = profiles.at(-1)!;
  const written = detail === 'all' ? profiles : withoutDerived(profiles);
  const isDerived = written.length < profiles.length;
  const shared = isDerived ? { max: sizeOf(maxBytes), probability } : null;
  const byProfile = shared ?? { probability: RED.probability };
  return writeSection(
    SECTIONS.wred,
    {
      max: shared?.max,
      probability: shared?.probability,
      profiles:
        written.length === 0
          ? undefined
          : oneOrList(written.map((profile) => writeProfile(profile, byProfile, detail))),
      weight,
      gentle,
      ecn,
      meanPacket: meanPacketBytes,
    },
    {
      max: sizeOf(wredMaxBytes(basis)),
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
  shared: { readonly max?: ReturnType<typeof sizeOf>; readonly probability?: number },
  detail: Detail,
): Block {
  const values = {
    dscp: dscp.length === 0 ? undefined : dscp,
    color: colours.length === 0 ? undefined : colours,
    min: sizeOf(minBytes),
    max: sizeOf(maxBytes),
    probability,
  };
  return writeSection(SECTIONS.profile, values, shared, detail);
}
