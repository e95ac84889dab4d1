/** Links, their layers and directions: where the trees of classes begin. */

import { isScalar, type Node } from 'yaml';
import { LINK_LAYERS, type LinkLayer, wireBytes } from '../../algo/buckets/link-layer.ts';
import { formatRate, isUnlimited } from '../../base/units.ts';
import { CLASSES_MAX } from '../../limits.ts';
import type { AccountNames } from '../../spec/accounts.ts';
import type { DeviceGraph } from '../../spec/device-graph.ts';
import { MARK_DSCPS_MAX } from '../../spec/mark-codes.ts';
import { remarkedDscps } from '../../spec/queue-plan.ts';
import type { ClassSpec, LinkSpec } from '../../spec/spec.ts';
import { CLASS as DEFAULTS, LINK } from '../fields/defaults.ts';
import { OVERHEAD_WORD } from '../fields/links.ts';
import { SECTIONS } from '../fields/sections.ts';
import type { Located, Named, Values, YamlReader } from '../yaml/reader.ts';
import { type ReadAccess, readAccess } from './access.ts';
import { readBurst, readEach, readPolice } from './buckets.ts';
import { type ParentContext, readChildren } from './class.ts';
import { type ClassContext, type Direction, PACKET_BYTES } from './context.ts';
import { warnOfLinkDevice } from './devices.ts';
import { warnOfPace } from './doubts.ts';
import type { KnownHosts } from './hosts.ts';
import { readMeter, readRemark } from './meter.ts';
import { readPace } from './pace.ts';
import { type ReadSchedule, readSchedule } from './schedule.ts';
import { type Seen, warnWrongSides } from './sides.ts';

export function readLinks(
  reader: YamlReader,
  at: Node | null,
  instance: Omit<Instance, 'owners'>,
): LinkSpec[] {
  const entries = reader.named(at, 'link', 'links');
  if (at !== null && entries.length === 0 && reader.problems.errors.length === 0) {
    reader.problems.error(at.range?.[0] ?? 0, 'links is empty: name at least one device to shape');
  }
  const owners = new Map<string, string>();
  const links = entries.map((entry) => readLink(reader, entry, { ...instance, owners }));
  const classes = links.reduce((n, link) => n + countClasses(link.up) + countClasses(link.down), 0);
  if (classes > CLASSES_MAX) {
    reader.problems.error(
      at?.range?.[0] ?? 0,
      `${classes} classes are more than the ${CLASSES_MAX} that are possible`,
    );
  }
  const points = remarkedDscps(links);
  if (points.length > MARK_DSCPS_MAX) {
    const message = `remark: ${points.length} different DSCPs are more than the ${MARK_DSCPS_MAX} that fit the packet mark`;
    reader.problems.error(at?.range?.[0] ?? 0, message);
  }
  return links;
}

function countClasses(root: ClassSpec | null): number {
  return root === null ? 0 : 1 + root.children.reduce((n, child) => n + countClasses(child), 0);
}

interface Instance {
  readonly ownMarkMask: number;
  readonly hosts: KnownHosts;
  readonly devices: DeviceGraph | null;
  readonly accounts: AccountNames | null;
  /** The link of every device so far. */
  readonly owners: Map<string, string>;
  readonly schedules: ReadSchedule[];
  readonly accesses: ReadAccess[];
}

function readLink(
  reader: YamlReader,
  entry: Named,
  { ownMarkMask, hosts, devices, accounts, owners, schedules, accesses }: Instance,
): LinkSpec {
  const values = reader.section(entry.node, SECTIONS.link, `link ${entry.name}`);
  reader.keepWritten(entry.name, entry.node);
  const device = values.device?.value;
  if (device === undefined && !reader.hasKey(entry.node, 'device')) {
    reader.problems.error(entry.offset, `link ${entry.name} has no device`);
  }
  if (device !== undefined) {
    const owner = owners.get(device);
    if (owner !== undefined) {
      reader.problems.error(values.device!.offset, `${device} is already shaped by link ${owner}`);
    }
    owners.set(device, owner ?? entry.name);
  }
  const has = (key: string): boolean => reader.hasKey(entry.node, key);
  if (!has('up') && !has('down') && !has('both')) {
    const message = `link ${entry.name} shapes nothing: it needs up or down, or both of them in one: both`;
    reader.problems.error(entry.offset, message);
  }
  if (values.both && (has('up') || has('down'))) {
    const message = 'both stands for up and down: a link has either both, or up and down';
    reader.problems.error(values.both.offset, message);
  }
  const linkLayer = readOverhead(reader, values.overhead);
  const packetBytes = Math.max(PACKET_BYTES, wireBytes(linkLayer, PACKET_BYTES));
  const seen: Seen = { prefixes: [], ports: [] };
  const outer = {
    reader,
    device: device ?? '',
    packetBytes,
    ownMarkMask,
    hosts,
    devices,
    accounts,
    isMetered: false,
    isPaced: false,
    within: [],
    seen,
    schedules,
    accesses,
  };
  const { up, down } = readTrees(outer, entry.name, values);
  warnWrongSides(reader, device ?? '', seen);
  const shaped = DIRECTIONS.filter((direction) => (values.both ?? values[direction]) !== undefined);
  const wait = values.wait?.value ?? LINK.wait;
  if (values.device && !(wait && devices?.has(values.device.value) === false))
    warnOfLinkDevice(reader, devices, values.device, shaped);
  return { name: entry.name, device: device ?? '', wait, linkLayer, up, down };
}

const DIRECTIONS = ['up', 'down'] as const;
type Outer = Omit<ClassContext, 'path' | 'label' | 'isBoth' | 'direction'>;
type LinkValues = Values<typeof SECTIONS.link>;

/** The trees of both directions, written one by one or at once. */
function readTrees(outer: Outer, link: string, { up, down, both }: LinkValues): Record<Direction, Tree> {
  const tree = (direction: Direction, at: Located<Node> | undefined): Tree => {
    if (!at) return null;
    const label = `${link}/${both ? 'both' : direction}`;
    const path = `${link}/${direction}`;
    return readDirection({ ...outer, path, label, isBoth: both !== undefined, direction }, at);
  };
  if (both) return outer.reader.inBoth((direction) => tree(direction, both));
  return { up: tree('up', up), down: tree('down', down) };
}

type Tree = ClassSpec | null;

const RAW = LINK_LAYERS.raw;

function readOverhead(reader: YamlReader, at: Located<Node> | undefined): LinkLayer {
  if (!at) return RAW;
  if (isScalar(at.value)) return reader.scalar(OVERHEAD_WORD.read, at.value, 'overhead')?.value ?? RAW;
  const values = reader.section(at.value, SECTIONS.overhead, 'overhead');
  return {
    overheadBytes: values.bytes?.value ?? RAW.overheadBytes,
    mpuBytes: values.mpu?.value ?? RAW.mpuBytes,
    framing: values.framing?.value ?? RAW.framing,
  };
}

/** Nothing is outside a direction, so with `pq` its first class has the first of all priorities. */
function readSharing(mode: ParentContext['mode'] = DEFAULTS.mode): Pick<ParentContext, 'mode' | 'priority'> {
  return { mode, priority: mode === 'pq' ? 0 : DEFAULTS.priority };
}

/** The tree of one direction; null when its rate is missing or wrong, which has been reported. */
function readDirection(outer: ClassContext, at: Located<Node>): ClassSpec | null {
  const { reader, path, label, direction } = outer;
  const isShort = isScalar(at.value);
  const word = outer.isBoth ? 'both' : direction;
  const short = isShort ? reader.scalar(SECTIONS.direction.rate.read, at.value, word) : null;
  if (isShort && short === null) return null;
  reader.keepWritten(path, at.value);
  const values = isShort ? {} : reader.section(at.value, SECTIONS.direction, label);
  const rate = short ?? values.rate;
  if (rate === undefined && !reader.hasKey(at.value, 'rate')) {
    reader.problems.error(at.offset, `${label} has no rate`);
  }
  // Without a rate, shares and sums mean nothing. An infinite rate lets the rest of the tree be checked.
  const rateBytesPerSec = rate?.value ?? Number.POSITIVE_INFINITY;
  const ceil = values.ceil;
  if (ceil && rate && ceil.value !== rateBytesPerSec) {
    const message = `ceil: a direction has nothing to borrow from; it must equal the rate, ${formatRate(rateBytesPerSec)}`;
    reader.problems.error(ceil.offset, message);
  }
  const isMetered = values.meter !== undefined;
  const pace = readPace(outer.reader, values.tcp);
  const isPaced = pace !== null;
  const ceilBytesPerSec = rateBytesPerSec;
  const sharing = readSharing(values.mode?.value);
  const context = { ...outer, rateBytesPerSec, ceilBytesPerSec, ...sharing, depth: 1, isMetered, isPaced };
  const children = readChildren(context, reader.named(values.classes?.value ?? null, 'class', 'classes'));
  const police = readPolice(context, values.police);
  const meter = readMeter(context, values.meter);
  const remark = readRemark({ ...context, isMetered }, values.remark);
  const each = readEach(context, values.each, undefined);
  if (values.schedule) readSchedule(context, values.schedule);
  if (values.access) readAccess(context, values.access);
  if (values.burst && isUnlimited(rateBytesPerSec))
    reader.problems.error(values.burst.offset, `burst: ${label} is unlimited; leave burst out`);
  const burstBytes = readBurst(context, values.burst, rateBytesPerSec, 'shape');
  if (rate === undefined || rate === null) return null;
  const root: ClassSpec = {
    name: direction,
    path,
    rateBytesPerSec,
    rateBurstBytes: burstBytes,
    ceilBytesPerSec: rateBytesPerSec,
    burstBytes,
    priority: DEFAULTS.priority,
    weight: DEFAULTS.weight,
    adjust: false,
    match: null,
    police,
    meter,
    remark,
    each,
    pace,
    queue: null,
    children,
  };
  warnOfPace(context, values, root);
  return root;
}
