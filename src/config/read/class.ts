/** Classes: their limits, their parts, the classes inside them, and the rules between parent and children. */
import type { Node } from 'yaml';
import { formatRate, fromBitsPerSec, isUnlimited, toBitsPerSec } from '../../base/units.ts';
import { CLASS_DEPTH_MAX } from '../../limits.ts';
import type { ClassSpec } from '../../spec/spec.ts';
import { CLASS as DEFAULTS, defaultBurst, PRIORITY_LAST } from '../fields/defaults.ts';
import { RATE_MIN_BYTES_PER_SEC, type RateOrShare } from '../fields/quantities.ts';
import { SECTIONS } from '../fields/sections.ts';
import type { Located, Named, Values, YamlReader } from '../yaml/reader.ts';
import { readAccess } from './access.ts';
import { givenBurst, readEach, readPolice } from './buckets.ts';
import type { ClassContext } from './context.ts';
import { checkAdjusting, warnOfPace } from './doubts.ts';
import { readMatch } from './match.ts';
import { readMeter, readRemark } from './meter.ts';
import { readPace } from './pace.ts';
import { readQueue } from './queue.ts';
import { warnApart, warnUnreachable } from './reach.ts';
import { readSchedule } from './schedule.ts';

/**
 * The class or direction around the classes that are read.
 * Its rates are infinite when they could not be read.
 */
export interface ParentContext extends ClassContext {
  readonly rateBytesPerSec: number;
  readonly ceilBytesPerSec: number;
  /** How the classes share the rate. */
  readonly mode: 'wfq' | 'pq' | 'shape';
  /** Of classes inside that say none; of the first one where the order of the file is that of priorities. */
  readonly priority: number;
  /** Of the children: 1 directly below a direction. */
  readonly depth: number;
}

interface ReadChild {
  readonly entry: Named;
  readonly spec: ClassSpec;
}

/** The classes of a direction or inner class in file order, with `default` last. */
export function readChildren(parent: ParentContext, entries: readonly Named[]): ClassSpec[] {
  for (const { name, node } of entries) parent.reader.keepWritten(`${parent.path}/${name}`, node);
  const lastPlace = entries.filter(({ name }) => name !== 'default').length;
  let next = 0;
  const placeOf = ({ name }: Named): number => (name === 'default' ? lastPlace : next++);
  const read = entries.map((entry) => ({ entry, spec: readClass(parent, entry, placeOf(entry)) }));
  const last = read.find(({ entry }) => entry.name === 'default');
  const ordered = read.filter((child) => child !== last);
  warnUnreachable(parent, last ? [...ordered, last] : ordered);
  checkSum(parent, ordered.concat(last ?? []));
  checkAdjusting(parent, read);
  const unasked = { name: 'default', offset: 0, node: null };
  return [...ordered.map(({ spec }) => spec), last?.spec ?? readClass(parent, unasked, lastPlace)];
}

/** `place` is that of the class among its siblings, from 0. */
function readClass(parent: ParentContext, entry: Named, place: number): ClassSpec {
  const { reader } = parent;
  const path = `${parent.path}/${entry.name}`;
  const label = `${parent.label}/${entry.name}`;
  const values = reader.section(entry.node, SECTIONS.class, `class ${entry.name}`);
  const { givenBytesPerSec, ceilBytesPerSec, guaranteedBytesPerSec } = readRates(parent, entry, values);
  const isMetered = parent.isMetered || values.meter !== undefined;
  const pace = readPace(reader, values.tcp);
  const isPaced = parent.isPaced || pace !== null;
  const match = values.match ? readMatch({ ...parent, path }, values.match) : null;
  if (match) warnApart(parent, entry, match);
  const within = withinOf(parent, entry, match);
  const context = { ...parent, path, label, ceilBytesPerSec, isMetered, isPaced, within };
  if (entry.name === 'default' && reader.hasKey(entry.node, 'match')) {
    reader.problems.error(
      entry.offset,
      'class default takes the packets that no other class takes; it has no match of its own',
    );
  }
  const given = values.burst ? givenBurst(context, values.burst) : null;
  const inner = values.classes;
  const mode = values.mode?.value ?? DEFAULTS.mode;
  const priority = values.priority?.value ?? defaultPriority(parent, place);
  const isInner = reader.hasKey(entry.node, 'classes');
  if (values.schedule) readSchedule(context, values.schedule);
  if (values.access) readAccess(context, values.access);
  const each = readEach(context, values.each, isInner ? undefined : values.queue);
  const children = inner
    ? readInner({ ...context, rateBytesPerSec: guaranteedBytesPerSec, mode, priority }, inner)
    : [];
  const rateBytesPerSec = givenBytesPerSec ?? exactRate(sumOfRates(children));
  const spec: ClassSpec = {
    name: entry.name,
    path,
    rateBytesPerSec,
    rateBurstBytes: given ?? defaultBurst(rateBytesPerSec, 'shape'),
    ceilBytesPerSec,
    // A short burst would make packets wait that nothing else delays.
    burstBytes: (isUnlimited(ceilBytesPerSec) ? null : given) ?? defaultBurst(ceilBytesPerSec, 'shape'),
    priority,
    weight: values.weight?.value ?? DEFAULTS.weight,
    adjust: values.adjust?.value ?? DEFAULTS.adjust,
    match,
    police: readPolice(context, values.police),
    meter: readMeter(context, values.meter),
    remark: readRemark(context, values.remark),
    each,
    pace,
    queue: isInner ? noQueue(reader, entry.name, values.queue) : readQueue(context, values.queue, each),
    children,
  };
  warnOfPace(context, values, spec);
  return spec;
}

/**
 * The matchers that hold for every packet of a class. None is known to hold for packets of a class that
 * matches nothing.
 */
function withinOf(
  { within }: ParentContext,
  { name }: Named,
  match: ClassSpec['match'],
): ParentContext['within'] {
  if (match === null) return within;
  return match.length === 0 ? [] : [...within, { name, match }];
}

function defaultPriority({ mode, priority }: ParentContext, place: number): number {
  return mode === 'pq' ? Math.min(priority + place, PRIORITY_LAST) : priority;
}

function readInner(context: ParentContext, at: Located<Node>): ClassSpec[] {
  if (context.depth >= CLASS_DEPTH_MAX) {
    const message = `${context.label.slice(0, 40)}… has classes more than ${CLASS_DEPTH_MAX} deep`;
    context.reader.problems.error(at.offset, message);
    return [];
  }
  const entries = context.reader.named(at.value, 'class', 'classes');
  return readChildren({ ...context, depth: context.depth + 1 }, entries);
}

function noQueue(reader: YamlReader, name: string, at: Located<Node> | undefined): null {
  if (at) {
    const message = `queue: packets of ${name} wait in its classes`;
    reader.problems.error(at.offset, `${message}; write classes: { default: { queue: … } }`);
  }
  return null;
}

interface Rates {
  /** null without a rate of its own: then it guarantees what its classes are guaranteed. */
  readonly givenBytesPerSec: number | null;
  readonly ceilBytesPerSec: number;
  /** The most that the rates of its classes may sum to. */
  readonly guaranteedBytesPerSec: number;
}

/**
 * A rate that could not be read or is impossible counts as infinite, so that it causes no further messages.
 */
function readRates(parent: ParentContext, entry: Named, values: Values<typeof SECTIONS.class>): Rates {
  const { problems } = parent.reader;
  const unknown = Number.POSITIVE_INFINITY;
  const has = (key: string): boolean => parent.reader.hasKey(entry.node, key);
  const rate = ofParent(parent, 'rate', values.rate) ?? (has('rate') ? unknown : null);
  const unsaid = parent.mode === 'shape' && values.rate && rate !== null ? rate : parent.ceilBytesPerSec;
  const ceil = ofParent(parent, 'ceil', values.ceil) ?? (has('ceil') ? unknown : unsaid);
  if (values.ceil && ceil !== unknown && ceil > parent.ceilBytesPerSec) {
    problems.warn(values.ceil.offset, `${above('ceil', ceil, parent)}, which applies too`);
  }
  const most = Math.min(ceil, parent.ceilBytesPerSec);
  if (rate === null) return { givenBytesPerSec: null, ceilBytesPerSec: ceil, guaranteedBytesPerSec: most };
  if (values.rate && rate !== unknown && rate > most) {
    const isOwn = ceil < parent.ceilBytesPerSec;
    const own = `rate: ${formatRate(rate)} is above the class's own ceil, ${formatRate(ceil)}`;
    problems.error(values.rate.offset, isOwn ? own : above('rate', rate, parent));
    return { givenBytesPerSec: 0, ceilBytesPerSec: ceil, guaranteedBytesPerSec: unknown };
  }
  return {
    givenBytesPerSec: rate === unknown ? 0 : rate,
    ceilBytesPerSec: ceil,
    guaranteedBytesPerSec: rate,
  };
}

/** Without the noise of its last binary digits, so that its text is read as the same rate. */
function exactRate(rateBytesPerSec: number): number {
  return fromBitsPerSec(toBitsPerSec(rateBytesPerSec));
}

function ofParent(
  { reader, label: path, ceilBytesPerSec }: ParentContext,
  field: 'rate' | 'ceil',
  at: Located<RateOrShare> | undefined,
): number | null {
  if (!at) return null;
  if (at.value.kind === 'rate') return at.value.rateBytesPerSec;
  if (isUnlimited(ceilBytesPerSec)) {
    const message = `${field}: ${path} is unlimited, which has no share; write a rate (20mbit)`;
    reader.problems.error(at.offset, message);
    return null;
  }
  const rateBytesPerSec = exactRate(at.value.ratio * ceilBytesPerSec);
  if (rateBytesPerSec < RATE_MIN_BYTES_PER_SEC) {
    const least = formatRate(RATE_MIN_BYTES_PER_SEC);
    const message = `${field}: this share of ${formatRate(ceilBytesPerSec)} is less than ${least}`;
    reader.problems.error(at.offset, message);
    return null;
  }
  return rateBytesPerSec;
}

function above(field: string, bytesPerSec: number, { ceilBytesPerSec }: ParentContext): string {
  return `${field}: ${formatRate(bytesPerSec)} is above the parent's ${formatRate(ceilBytesPerSec)}`;
}

function sumOfRates(children: readonly ClassSpec[]): number {
  return children.reduce((sum, child) => sum + child.rateBytesPerSec, 0);
}

/** Sums of shares carry the noise of their last binary digits. */
const SUM_TOLERANCE = 1 + 1e-9;

/** A parent guarantees its children no more than it is guaranteed itself. */
function checkSum(parent: ParentContext, children: readonly ReadChild[]): void {
  const { reader, label, rateBytesPerSec } = parent;
  let sum = 0;
  for (const { entry, spec } of children) {
    sum += spec.rateBytesPerSec;
    if (sum <= rateBytesPerSec * SUM_TOLERANCE) continue;
    const needed = formatRate(sumOfRates(children.map((child) => child.spec)));
    const message = `the rates of ${label} sum to more than its ${formatRate(rateBytesPerSec)} from this class on`;
    reader.problems.error(entry.offset, `${message}; they need ${needed} of it`);
    return;
  }
}
