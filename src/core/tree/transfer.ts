/**
 * Class trees over a change of classes: tokens, debts and turns go on, so that a change of one class is not felt by another.
 *
 * The new trees are built as if their packets had just come; then each node gets back what it had, if its class still has the
 * same parent: what was left of its turn, a place in the feed also while its ceiling is used up, its turn put off; last, every list
 * gets the order of before, nodes that were not in it behind.
 */

import type { NodeLists } from '../../base/node-lists.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import { PARKED, PRIORITIES, QUEUED, type Trees } from './trees.ts';

/** Leaves hold their packets already. Call before any packet is added or taken. */
export function inheritTrees(to: Trees, from: Trees, change: ClassChange): void {
  const { classes } = change;
  to.horizonNs = from.horizonNs;
  to.buckets.inherit(from.buckets, change);
  for (const [row, { children }] of classes.entries()) if (children.length === 0) to.look(row);
  // Children first: a child that joins its parent's feed makes the parent active.
  for (let row = classes.length - 1; row >= 0; row--) inheritNodes(to, from, change, row);
  reorder(to.feeds, from.feeds, change);
  reorder(to.rows, from.rows, change);
}

/** Puts the nodes of every list in the order that they had. */
function reorder(to: NodeLists, from: NodeLists, change: ClassChange): void {
  const placeBefore = new Map<number, number>();
  for (let list = 0; list < from.lists; list++) {
    for (const [place, node] of from.nodes(list).entries()) placeBefore.set(node, place);
  }
  const place = (node: number): number =>
    placeBefore.get(nodeBefore(change, node)) ?? Number.POSITIVE_INFINITY;
  for (let list = 0; list < to.lists; list++) {
    const nodes = to.nodes(list);
    for (const node of nodes) to.remove(list, node);
    // Infinity - Infinity is not a number, which sort() takes as equal.
    for (const node of nodes.sort((a, b) => place(a) - place(b))) to.append(list, node);
  }
}

function inheritNodes(to: Trees, from: Trees, change: ClassChange, row: number): void {
  for (let p = 0; p < PRIORITIES; p++) {
    const node = row * PRIORITIES + p;
    const old = nodeBefore(change, node);
    if (old === NONE) continue;
    const isActive = (to.active[row] & (1 << p)) !== 0;
    if (isActive && to.place[node] !== QUEUED) {
      if (from.place[old] === QUEUED) to.joinFeed(row, p);
      else if (from.place[old] === PARKED) to.place[node] = PARKED;
    }
    to.deficitBytes[node] = from.deficitBytes[old];
  }
}

/** The node that (class, priority) was before, if the class has the same parent; NONE: there is none, or it is the root's. */
function nodeBefore({ before, classes, oldRow }: ClassChange, node: number): number {
  const row = Math.floor(node / PRIORITIES);
  const old = oldRow[row];
  const { parent } = classes[row];
  if (old === NONE || parent === NONE || before[old].parent !== oldRow[parent]) return NONE;
  return old * PRIORITIES + (node % PRIORITIES);
}
