/** Links, their layers and directions: where the trees of classes begin. */

import { isScalar, type Node } from 'yaml';
import { LINK_LAYERS, type LinkLayer, wireBytes } from '../../algo/buckets/link-layer.ts';
import { formatRate } from '../../base/units.ts';
import { CLASSES_MAX } from '../../limits.ts';
import { MARK_DSCPS_MAX } from '../../spec/mark-codes.ts';
import { remarkedDscps } from '../../spec/queue-plan.ts';
import type { ClassSpec, LinkSpec } from '../../spec/spec.ts';
import { CLASS as DEFAULTS } from '../fields/defaults.ts';
import { OVERHEAD_WORD } from '../fields/links.ts';
import { SECTIONS } from '../fields/sections.ts';
import type { Located, Named, YamlReader } from '../yaml/reader.ts';
import { readBurst, readEach, readPolice } from './buckets.ts';
import { readChildren } from './class.ts';
import { type ClassContext, type Direction, PACKET_BYTES } from './context.ts';
import { readMeter, readRemark } from './meter.ts';
import { type SeenPrefix, warnWrongSides } from './sides.ts';

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

/** `owners` has the link of every device so far. */
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
      reader.problems.error(values.device!.offset, `${device} is already shaped by link ${owner}`);
    }
    owners.set(device, owner ?? entry.name);
  }
  if (!reader.hasKey(entry.node, 'up') && !reader.hasKey(entry.node, 'down')) {
    reader.problems.error(entry.offset, `link ${entry.name} shapes nothing: it needs up, down or both`);
  }
  const linkLayer = readOverhead(reader, values.overhead);
  const packetBytes = Math.max(PACKET_BYTES, wireBytes(linkLayer, PACKET_BYTES));
  const seenPrefixes: SeenPrefix[] = [];
  const tree = (direction: Direction, at: Located<Node> | undefined): ClassSpec | null =>
    at
      ? readDirection(
          {
            reader,
            path: `${entry.name}/${direction}`,
            direction,
            packetBytes,
            ownMarkMask,
            isMetered: false,
            within: [],
            seenPrefixes,
          },
          at,
        )
      : null;
  const up = tree('up', values.up);
  const down = tree('down', values.down);
  warnWrongSides(reader, device ?? '', seenPrefixes);
  return { name: entry.name, device: device ?? '', linkLayer, up, down };
}

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

/** The tree of one direction; null when its rate is missing or wrong, which has been reported. */
function readDirection(outer: ClassContext, at: Located<Node>): ClassSpec | null {
  const { reader, path, direction } = outer;
  const isShort = isScalar(at.value);
  const short = isShort ? reader.scalar(SECTIONS.direction.rate.read, at.value, direction) : null;
  if (isShort && short === null) return null;
  const values = isShort ? {} : reader.section(at.value, SECTIONS.direction, path);
  const rate = short ?? values.rate;
  if (rate === undefined && !reader.hasKey(at.value, 'rate')) {
    reader.problems.error(at.offset, `${path} has no rate`);
  }
  // Without a rate, shares and sums mean nothing. An infinite rate lets the rest of the tree be checked.
  const rateBytesPerSec = rate?.value ?? Number.POSITIVE_INFINITY;
  const ceil = values.ceil;
  if (ceil && rate && ceil.value !== rateBytesPerSec) {
    const message = `ceil: a direction has nothing to borrow from; it must equal the rate, ${formatRate(rateBytesPerSec)}`;
    reader.problems.error(ceil.offset, message);
  }
  const isMetered = values.meter !== undefined;
  const context = { ...outer, rateBytesPerSec, ceilBytesPerSec: rateBytesPerSec, depth: 1, isMetered };
  const children = readChildren(context, reader.named(values.classes?.value ?? null, 'class', 'classes'));
  const police = readPolice(context, values.police);
  const meter = readMeter(context, values.meter);
  const remark = readRemark({ ...context, isMetered }, values.remark);
  const each = readEach(context, values.each);
  const burstBytes = readBurst(context, values.burst, rateBytesPerSec, 'shape');
  if (rate === undefined || rate === null) return null;
  return {
    name: direction,
    path,
    rateBytesPerSec,
    rateBurstBytes: burstBytes,
    ceilBytesPerSec: rateBytesPerSec,
    burstBytes,
    priority: DEFAULTS.priority,
    weight: DEFAULTS.weight,
    match: null,
    police,
    meter,
    remark,
    each,
    queue: null,
    children,
  };
}
