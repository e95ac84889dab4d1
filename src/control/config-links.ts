/** Links and directions: the trees of classes, and what must hold between their nodes. */
import { isScalar, type Node } from 'yaml';
import { formatRate } from '../base/units.ts';
import type { ClassSpec, LinkSpec } from '../core/spec.ts';
import { CLASSES_MAX } from '../limits.ts';
import { type ClassContext, readBurst, readClass, readEach, readPolice } from './config-class.ts';
import { readQueue } from './config-queue.ts';
import { SECTIONS } from './fields.ts';
import type { Located, Named, YamlReader } from './yaml-reader.ts';

type Direction = 'up' | 'down';

export function readLinks(reader: YamlReader, at: Node | null, ownMarkMask: number): LinkSpec[] {
  const entries = reader.named(at, 'link', 'links');
  if (at !== null && entries.length === 0 && reader.problems.errors.length === 0) {
    reader.problems.error(at.range?.[0] ?? 0, 'links is empty: name at least one device to shape');
  }
  const owners = new Map<string, string>();
  const links = entries.map((entry) => readLink(reader, entry, ownMarkMask, owners));
  const classes = links.reduce((n, link) => n + countClasses(link.up) + countClasses(link.down), 0);
  if (classes > CLASSES_MAX) {
    reader.problems.error(
      at?.range?.[0] ?? 0,
      `${classes} classes are more than the ${CLASSES_MAX} that are possible`,
    );
  }
  return links;
}

function countClasses(root: ClassSpec | null): number {
  return root === null ? 0 : 1 + root.children.reduce((n, child) => n + countClasses(child), 0);
}

/** `owners` remembers which link has a device already. */
function readLink(
  reader: YamlReader,
  entry: Named,
  ownMarkMask: number,
  owners: Map<string, string>,
): LinkSpec {
  const values = reader.section(entry.node, SECTIONS.link, `link ${entry.name}`);
  const device = values.device?.value;
  if (device === undefined && !reader.hasKey(entry.node, 'device')) {
    reader.problems.error(entry.offset, `link ${entry.name} has no device`);
  }
  if (device !== undefined) {
    const owner = owners.get(device);
    if (owner !== undefined) {
      reader.problems.error(values.device!.offset, `${device} is shaped by link ${owner} already`);
    }
    owners.set(device, owner ?? entry.name);
  }
  if (!reader.hasKey(entry.node, 'up') && !reader.hasKey(entry.node, 'down')) {
    reader.problems.error(entry.offset, `link ${entry.name} shapes nothing: give it up, down or both`);
  }
  const overheadBytes = values.overhead?.value ?? 0;
  const tree = (direction: Direction, at: Located<Node> | undefined): ClassSpec | null =>
    at
      ? readDirection(
          { reader, path: `${entry.name}/${direction}`, overheadBytes, ownMarkMask },
          direction,
          at,
        )
      : null;
  return {
    name: entry.name,
    device: device ?? '',
    overheadBytes,
    up: tree('up', values.up),
    down: tree('down', values.down),
  };
}

/** The tree of one direction; null when its rate is missing or wrong, which has been reported. */
function readDirection(outer: ClassContext, name: Direction, at: Located<Node>): ClassSpec | null {
  const { reader, path } = outer;
  const isShort = isScalar(at.value);
  const short = isShort ? reader.scalar(SECTIONS.direction.rate.read, at.value, name) : null;
  if (isShort && short === null) return null;
  const values = isShort ? {} : reader.section(at.value, SECTIONS.direction, path);
  const rate = short ?? values.rate;
  if (rate === undefined && !reader.hasKey(at.value, 'rate')) {
    reader.problems.error(at.offset, `${path} has no rate`);
  }
  // Without a rate, shares and sums mean nothing; a stand-in lets the rest of the tree be read for its own faults.
  const rateBytesPerSec = rate?.value ?? Number.POSITIVE_INFINITY;
  const ceil = values.ceil;
  if (ceil && rate && ceil.value !== rateBytesPerSec) {
    const message = `ceil: a direction has nobody to borrow from; it must equal the rate, ${formatRate(rateBytesPerSec)}`;
    reader.problems.error(ceil.offset, message);
  }
  const context = { ...outer, ceilBytesPerSec: rateBytesPerSec };
  const entries = reader.named(values.classes?.value ?? null, 'class', 'classes');
  const children = readChildren({ ...outer, parentBytesPerSec: rateBytesPerSec }, entries);
  if (rate === undefined || rate === null) return null;
  return {
    name,
    path,
    rateBytesPerSec,
    ceilBytesPerSec: rateBytesPerSec,
    burstBytes: readBurst(context, values.burst, rateBytesPerSec, 'shape'),
    match: null,
    police: readPolice(context, values.police),
    each: readEach(context, values.each),
    queue: null,
    children,
  };
}

function readChildren(
  context: ClassContext & { readonly parentBytesPerSec: number },
  entries: readonly Named[],
): ClassSpec[] {
  const { reader, path, parentBytesPerSec } = context;
  const read = entries.map((entry) => ({ entry, spec: readClass(context, entry, parentBytesPerSec) }));
  const last = read.find(({ entry }) => entry.name === 'default');
  const ordered = read.filter((child) => child !== last);
  warnUnreachable(reader, ordered, last?.entry);
  checkRates(context, ordered.concat(last ?? []));
  const children = ordered.map(({ spec }) => spec);
  children.push(last?.spec ?? defaultClass(context, path, parentBytesPerSec));
  return children;
}

interface ReadChild {
  readonly entry: Named;
  readonly spec: ClassSpec;
}

/** What exists unasked: bounded by the root alone. */
function defaultClass(context: ClassContext, path: string, ceilBytesPerSec: number): ClassSpec {
  const own = { ...context, path: `${path}/default`, ceilBytesPerSec };
  return {
    name: 'default',
    path: own.path,
    rateBytesPerSec: 0,
    ceilBytesPerSec,
    burstBytes: readBurst(own, undefined, ceilBytesPerSec, 'shape'),
    match: null,
    police: null,
    each: null,
    queue: readQueue(own, undefined),
    children: [],
  };
}

/** First match wins: after a class that takes everything, nothing is left. */
function warnUnreachable(reader: YamlReader, ordered: readonly ReadChild[], last: Named | undefined): void {
  const greedy = ordered.findIndex(({ spec }) => spec.match === null);
  if (greedy < 0) return;
  const { name } = ordered[greedy]!.entry;
  const starved = ordered.slice(greedy + 1).map(({ entry }) => entry);
  if (last) starved.push(last);
  for (const entry of starved) {
    reader.problems.warn(entry.offset, `class ${entry.name} gets no packets: ${name} before it has no match`);
  }
}

/** Guarantees must fit into what the parent has. */
function checkRates(
  context: { reader: YamlReader; path: string; parentBytesPerSec: number },
  children: readonly ReadChild[],
): void {
  const { reader, path, parentBytesPerSec } = context;
  let sum = 0;
  for (const { entry, spec } of children) {
    const before = sum;
    sum += spec.rateBytesPerSec;
    if (before <= parentBytesPerSec && sum > parentBytesPerSec && spec.rateBytesPerSec <= parentBytesPerSec) {
      const message = `the rates of ${path} sum to more than its ${formatRate(parentBytesPerSec)} from this class on`;
      reader.problems.error(entry.offset, message);
    }
  }
}
