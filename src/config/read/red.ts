/** ParamsAt of RED and weighted RED, which go by the average length of the queue. */
import type { Node } from 'yaml';
import { formatBytes, type Size } from '../../base/units.ts';
import type { AqmSpec } from '../../spec/spec.ts';
import { COLOURS } from '../fields/names.ts';
import {
  POINTS,
  type Profile,
  profilesByPrecedence,
  type QueueRoom,
  RED,
  redThresholds,
  redWeight,
  roomBytes,
  type ThresholdBasis,
  type Thresholds,
  upTo,
  WRED_WEIGHT,
  wredMaxBytes,
} from '../fields/red-defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import type { Located, Values, YamlReader } from '../yaml/reader.ts';
import { type LeafContext, sizeBytes } from './context.ts';

/** The place of an algorithm's parameters. The value is null if none are written. */
export type ParamsAt = Located<Node | null>;

export interface ReadAqm {
  readonly aqm: AqmSpec;
  readonly ecn: boolean;
  /** Largest threshold of RED or weighted RED; 0 for other algorithms. */
  readonly maxBytes: number;
}

/** The values by which thresholds are measured and bounded. */
interface Measure extends ThresholdBasis {
  readonly context: LeafContext;
  readonly name: 'red' | 'wred';
}

function measureOf(
  context: LeafContext,
  name: Measure['name'],
  room: QueueRoom,
  meanPacketBytes: number = RED.meanPacketBytes,
): Measure {
  return { context, name, ceilBytesPerSec: context.ceilBytesPerSec, meanPacketBytes, room };
}

function givenBytes({ context, meanPacketBytes }: Measure, at: Located<Size> | undefined): number | null {
  return at ? sizeBytes(context, at, meanPacketBytes) : null;
}

/** Whether both thresholds could be read. One that could not has been reported and cannot be compared. */
function areRead(reader: YamlReader, at: Node | null, values: { min?: unknown; max?: unknown }): boolean {
  return (['min', 'max'] as const).every((key) => values[key] !== undefined || !reader.hasKey(at, key));
}

/**
 * An unknown ceil makes derived thresholds infinite. It has been reported, so they cause no further message.
 */
function checkThresholds(
  measure: Measure,
  { minBytes, maxBytes }: Thresholds,
  at: { readonly min: number; readonly max: number },
): void {
  const { context, name, room } = measure;
  const limitBytes = roomBytes(measure);
  const { problems } = context.reader;
  if (minBytes < 1 || (minBytes >= maxBytes && Number.isFinite(minBytes))) {
    const message = `${name}: min ${formatBytes(minBytes)} must be above 0 and below max ${formatBytes(maxBytes)}`;
    problems.error(at.min, message);
  }
  if (room.given && maxBytes > limitBytes) {
    const message = `${name}: max ${formatBytes(maxBytes)} is above the queue's limit, ${formatBytes(limitBytes)}`;
    problems.error(at.max, `${message}: the queue would be full first`);
  }
}

export function readRed(context: LeafContext, at: ParamsAt, room: QueueRoom): ReadAqm {
  const values: Values<typeof SECTIONS.red> = context.reader.section(at.value, SECTIONS.red, 'red');
  const measure = measureOf(context, 'red', room, values.meanPacket?.value);
  const adaptive = values.adaptive?.value ?? RED.adaptive;
  const min = givenBytes(measure, values.min);
  const { minBytes, maxBytes } = redThresholds(measure, adaptive, min, givenBytes(measure, values.max));
  const maxAt = values.max?.offset ?? values.min?.offset ?? at.offset;
  if (areRead(context.reader, at.value, values)) {
    checkThresholds(measure, { minBytes, maxBytes }, { min: values.min?.offset ?? maxAt, max: maxAt });
  }
  const red = {
    adaptive,
    minBytes,
    maxBytes,
    probability: values.probability?.value ?? RED.probability,
    weight: values.weight?.value ?? redWeight(measure, adaptive),
    gentle: values.gentle?.value ?? RED.gentle,
    byteMode: values.byteMode?.value ?? RED.byteMode,
    meanPacketBytes: measure.meanPacketBytes,
  };
  return { aqm: { kind: 'red', red }, ecn: values.ecn?.value ?? RED.ecn, maxBytes };
}

type ProfileValues = Values<typeof SECTIONS.profile>;

export function readWred(context: LeafContext, at: ParamsAt, room: QueueRoom): ReadAqm {
  const { reader } = context;
  const values: Values<typeof SECTIONS.wred> = reader.section(at.value, SECTIONS.wred, 'wred');
  const measure = measureOf(context, 'wred', room, values.meanPacket?.value);
  const shared = {
    maxBytes: givenBytes(measure, values.max) ?? wredMaxBytes(measure),
    probability: values.probability?.value ?? RED.probability,
    offset: values.max?.offset ?? at.offset,
  };
  const given = values.profiles ? readProfiles(measure, values.profiles, shared) : [];
  const last = given.at(-1);
  const isComplete = last !== undefined && last.dscp.length === 0 && last.colours.length === 0;
  if (isComplete) warnUnread(reader, values);
  const others = isComplete ? [] : profilesByPrecedence(given, shared);
  const least = others.at(-1);
  if (least) checkThresholds(measure, least, { min: shared.offset, max: shared.offset });
  const profiles = [...given, ...others];
  const wred = {
    weight: values.weight?.value ?? WRED_WEIGHT,
    gentle: values.gentle?.value ?? RED.gentle,
    meanPacketBytes: measure.meanPacketBytes,
    profiles,
  };
  const maxBytes = Math.max(...profiles.map((profile) => profile.maxBytes));
  return { aqm: { kind: 'wred', wred }, ecn: values.ecn?.value ?? RED.ecn, maxBytes };
}

/**
 * Warns of a max or probability that no profile uses, because each has its own and none by precedence follow.
 */
function warnUnread(reader: YamlReader, values: Values<typeof SECTIONS.wred>): void {
  const items = reader.items(values.profiles!.value);
  for (const key of ['max', 'probability'] as const) {
    const at = values[key];
    if (at && items.every((item) => reader.hasKey(item, key))) {
      reader.problems.warn(at.offset, `${key}: every profile has its own, so this one does nothing`);
    }
  }
}

/** Values of profiles that have none of their own. `offset` is the place of the max, if it was written. */
interface Shared {
  readonly maxBytes: number;
  readonly probability: number;
  readonly offset: number;
}

function readProfiles(measure: Measure, at: Located<Node>, shared: Shared): Profile[] {
  const { reader } = measure.context;
  const taken: Taken = new Set();
  let isAllTaken = false;
  return reader.items(at.value).map((item): Profile => {
    const values = reader.section(item, SECTIONS.profile, 'a profile');
    const offset = item.range?.[0] ?? at.offset;
    if (isAllTaken) {
      reader.problems.error(
        offset,
        'the profile before this one has no dscp and no color, so it takes all other packets: put it last',
      );
    }
    isAllTaken ||= !reader.hasKey(item, 'dscp') && !reader.hasKey(item, 'color');
    takePackets(measure.context, values, taken);
    if (!reader.hasKey(item, 'min')) reader.problems.error(offset, 'a profile needs min');
    const maxBytes = givenBytes(measure, values.max) ?? shared.maxBytes;
    const minBytes = givenBytes(measure, values.min) ?? 1;
    const maxAt = values.max?.offset ?? shared.offset;
    if (areRead(reader, item, values)) {
      checkThresholds(measure, { minBytes, maxBytes }, { min: values.min?.offset ?? offset, max: maxAt });
    }
    return {
      dscp: [...new Set(valuesOf(values.dscp))],
      colours: [...new Set(valuesOf(values.color))],
      minBytes,
      maxBytes,
      probability: values.probability?.value ?? shared.probability,
    };
  });
}

/** Pairs of colour and code point that have a profile, as POINTS * colour + point. */
type Taken = Set<number>;

const valuesOf = (at: Located<readonly Located<number>[]> | undefined): number[] =>
  at?.value.map(({ value }) => value) ?? [];

/**
 * Adds the pairs that a profile takes. A code point or colour whose pairs are all taken already is an error.
 */
function takePackets({ reader, isMetered }: LeafContext, values: ProfileValues, taken: Taken): void {
  const colours = values.color ? valuesOf(values.color) : upTo(COLOURS.length);
  const points = values.dscp ? valuesOf(values.dscp) : upTo(POINTS);
  if (values.color && !isMetered) {
    const message = 'color: packets have no colour here; give this class, or a class above it, a meter';
    reader.problems.error(values.color.offset, message);
  }
  const isTaken = (some: readonly number[], others: readonly number[]): boolean =>
    some.every((colour) => others.every((point) => taken.has(POINTS * colour + point)));
  const add = (some: readonly number[], others: readonly number[]): void => {
    for (const colour of some) for (const point of others) taken.add(POINTS * colour + point);
  };
  for (const { value, offset } of values.dscp?.value ?? []) {
    if (isTaken(colours, [value])) {
      reader.problems.error(offset, `dscp: code point ${value} has a profile already`);
    }
    add(colours, [value]);
  }
  if (values.dscp) return;
  for (const { value, offset } of values.color?.value ?? []) {
    if (isTaken([value], points)) {
      reader.problems.error(offset, `color: ${COLOURS[value]} has a profile already`);
    }
    add([value], points);
  }
}
