/** Doubts about TCP rate control and ceilings that move: settings that can do nothing, or do harm. */
import { isMap, type Node } from 'yaml';
import { HOLD_MAX_NS } from '../../algo/pacing/ack-timing.ts';
import { MIN_SEGMENTS } from '../../algo/pacing/window.ts';
import { formatRate, isUnlimited } from '../../base/units.ts';
import type { ClassSpec } from '../../spec/spec.ts';
import { offsetOf } from '../yaml/nodes.ts';
import type { Located, Named } from '../yaml/reader.ts';
import type { ClassContext } from './context.ts';
import { ofTcp } from './overlap.ts';

/** One connection at this rate has its two segments, of Ethernet's length, within the longest hold. */
const LEAST_PACED_BYTES_PER_SEC = (MIN_SEGMENTS * 1500 * 1e9) / HOLD_MAX_NS;

/** The blocks of a class or direction that doubts are about. */
interface Blocks {
  readonly tcp?: Located<unknown>;
  readonly police?: Located<unknown>;
  readonly each?: Located<unknown>;
}

export function warnOfPace(context: ClassContext, blocks: Blocks, own: ClassSpec): void {
  warnOfDrops(context, blocks, own);
  const { pace } = own;
  const at = blocks.tcp;
  if (pace === null || at === undefined) return;
  if (isUnlimited(own.ceilBytesPerSec)) {
    const message = `tcp.pace: ${context.label} is unlimited, and there is no rate to share; give it a ceil`;
    context.reader.problems.error(at.offset, message);
    return;
  }
  const warn = (message: string): void => context.reader.problems.warn(at.offset, `tcp.pace: ${message}`);
  const other = context.within.find(({ match }) => ofTcp(match).length === 0);
  if (other) warn(`no TCP comes to ${context.label}: the match of ${other.name} asks for other protocols`);
  if (own.children.length > 0 && own.children.every(isPacedThroughout))
    warn(`every class of ${context.label} has its own, and the nearest one counts`);
  if (pace.activeBytesPerSec >= own.ceilBytesPerSec) {
    const most = formatRate(own.ceilBytesPerSec);
    warn(
      `no connection can be active: none moves more than ${formatRate(pace.activeBytesPerSec)} at a ceil of ${most}`,
    );
  } else if (own.ceilBytesPerSec < LEAST_PACED_BYTES_PER_SEC) {
    const least = formatRate(LEAST_PACED_BYTES_PER_SEC);
    warn(
      `below ${least} a queue stands: a connection has two segments under way, and acknowledgements wait 0.4 s at most`,
    );
  }
}

/** Pacing shares the ceil. Buckets that drop at less, here or further out, would drop what it has allowed. */
function warnOfDrops({ reader, label }: ClassContext, blocks: Blocks, own: ClassSpec): void {
  const shared = pacedIn(own).map(({ path, ceilBytesPerSec }) => ({
    where: path === own.path ? '' : ` in ${label}${path.slice(own.path.length)}`,
    bytesPerSec: Math.min(ceilBytesPerSec, own.ceilBytesPerSec),
  }));
  for (const { key, verb, rateBytesPerSec, advice } of droppingBuckets(own)) {
    const harmed = shared.find(({ bytesPerSec }) => bytesPerSec > rateBytesPerSec);
    const at = blocks[key];
    if (!harmed || !at) continue;
    const beyond = `${key} ${verb} beyond ${formatRate(rateBytesPerSec)}`;
    const most = formatRate(harmed.bytesPerSec);
    reader.problems.warn(at.offset, `tcp.pace: ${beyond}, and ${most} is shared${harmed.where}; ${advice}`);
  }
}

interface DroppingBucket {
  readonly key: 'police' | 'each';
  readonly verb: string;
  readonly rateBytesPerSec: number;
  readonly advice: string;
}

function droppingBuckets({ police, each }: ClassSpec): DroppingBucket[] {
  const buckets: DroppingBucket[] = [];
  if (police) {
    const verb = police.exceed === 'drop' ? 'drops' : 'marks';
    buckets.push({ ...police, key: 'police', verb, advice: 'write that rate as ceil' });
  }
  if (each?.exceed === 'drop') {
    const advice = 'write exceed: delay, or leave each out';
    buckets.push({ ...each, key: 'each', verb: 'drops', advice });
  }
  return buckets;
}

/** The class, if it paces, and the classes inside it that do. */
function pacedIn(own: ClassSpec): ClassSpec[] {
  return [...(own.pace ? [own] : []), ...own.children.flatMap(pacedIn)];
}

/** None of its packets looks for pacing further out. */
function isPacedThroughout({ pace, children }: ClassSpec): boolean {
  return pace !== null || (children.length > 0 && children.every(isPacedThroughout));
}

interface ReadChild {
  readonly entry: Named;
  readonly spec: ClassSpec;
}

/**
 * At most one adjusts: two that lend what the other leaves would leave it undecided who gives way. `children`
 * are all siblings but a `default` that nobody wrote.
 */
export function checkAdjusting({ reader, label }: ClassContext, children: readonly ReadChild[]): void {
  const { problems } = reader;
  // An edit writes beyond the text: the class that it changes comes last, and the other one is named.
  const inOrder = children.toSorted((a, b) => adjustPlace(a) - adjustPlace(b));
  const [first, ...more] = inOrder.filter(({ spec }) => spec.adjust);
  for (const { entry } of more) {
    const message = `adjust: at most one class of ${label} can adjust; ${first!.spec.name} does already`;
    problems.error(entry.offset, message);
  }
  if (first === undefined) return;
  const { name, match, rateBytesPerSec, ceilBytesPerSec } = first.spec;
  const isOpen = match === null && name !== 'default';
  const others = children.filter((child) => child !== first && child.spec.match?.length !== 0);
  if (isUnlimited(ceilBytesPerSec)) {
    const message = `adjust: ${name} is unlimited, and there is no ceil to lend; give it a ceil`;
    problems.error(first.entry.offset, message);
  } else if (others.length === 0 && (name === 'default' || isOpen)) {
    problems.warn(first.entry.offset, `adjust: ${label} has no other class that could reserve anything`);
  } else if (rateBytesPerSec >= ceilBytesPerSec) {
    const message = `adjust: the ceil of ${name} never moves, because ${formatRate(rateBytesPerSec)} of it are guaranteed`;
    problems.warn(first.entry.offset, message);
  }
}

function adjustPlace({ entry }: ReadChild): number {
  return isMap(entry.node) ? offsetOf((entry.node.get('adjust', true) ?? null) as Node | null) : 0;
}
