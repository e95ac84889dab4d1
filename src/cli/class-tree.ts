/** The meaning of a configuration, defaults included, as a tree of classes in the words of the file. */
import { FRAMING_NONE } from '../algo/buckets/link-layer.ts';
import { isUnlimited } from '../base/units.ts';
import { SECTIONS } from '../config/fields/sections.ts';
import type { Block, BlockValue } from '../config/write/block.ts';
import { writeLink } from '../config/write/links.ts';
import { writeLocal } from '../config/write/local.ts';
import type { ClassSpec, LinkSpec, LocalSpec, ShaperSpec } from '../spec/spec.ts';

/**
 * A line per direction, per class and per part of a class, inner classes indented below theirs. The
 * names of parts are those that `classes.NAME` takes, with a dot between a key and a key inside it:
 *
 *   wan/up on eth0: rate 18mbit, burst 3028B
 *     guests: ceil 10mbit, priority 3, weight 1, burst 3028B
 *       match: src 10.0.9.0/24
 *       each: by host, rate 2mbit, burst 3028B, exceed delay
 *       queue: discipline fair, isolation dual-src, limit 125kB, ackFilter false
 *       queue.aqm.codel: target 5ms, interval 100ms, ecn true
 *   local.exempt: ports 22, share 5%
 */
export function classTree(spec: ShaperSpec): string {
  const lines = spec.links.flatMap((link) => {
    const block = writeLink(link, 'all', spec.hosts.lan);
    return [...directionLines(link, link.up, block), ...directionLines(link, link.down, block)];
  });
  lines.push(...localLines(spec.local));
  return lines.map((line) => `  ${line}\n`).join('');
}

function localLines(local: LocalSpec): string[] {
  const { ports, share } = local.exempt;
  if (ports.length === 0 || share === 0) return ['local.exempt: nothing'];
  return parts(writeLocal(local, 'all'), 'local.');
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** `link` is the block of the link. */
function directionLines(link: LinkSpec, root: ClassSpec | null, block: Block): string[] {
  if (!root) return [];
  const own = block[root.name] as Block;
  const below = [...wire(link, block), ...parts(own), ...children(root, own)];
  const device = link.wait ? `${link.device}, which may come later` : link.device;
  return [`${root.path} on ${device}: ${texts(own).join(', ')}`, ...indented(below)];
}

/** The overhead of the line, if it has any. */
function wire({ linkLayer: { overheadBytes, mpuBytes, framing } }: LinkSpec, { overhead }: Block): string[] {
  const isRaw = overheadBytes === 0 && mpuBytes === 0 && framing === FRAMING_NONE;
  return isRaw ? [] : part('overhead', overhead!);
}

function children(node: ClassSpec, { classes }: Block): string[] {
  return node.children.flatMap((child) => classLines(child, (classes as Block)[child.name] as Block));
}

function classLines(node: ClassSpec, block: Block): string[] {
  const limits = [...texts(block), ...bursts(node, block)];
  return [`${node.name}: ${limits.join(', ')}`, ...indented([...parts(block), ...children(node, block)])];
}

/** The bursts of rate and ceil, where their defaults differ and one key cannot state both. */
function bursts({ rateBurstBytes, burstBytes, ceilBytesPerSec }: ClassSpec, block: Block): string[] {
  if (block.burst !== undefined || isUnlimited(ceilBytesPerSec)) return [];
  const text = (bytes: number): string => SECTIONS.class.burst.write({ kind: 'bytes', bytes });
  return [`burst ${text(rateBurstBytes)} for the rate and ${text(burstBytes)} for the ceil`];
}

const isText = (value: BlockValue): value is string | readonly string[] =>
  typeof value === 'string' || (Array.isArray(value) && typeof value[0] === 'string');

/** `key value` for every value of the block itself. Entries of a list are separated by spaces. */
function texts(block: Block): string[] {
  return Object.entries(block).flatMap(([key, value]) =>
    isText(value) ? [`${key} ${typeof value === 'string' ? value : value.join(' ')}`] : [],
  );
}

/** The lines of the structures in a block, but for its classes. */
function parts(block: Block, prefix = ''): string[] {
  const structures = Object.entries(block).filter(([key, value]) => key !== 'classes' && !isText(value));
  return structures.flatMap(([key, value]) => part(`${prefix}${key}`, value));
}

function part(name: string, value: BlockValue): string[] {
  const blocks = (Array.isArray(value) ? value : [value]) as readonly Block[];
  return blocks.flatMap((block) => {
    const own = texts(block);
    const line = own.length === 0 ? [] : [`${name}: ${own.join(', ')}`];
    return [...line, ...parts(block, `${name}.`)];
  });
}
