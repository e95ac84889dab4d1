/** Doubts about TCP rate control and ceilings that move: settings that can do nothing, or do harm. */
import { isMap, type Node } from 'yaml';
import { formatRate } from '../../base/units.ts';
import { PROTOCOLS } from '../../packet/protocols.ts';
import type { ClassSpec } from '../../spec/spec.ts';
import { offsetOf } from '../yaml/nodes.ts';
import type { Located, Named } from '../yaml/reader.ts';
import type { ClassContext } from './context.ts';

/** `at` is the block `tcp` of the class. */
export function warnOfPace(context: ClassContext, at: Located<unknown> | undefined, own: ClassSpec): void {
  const { pace } = own;
  if (pace === null || at === undefined) return;
  const warn = (message: string): void => context.reader.problems.warn(at.offset, `tcp.pace: ${message}`);
  const [tcp] = PROTOCOLS.tcp!;
  const other = context.within.find(({ match }) =>
    match.every(({ proto }) => proto?.includes(tcp!) === false),
  );
  if (other) warn(`no TCP comes to ${context.label}: the match of ${other.name} asks for other protocols`);
  if (own.children.length > 0 && own.children.every(isPacedThroughout))
    warn(`every class of ${context.label} has its own, and the nearest one counts`);
  if (pace.activeBytesPerSec >= own.ceilBytesPerSec) {
    const most = formatRate(own.ceilBytesPerSec);
    warn(
      `no connection can be active: none moves more than ${formatRate(pace.activeBytesPerSec)} at a ceil of ${most}`,
    );
  }
  warnOfDrops(warn, own);
}

/** Pacing shares the ceil. Buckets that drop at less would drop what it has allowed. */
function warnOfDrops(warn: (message: string) => void, { police, each, ceilBytesPerSec }: ClassSpec): void {
  const beyond = `, and ${formatRate(ceilBytesPerSec)} is shared`;
  if (police && police.rateBytesPerSec < ceilBytesPerSec)
    warn(
      `police ${verb(police.exceed)} beyond ${formatRate(police.rateBytesPerSec)}${beyond}; write that rate as ceil`,
    );
  if (each?.exceed === 'drop' && each.rateBytesPerSec < ceilBytesPerSec)
    warn(
      `each drops beyond ${formatRate(each.rateBytesPerSec)}${beyond}; write exceed: delay, or leave each out`,
    );
}

function verb(exceed: 'drop' | 'mark'): string {
  return exceed === 'drop' ? 'drops' : 'marks';
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
  if (others.length === 0 && (name === 'default' || isOpen)) {
    problems.warn(first.entry.offset, `adjust: ${label} has no other class that could reserve anything`);
  } else if (rateBytesPerSec >= ceilBytesPerSec) {
    const message = `adjust: the ceil of ${name} never moves, because ${formatRate(rateBytesPerSec)} of it are guaranteed`;
    problems.warn(first.entry.offset, message);
  }
}

function adjustPlace({ entry }: ReadChild): number {
  return isMap(entry.node) ? offsetOf((entry.node.get('adjust', true) ?? null) as Node | null) : 0;
}
