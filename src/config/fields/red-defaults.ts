/**
 * Defaults of RED and weighted RED as numbers. Thresholds depend on each other, on the limit and on the ceil.
 */
import { aredMinPackets, aredWeight } from '../../algo/aqm/ared.ts';
import { wredByPrecedence, wredDefaultMinimum } from '../../algo/aqm/wred.ts';
import type { QueueSpec, WredSpec } from '../../spec/spec.ts';
import { COLOURS } from './names.ts';

export const RED = {
  probability: 0.1,
  weight: 0.002,
  gentle: true,
  adaptive: false,
  byteMode: false,
  ecn: false,
  meanPacketBytes: 1000,
} as const;

/** Routers take 2^-9. */
export const WRED_WEIGHT = 2 ** -9;

/** Floyd's advice: max is three times min, and min at least five packets. */
const MAX_PACKETS = 15;
const MAX_BY_MIN = 3;
/** tc's advice: max is a quarter of the limit. */
const LIMIT_BY_MAX = 4;
/** Target delay of Adaptive RED (2001), section 5. */
const ADAPTIVE_TARGET_NS = 5e6;

/** How much may wait: the limit as written, or the default limit, which grows with the thresholds. */
export interface QueueRoom {
  readonly given: Pick<QueueSpec, 'limitBytes' | 'limitPackets'> | null;
  readonly defaultBytes: number;
}

/** The values on which derived thresholds depend. */
export interface ThresholdBasis {
  readonly ceilBytesPerSec: number;
  readonly meanPacketBytes: number;
  readonly room: QueueRoom;
}

/** The limit in bytes. A limit in packets counts as packets of the mean size. */
export function roomBytes({ room: { given, defaultBytes }, meanPacketBytes }: ThresholdBasis): number {
  return given ? Math.min(given.limitBytes, given.limitPackets * meanPacketBytes) : defaultBytes;
}

/** `wantedBytes`, but at least 15 mean packets and at most half the limit. */
function boundedMax(basis: ThresholdBasis, wantedBytes: number): number {
  const leastBytes = MAX_PACKETS * basis.meanPacketBytes;
  return Math.floor(Math.min(roomBytes(basis) / 2, Math.max(wantedBytes, leastBytes)));
}

export interface Thresholds {
  readonly minBytes: number;
  readonly maxBytes: number;
}

/** RED's thresholds; null stands for one that is not written. */
export function redThresholds(
  basis: ThresholdBasis,
  adaptive: boolean,
  min: number | null,
  max: number | null,
): Thresholds {
  const { ceilBytesPerSec, meanPacketBytes } = basis;
  const packetsPerSec = ceilBytesPerSec / meanPacketBytes;
  const wantedBytes = adaptive
    ? MAX_BY_MIN * aredMinPackets(packetsPerSec, ADAPTIVE_TARGET_NS) * meanPacketBytes
    : roomBytes(basis) / LIMIT_BY_MAX;
  const maxBytes = max ?? (min === null ? boundedMax(basis, wantedBytes) : MAX_BY_MIN * min);
  return { minBytes: min ?? Math.floor(maxBytes / MAX_BY_MIN), maxBytes };
}

/** Weight of one arrival in RED's average. */
export function redWeight({ ceilBytesPerSec, meanPacketBytes }: ThresholdBasis, adaptive: boolean): number {
  return adaptive ? aredWeight(ceilBytesPerSec / meanPacketBytes) : RED.weight;
}

/** The max of weighted RED's profiles that have none of their own. */
export function wredMaxBytes(basis: ThresholdBasis): number {
  return boundedMax(basis, roomBytes(basis) / LIMIT_BY_MAX);
}

export type Profile = WredSpec['profiles'][number];

/** Number of code points. */
export const POINTS = 64;
const PRECEDENCES = 8;

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

function takesPair({ colours, dscp }: Profile, colour: number, point: number): boolean {
  const has = (list: readonly number[], value: number): boolean => list.length === 0 || list.includes(value);
  return has(colours, colour) && has(dscp, point);
}

/**
 * Profiles by precedence for the packets that the `given` profiles leave. The profile of
 * precedence 0 comes last and takes all other packets. Empty if the given profiles leave none.
 */
export function profilesByPrecedence(
  given: readonly Profile[],
  { maxBytes, probability }: Pick<Profile, 'maxBytes' | 'probability'>,
): Profile[] {
  // A code point that a profile takes in some colours only keeps its precedence for the others.
  const taken = new Set(
    upTo(POINTS).filter((point) =>
      upTo(COLOURS.length).every((colour) => given.some((profile) => takesPair(profile, colour, point))),
    ),
  );
  if (taken.size === POINTS) return [];
  const profiles: Profile[] = [];
  const precedenceOf = [...wredByPrecedence()];
  for (let precedence = PRECEDENCES - 1; precedence >= 0; precedence--) {
    const all = precedenceOf.flatMap((of, point) => (of === precedence && !taken.has(point) ? [point] : []));
    if (precedence > 0 && all.length === 0) continue;
    const minBytes = wredDefaultMinimum(maxBytes, precedence);
    profiles.push({ dscp: precedence === 0 ? [] : all, colours: [], minBytes, maxBytes, probability });
  }
  return profiles;
}
