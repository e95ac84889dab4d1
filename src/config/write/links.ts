/**
 * Links, directions and classes, as they are written in a configuration.
 *
 * A value that equals its default is left out. So a class that has its parent's
 * ceil does not write it, and a written file follows a later change of the
 * parent in the same way as the file from which the specification was read.
 */
import type { LinkLayer } from '../../algo/buckets/link-layer.ts';
import { LINK_LAYERS } from '../../algo/buckets/link-layer.ts';
import { isUnlimited } from '../../base/units.ts';
import type { ClassSpec, LinkSpec } from '../../spec/spec.ts';
import { CLASS as DEFAULTS, defaultBurst, insideOf, LINK } from '../fields/defaults.ts';
import { isOverheadWord, OVERHEAD_WORD } from '../fields/links.ts';
import type { ByteSize, RateOrShare } from '../fields/quantities.ts';
import { SECTIONS } from '../fields/sections.ts';
import { type Block, type BlockValue, type Detail, writeSection } from './block.ts';
import { sizeOf, writeEach, writeMeter, writePolice, writeRemark } from './buckets.ts';
import { writeMatch } from './match.ts';
import { writeQueue } from './queue.ts';
import { writeTcp } from './tcp.ts';

type Direction = 'up' | 'down';

/** `lan` are the devices behind which the inside is, if the file names them. */
export function writeLink(
  { device, wait, linkLayer, up, down }: LinkSpec,
  detail: Detail,
  lan: readonly string[] | null = null,
): Block {
  const inside = (direction: Direction): Direction => insideOf(direction, lan?.includes(device) ?? false);
  return writeSection(
    SECTIONS.link,
    {
      device,
      wait,
      overhead: writeOverhead(linkLayer, detail),
      up: up ? writeDirection(up, inside('up'), detail) : undefined,
      down: down ? writeDirection(down, inside('down'), detail) : undefined,
      both: undefined,
    },
    { wait: LINK.wait, overhead: writeOverhead(LINK_LAYERS.raw!, detail) },
    detail,
  );
}

function writeOverhead(layer: LinkLayer, detail: Detail): BlockValue {
  if (detail === 'chosen' && isOverheadWord(layer)) return OVERHEAD_WORD.write(layer);
  const { overheadBytes: bytes, mpuBytes: mpu, framing } = layer;
  return writeSection(SECTIONS.overhead, { bytes, mpu, framing }, {}, detail);
}

/** A rate alone if everything else has its default. */
function writeDirection(root: ClassSpec, direction: Direction, detail: Detail): BlockValue {
  const { rateBytesPerSec: rate, burstBytes } = root;
  const classes = writeChildren(root, placeIn(root, direction), detail);
  const block = writeSection(
    SECTIONS.direction,
    {
      rate,
      ceil: undefined,
      burst: isUnlimited(rate) ? undefined : sizeOf(burstBytes),
      ...parts(root, detail),
      schedule: undefined,
      access: undefined,
      // Its classes say what it means for them.
      mode: undefined,
      classes: isEmpty(classes) ? undefined : classes,
    },
    { burst: sizeOf(defaultBurst(rate, 'shape')) },
    detail,
  );
  const isRateAlone = Object.keys(block).length === 1;
  return isRateAlone ? block.rate! : block;
}

/** The classes inside `node`, by name. `default` is left out if it has nothing to say. */
function writeChildren(node: ClassSpec, place: ClassPlace, detail: Detail): Block {
  const entries = node.children.map((child): [string, Block] => [
    child.name,
    writeClass(child, place, detail),
  ]);
  return Object.fromEntries(entries.filter(([name, block]) => name !== 'default' || !isEmpty(block)));
}

function isEmpty(block: Block): boolean {
  return Object.keys(block).length === 0;
}

/** The place of a class: its defaults depend on it. */
export interface ClassPlace {
  /** The direction in which hosts inside usually stand where they stand in this one. */
  readonly direction: Direction;
  /** Of the class or direction around it. */
  readonly parentCeilBytesPerSec: number;
  readonly parentPriority: number;
  /** A class or the direction around it paces its connections. */
  readonly isPaced: boolean;
}

/** The place of the classes inside `node`, which is in `place` itself if it is no direction. */
function placeIn(node: ClassSpec, direction: Direction, place?: ClassPlace): ClassPlace {
  const isPaced = node.pace !== null || (place?.isPaced ?? false);
  return {
    direction,
    parentCeilBytesPerSec: node.ceilBytesPerSec,
    parentPriority: node.priority,
    isPaced,
  };
}

/** The block of a class with the classes inside it. */
export function writeClass(node: ClassSpec, place: ClassPlace, detail: Detail): Block {
  const { rateBytesPerSec, ceilBytesPerSec, priority, weight, adjust, match, queue } = node;
  const { direction } = place;
  const inside = placeIn(node, direction, place);
  const isInner = node.children.length > 0;
  const buckets = node.each?.waiting
    ? { waiting: node.each.waiting, rateBytesPerSec: node.each.rateBytesPerSec }
    : null;
  return writeSection(
    SECTIONS.class,
    {
      match: match ? writeMatch(match, detail) : undefined,
      rate: rateBytesPerSec > 0 ? rateOf(rateBytesPerSec) : undefined,
      // Only a direction says that it is unlimited.
      ceil: isUnlimited(ceilBytesPerSec) ? undefined : rateOf(ceilBytesPerSec),
      priority,
      weight,
      adjust: adjust || undefined,
      burst: burstOf(node, detail),
      ...parts(node, detail),
      schedule: undefined,
      access: undefined,
      // Its classes say what it means for them.
      mode: undefined,
      queue: queue
        ? writeQueue(queue, { ceilBytesPerSec, direction, isPaced: inside.isPaced, buckets }, detail)
        : undefined,
      classes: isInner ? writeChildren(node, inside, detail) : undefined,
    },
    {
      ceil: rateOf(place.parentCeilBytesPerSec),
      priority: place.parentPriority,
      weight: DEFAULTS.weight,
      queue: {},
    },
    detail,
  );
}

function rateOf(rateBytesPerSec: number): RateOrShare {
  return { kind: 'rate', rateBytesPerSec };
}

/** undefined if rate and ceil have their default bursts, or if they are to be shown and differ. */
function burstOf(node: ClassSpec, detail: Detail): ByteSize | undefined {
  const { rateBytesPerSec, rateBurstBytes, ceilBytesPerSec } = node;
  // Without a limit a burst is that of the rate.
  const isLimited = !isUnlimited(ceilBytesPerSec);
  const burstBytes = isLimited ? node.burstBytes : rateBurstBytes;
  if (detail === 'all') {
    if (!isLimited && rateBytesPerSec === 0) return undefined;
    return rateBytesPerSec === 0 || rateBurstBytes === burstBytes ? sizeOf(burstBytes) : undefined;
  }
  const isDefault =
    rateBurstBytes === defaultBurst(rateBytesPerSec, 'shape') &&
    (!isLimited || burstBytes === defaultBurst(ceilBytesPerSec, 'shape'));
  return isDefault ? undefined : sizeOf(burstBytes);
}

/** The parts that directions and classes have in common. */
function parts({ police, meter, remark, each, pace }: ClassSpec, detail: Detail) {
  return {
    police: police ? writePolice(police, detail) : undefined,
    meter: meter ? writeMeter(meter, detail) : undefined,
    remark: remark ? writeRemark(remark) : undefined,
    each: each ? writeEach(each, detail) : undefined,
    tcp: pace ? writeTcp(pace, detail) : undefined,
  };
}
