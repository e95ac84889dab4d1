/** Parameters of RED and WRED, which go by the average length of the queue. */
import type { Node } from 'yaml';
import { aredMinPackets, aredWeight } from '../../algo/aqm/ared.ts';
import { wredByPrecedence, wredDefaultMinimum } from '../../algo/aqm/wred.ts';
import { formatBytes, type Size } from '../../base/units.ts';
import type { AqmSpec, QueueSpec, WredSpec } from '../../spec/spec.ts';
import { SECTIONS } from '../fields/fields.ts';
import { COLOURS } from '../fields/names.ts';
import type { Located, Values, YamlReader } from '../yaml/reader.ts';
import { type LeafContext, sizeBytes } from './limits.ts';

/** What may wait: as given, or the default, which grows with the thresholds. */
export interface QueueRoom {
  readonly given: Pick<QueueSpec, 'limitBytes' | 'limitPackets'> | null;
  readonly defaultBytes: number;
}

/** Where the parameters of an algorithm are; null: none were written. */
export type Parameters = Located<Node | null>;

export interface ReadAqm {
  readonly aqm: AqmSpec;
  readonly ecn: boolean;
  /** Largest threshold of RED or WRED; 0 for others. */
  readonly maxBytes: number;
}

/** Floyd's advice: max three times min, and min at least five packets. */
const MAX_PACKETS = 15;
const MAX_BY_MIN = 3;
/** tc's advice: a quarter of what may wait at all. */
const LIMIT_BY_MAX = 4;
const PROBABILITY = 0.1;
const RED = { weight: 0.002, gentle: true, byteMode: false, meanPacketBytes: 1000 };
/** Target delay of Adaptive RED (2001), section 5. */
const ADAPTIVE_TARGET_NS = 5e6;

/** What thresholds are measured by and bounded with. */
interface Measure {
  readonly context: LeafContext;
  readonly name: 'red' | 'wred';
  readonly meanPacketBytes: number;
  readonly limitBytes: number;
  readonly isLimitGiven: boolean;
}

function measureOf(
  context: LeafContext,
  name: Measure['name'],
  { given, defaultBytes }: QueueRoom,
  meanPacketBytes = RED.meanPacketBytes,
): Measure {
  const limitBytes = given ? Math.min(given.limitBytes, given.limitPackets * meanPacketBytes) : defaultBytes;
  return { context, name, meanPacketBytes, limitBytes, isLimitGiven: given !== null };
}

/** What is taken for max when nobody says; `wantedBytes` within at least 15 packets and at most half the limit. */
function derivedMax({ limitBytes, meanPacketBytes }: Measure, wantedBytes: number): number {
  return Math.floor(Math.min(limitBytes / 2, Math.max(wantedBytes, MAX_PACKETS * meanPacketBytes)));
}

function givenBytes({ context, meanPacketBytes }: Measure, at: Located<Size> | undefined): number | null {
  return at ? sizeBytes(at.value, context.ceilBytesPerSec, meanPacketBytes) : null;
}

interface Thresholds {
  readonly minBytes: number;
  readonly maxBytes: number;
}

/** Thresholds that could not be read have been reported; the others cannot be compared with them. */
function areRead(reader: YamlReader, at: Node | null, values: { min?: unknown; max?: unknown }): boolean {
  return (['min', 'max'] as const).every((key) => values[key] !== undefined || !reader.hasKey(at, key));
}

/** An unknown ceil makes derived thresholds infinite; that has been reported and says nothing about these. */
function checkThresholds(
  { context, name, limitBytes, isLimitGiven }: Measure,
  { minBytes, maxBytes }: Thresholds,
  at: { readonly min: number; readonly max: number },
): void {
  const { problems } = context.reader;
  if (minBytes < 1 || (minBytes >= maxBytes && Number.isFinite(minBytes))) {
    const message = `${name}: min ${formatBytes(minBytes)} must be above 0 and below max ${formatBytes(maxBytes)}`;
    problems.error(at.min, message);
  }
  if (isLimitGiven && maxBytes > limitBytes) {
    const message = `${name}: max ${formatBytes(maxBytes)} is above the queue's limit, ${formatBytes(limitBytes)}`;
    problems.error(at.max, `${message}: the queue would be full before`);
  }
}

export function readRed(context: LeafContext, at: Parameters, room: QueueRoom): ReadAqm {
  const values: Values<typeof SECTIONS.red> = context.reader.section(at.value, SECTIONS.red, 'red');
  const measure = measureOf(context, 'red', room, values.meanPacket?.value);
  const { meanPacketBytes, limitBytes } = measure;
  const adaptive = values.adaptive?.value ?? false;
  const packetsPerSec = context.ceilBytesPerSec / meanPacketBytes;
  const wanted = adaptive
    ? MAX_BY_MIN * aredMinPackets(packetsPerSec, ADAPTIVE_TARGET_NS) * meanPacketBytes
    : limitBytes / LIMIT_BY_MAX;
  const min = givenBytes(measure, values.min);
  const maxBytes =
    givenBytes(measure, values.max) ?? (min === null ? derivedMax(measure, wanted) : MAX_BY_MIN * min);
  const minBytes = min ?? Math.floor(maxBytes / MAX_BY_MIN);
  const maxAt = values.max?.offset ?? values.min?.offset ?? at.offset;
  if (areRead(context.reader, at.value, values)) {
    checkThresholds(measure, { minBytes, maxBytes }, { min: values.min?.offset ?? maxAt, max: maxAt });
  }
  const red = {
    adaptive,
    minBytes,
    maxBytes,
    probability: values.probability?.value ?? PROBABILITY,
    weight: values.weight?.value ?? (adaptive ? aredWeight(packetsPerSec) : RED.weight),
    gentle: values.gentle?.value ?? RED.gentle,
    byteMode: values.byteMode?.value ?? RED.byteMode,
    meanPacketBytes,
  };
  return { aqm: { kind: 'red', red }, ecn: values.ecn?.value ?? false, maxBytes };
}

/** Routers take 2^-9. */
const WRED_WEIGHT = 2 ** -9;
const PRECEDENCES = 8;

type Profile = WredSpec['profiles'][number];
type ProfileValues = Values<typeof SECTIONS.profile>;

export function readWred(context: LeafContext, at: Parameters, room: QueueRoom): ReadAqm {
  const { reader } = context;
  const values: Values<typeof SECTIONS.wred> = reader.section(at.value, SECTIONS.wred, 'wred');
  const measure = measureOf(context, 'wred', room, values.meanPacket?.value);
  const wanted = measure.limitBytes / LIMIT_BY_MAX;
  const shared = {
    maxBytes: givenBytes(measure, values.max) ?? derivedMax(measure, wanted),
    probability: values.probability?.value ?? PROBABILITY,
    offset: values.max?.offset ?? at.offset,
  };
  const given = values.profiles ? readProfiles(measure, values.profiles, shared) : [];
  const last = given.at(-1);
  const isComplete = last !== undefined && last.dscp.length === 0 && last.colours.length === 0;
  if (isComplete) warnUnread(reader, values);
  const profiles = isComplete ? given : [...given, ...byPrecedence(measure, given, shared)];
  const wred = {
    weight: values.weight?.value ?? WRED_WEIGHT,
    gentle: values.gentle?.value ?? RED.gentle,
    meanPacketBytes: measure.meanPacketBytes,
    profiles,
  };
  const maxBytes = Math.max(...profiles.map((profile) => profile.maxBytes));
  return { aqm: { kind: 'wred', wred }, ecn: values.ecn?.value ?? false, maxBytes };
}

/** What profiles inherit is read by nobody where every one has its own and no profiles by precedence follow. */
function warnUnread(reader: YamlReader, values: Values<typeof SECTIONS.wred>): void {
  const items = reader.items(values.profiles!.value);
  for (const key of ['max', 'probability'] as const) {
    const at = values[key];
    if (at && items.every((item) => reader.hasKey(item, key))) {
      reader.problems.warn(at.offset, `${key}: every profile has its own, so this one does nothing`);
    }
  }
}

/** Of profiles that have none of their own; `offset` is where the maximum was written, if it was. */
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
        'the profile before this one has no dscp and no color, so it takes all others: put it last',
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

/** Pairs of colour and code point that a profile has: POINTS * colour + point. */
type Taken = Set<number>;
const POINTS = 64;

const valuesOf = (at: Located<readonly Located<number>[]> | undefined): number[] =>
  at?.value.map(({ value }) => value) ?? [];
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

function takesPair({ colours, dscp }: Profile, colour: number, point: number): boolean {
  const has = (list: readonly number[], value: number): boolean => list.length === 0 || list.includes(value);
  return has(colours, colour) && has(dscp, point);
}

/** Adds what a profile takes; what it names and others have altogether is an error. */
function takePackets({ reader, isMetered }: LeafContext, values: ProfileValues, taken: Taken): void {
  const colours = values.color ? valuesOf(values.color) : upTo(COLOURS.length);
  const points = values.dscp ? valuesOf(values.dscp) : upTo(POINTS);
  if (values.color && !isMetered) {
    const message = 'color: nothing gives packets a colour; give the class, or one above it, a meter';
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

/** Eight profiles for what `given` leaves; that of precedence 0 comes last and takes all others. */
function byPrecedence(measure: Measure, given: readonly Profile[], shared: Shared): Profile[] {
  const { maxBytes, probability, offset } = shared;
  // What some colour has left goes by precedence as well.
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
  checkThresholds(measure, profiles.at(-1)!, { min: offset, max: offset });
  return profiles;
}
