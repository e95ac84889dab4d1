/** Meters, which give the packets of a class colours, and the DSCP with which packets leave. */
import { isMap, isScalar, type Node } from 'yaml';
import { type MarkerKind, markerProblem } from '../../algo/buckets/markers.ts';
import type { MeterSpec, RemarkSpec } from '../../spec/spec.ts';
import { CLASS as DEFAULTS, defaultExcessBytes } from '../fields/defaults.ts';
import { REMARK_ALL } from '../fields/meter.ts';
import { COLOURS } from '../fields/names.ts';
import { SECTIONS } from '../fields/sections.ts';
import type { Located, Values } from '../yaml/reader.ts';
import { givenBurst, readBurst } from './buckets.ts';
import type { LeafContext } from './context.ts';

type MeterValues = Values<typeof SECTIONS.meter>;
type MeterType = NonNullable<MeterValues['type']>['value'];

/** By type: the kind of the algorithm, and the keys that the type takes beside type, cir, cbs and aware. */
const TYPES: Readonly<
  Record<MeterType, { kind: MarkerKind; rate: 'pir' | 'eir' | null; burst: 'pbs' | 'ebs' }>
> = {
  srtcm: { kind: 'single-rate', rate: null, burst: 'ebs' },
  trtcm: { kind: 'two-rate', rate: 'pir', burst: 'pbs' },
  rfc4115: { kind: 'two-rate-4115', rate: 'eir', burst: 'ebs' },
};

export function readMeter(context: LeafContext, at: Located<Node> | undefined): MeterSpec | null {
  if (!at) return null;
  const { reader } = context;
  const values: MeterValues = reader.section(at.value, SECTIONS.meter, 'meter');
  if (!values.type && !reader.hasKey(at.value, 'type')) {
    reader.problems.error(at.offset, `meter needs type: ${SECTIONS.meter.type.takes}`);
  }
  const type = values.type?.value ?? 'srtcm';
  const { kind, rate, burst } = TYPES[type];
  if (values.type) refuseForeignKeys(context, values, type);
  const committed = requiredRate(context, at, values, 'cir', type);
  const excess = rate && values.type ? requiredRate(context, at, values, rate, type) : null;
  const committedBytesPerSec = committed ?? 1;
  const committedBytes = readBurst(context, values.cbs, committedBytesPerSec, 'police', 'cbs');
  const excessBytesPerSec = excess ?? (rate ? committedBytesPerSec : 0);
  const given = values[burst];
  const excessBytes = given
    ? givenBurst(context, given, burst)
    : defaultExcessBytes(kind, committedBytes, excessBytesPerSec);
  const aware = values.aware?.value ?? DEFAULTS.meterAware;
  const meter = { kind, committedBytesPerSec, committedBytes, excessBytesPerSec, excessBytes, aware };
  const problem = markerProblem(meter);
  if (problem !== null) {
    const place = (rate ? values[rate] : undefined) ?? values.cir ?? at;
    reader.problems.error(place.offset, `meter: ${problem}`);
  }
  return meter;
}

/** A key that would do nothing is an error. */
function refuseForeignKeys({ reader }: LeafContext, values: MeterValues, type: MeterType): void {
  const { rate, burst } = TYPES[type];
  for (const key of ['pir', 'pbs', 'eir', 'ebs'] as const) {
    const at = values[key];
    if (!at || key === rate || key === burst) continue;
    const takes = ['cir', 'cbs', rate, burst].filter((name) => name !== null).join(', ');
    reader.problems.error(at.offset, `${key} does not belong to type: ${type}, which takes ${takes}`);
  }
}

function requiredRate(
  { reader }: LeafContext,
  at: Located<Node>,
  values: MeterValues,
  key: 'cir' | 'pir' | 'eir',
  type: MeterType,
): number | null {
  const value = values[key];
  if (value) return value.value;
  if (!reader.hasKey(at.value, key)) reader.problems.error(at.offset, `meter of type ${type} needs ${key}`);
  return null;
}

export function readRemark(context: LeafContext, at: Located<Node> | undefined): RemarkSpec | null {
  if (!at) return null;
  const { reader, isMetered } = context;
  if (isScalar(at.value)) {
    const point = reader.scalar(REMARK_ALL.read, at.value, 'remark')?.value ?? null;
    return [point, point, point];
  }
  const values: Values<typeof SECTIONS.remark> = reader.section(at.value, SECTIONS.remark, 'remark');
  if (isMap(at.value) && at.value.items.length === 0) {
    reader.problems.error(at.offset, `remark is empty; write one DSCP, or one for ${COLOURS.join(', ')}`);
  }
  if (!isMetered) {
    const message =
      'remark: nothing gives packets a colour; give the class, or one above it, a meter, or write one DSCP';
    reader.problems.error(at.offset, message);
  }
  const pointOf = (colour: (typeof COLOURS)[number]): number | null => values[colour]?.value ?? null;
  return [pointOf('green'), pointOf('yellow'), pointOf('red')];
}
