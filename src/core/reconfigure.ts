/**
 * Classes and trees change while packets wait: nothing is flushed, minted or lost.
 *
 * A class stays if it keeps its path or was renamed. It keeps its tokens, averages, flows, buckets, packets
 * and counters. A waiting packet stays with its bucket or ceiling; one that has passed `each` is not sent
 * back to it. If the class of a packet takes other packets now, or is gone, the packet goes where the
 * matchers send it, in order of arrival. Limits and AQM have seen it already and are not asked again.
 *
 *     waits for the ceilings of a      ->  for the ceilings of b
 *     waits for an `each` bucket of a  ->  for the same bucket, if a is around b too; else for the buckets of
 *                                          b and of the classes around b, except those that it has passed
 *
 * A packet that its host's limits hold (quotas/) has come to no class yet: it goes on waiting there.
 *
 * A packet passes the trees that it had when it came, as far as they stand. If its tree goes, or moves to
 * another device, the packet leaves it at once (left-trees.ts). A tree that comes gets no packet that waits
 * already: those before it were queued for the others.
 *
 * So packets of a flow stay in order even if new packets of it go elsewhere.
 */
import { equal } from '../base/equal.ts';
import { NONE } from '../base/none.ts';
import { createParsed, type Parsed } from '../packet/parse.ts';
import type { Edited } from '../spec/edit.ts';
import { ALL_ABILITIES, planQueues, type QueuePlan } from '../spec/queue-plan.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import { type ClassChange, type IsSameDevice, isInside, planChange } from './classes/change.ts';
import type { Mover } from './classes/mover.ts';
import { WAITS } from './each/each.ts';
import { regroupEach } from './each/regroup.ts';
import { Classifier } from './flows/classifier.ts';
import { enterNext, leaveTrees } from './left-trees.ts';
import { FLAG_FETCH, FLAG_STEER } from './packets/held.ts';
import { createStages, heldMax, type Lasting, type Stages } from './stages.ts';

/** Interface indexes by name of device. */
export type DeviceIndexes = ReadonlyMap<string, number>;

export interface Change extends Edited {
  /** Of devices that no class named before. */
  readonly deviceIndexes?: DeviceIndexes;
  /** What the rules around the NFQUEUEs do from now on. */
  readonly plan?: QueuePlan | undefined;
  /** Packets may belong to other classes for another reason than the specification. */
  readonly reclassifies?: boolean;
}

/** What the engine goes by. */
export interface Told {
  readonly spec: ShaperSpec;
  readonly plan: QueuePlan;
  /** Whether anybody has told what the rules do. */
  readonly isPlanTold: boolean;
}

/** Without a plan the rules set CE and DSCP, and no flow is steered. */
export function told(spec: ShaperSpec, plan?: QueuePlan): Told {
  const planned = plan ?? planQueues(spec, { ...ALL_ABILITIES, connectionMarks: false });
  return { spec, plan: planned, isPlanTold: plan !== undefined };
}

/** A change that can be applied. */
export interface Planned {
  readonly told: Told;
  readonly isPlanNew: boolean;
  readonly change: ClassChange;
  readonly deviceIndexes: DeviceIndexes;
}

/** Plans a change of what `before` says. Throws ChangeRefusedError. */
export function planReconfigure(
  { classes }: Stages,
  before: Told,
  { spec, renamed, deviceIndexes = new Map(), plan, reclassifies = false }: Change,
  { intake }: Lasting,
  nowNs: number,
): Planned {
  const isSameDevice: IsSameDevice = (one, other) => intake.isSameDevice(one, other, deviceIndexes);
  const planned = planChange(classes, before.spec, spec, renamed, nowNs, isSameDevice);
  const change = { ...planned, isReclassified: planned.isReclassified || reclassifies };
  const now = told(spec, plan ?? (before.isPlanTold ? before.plan : undefined));
  return { told: now, isPlanNew: !equal(before.plan, now.plan), change, deviceIndexes };
}

/**
 * The stages for the classes of a change, which go on from `from`. The caller releases due packets before and
 * after this call.
 */
export function reconfigure(
  from: Stages,
  { told: { spec, plan }, isPlanNew, change, deviceIndexes }: Planned,
  parts: Lasting,
  slackNs: number,
): Stages {
  const { ledger, backlog, held, hosts, intake, log, queues, acks, pacing, trace } = parts;
  const { classes, heir, nowNs } = change;
  const going = leaveTrees(from, parts, change.left, nowNs);
  const classifier = new Classifier(spec, classes, hosts.names, parts.owners.subjects);
  // The table of buckets is made with the first class that has `each`, and stays.
  const isFirstEach = !from.each.hasRows && classes.some((info) => info.spec.each !== null);
  const each = isFirstEach ? parts.createEach(classes) : from.each;
  from.trees.settleUse();
  // With the same list of classes every counter stays where it is.
  if (change.isRenumbered) {
    ledger.regroup(change);
    backlog.regroup();
  }
  intake.exempt(spec.local.exempt.ports);
  hosts.useSpec(spec.hosts);
  intake.reclassify(classifier, change, deviceIndexes);
  if (change.isRenumbered) log.renumber(heir);
  held.raiseBound(heldMax(spec.nfqueue, plan));
  if (isPlanNew) usePlan(plan, parts);
  parts.steering.update(classes);
  acks.regroup(classes);
  pacing.regroup(classes, heir);
  trace.regroup(classes);
  const moves = new Moves(change, parts);
  for (const h of parts.released.takeAll(0)) {
    moves.settle(h);
    parts.released.push(0, h);
  }
  for (const h of parts.limits.waiting()) moves.rebook(h);
  queues.regroup(change, moves);
  if (!isFirstEach) regroupEach(each, change, held, acks, moves);
  const to = createStages(spec, classes, each, plan, parts);
  to.exemption.inherit(from.exemption, change);
  to.policers.inherit(from.policers, change);
  to.meters.inherit(from.meters, change);
  to.admission.inherit(from.admission, change);
  to.trees.inherit(from.trees, change);
  to.available.inherit(from.available, change);
  for (const move of moves.inOrder()) {
    const { h } = move;
    acks.forget(h);
    // Tokens of the new classes from before the change are not for this packet.
    held.setReadyNs(h, Math.max(held.readyNs(h), nowNs));
    if (!passesBuckets(to, h, firstWait(to, change, held.leaf[h], move), nowNs, slackNs)) continue;
    if (!to.trees.enqueue(h, nowNs)) parts.released.push(0, h);
  }
  for (const h of going) {
    moves.book(h);
    enterNext(to, parts, h, nowNs);
    if (!passesBuckets(to, h, to.waits.from[held.leaf[h]], nowNs, slackNs)) continue;
    if (!to.trees.enqueue(h, nowNs)) parts.released.push(0, h);
  }
  // A leaf that all packets have left is idle, as after a departure.
  for (const leaf of moves.left) if (backlog.packets(leaf) === 0) to.admission.emptied(leaf, nowNs);
  return to;
}

interface Move {
  readonly h: number;
  readonly leafBefore: number;
  readonly bucketClass: number;
}

class Moves implements Mover {
  /** Rows of classes that packets have left. */
  readonly left = new Set<number>();
  private readonly change: ClassChange;
  private readonly parts: Lasting;
  private readonly moves: Move[] = [];
  private readonly parsed: Parsed = createParsed();

  constructor(change: ClassChange, parts: Lasting) {
    this.change = change;
    this.parts = parts;
  }

  settle(h: number): number {
    const { heir } = this.change;
    const { held, backlog } = this.parts;
    const booked = heir[held.leaf[h]];
    const leaf = this.book(h);
    if (leaf === booked) return leaf;
    this.left.add(booked);
    backlog.move(h, booked, leaf);
    return leaf;
  }

  /** Gives packet `h` the rows of its leaves of now. Returns the leaf that it is in, or comes to. */
  book(h: number): number {
    const { before, heir, left } = this.change;
    const { held } = this.parts;
    const next = held.nextLeaf[h];
    held.leaf[h] = this.leafOf(h, heir[held.leaf[h]]);
    if (next !== NONE) held.nextLeaf[h] = left.has(before[next].root) ? NONE : this.leafOf(h, heir[next]);
    if (held.leafBefore[h] !== NONE) held.leafBefore[h] = heir[held.leafBefore[h]];
    return held.leaf[h];
  }

  /** Gives packet `h`, which has come to no class yet, the rows of its leaves of now. */
  rebook(h: number): void {
    const { before, heir, left } = this.change;
    const { held } = this.parts;
    const [first = NONE, second = NONE] = [held.leaf[h], held.nextLeaf[h]]
      .filter((leaf) => leaf !== NONE && !left.has(before[leaf].root))
      .map((leaf) => this.leafOf(h, heir[leaf]));
    held.leaf[h] = first;
    held.nextLeaf[h] = second;
  }

  move(h: number, leafBefore: number, bucketClass: number): void {
    this.moves.push({ h, leafBefore, bucketClass });
  }

  /**
   * Oldest first; among packets of the same age those that have come further, so that flows keep their order.
   */
  inOrder(): readonly Move[] {
    const { held } = this.parts;
    const { before } = this.change;
    const depth = (row: number): number => (row === NONE ? 0 : 1 + depth(before[row].parent));
    return this.moves.sort(
      (a, b) => held.enteredNs(a.h) - held.enteredNs(b.h) || depth(a.bucketClass) - depth(b.bucketClass),
    );
  }

  /** The leaf to which packet `h` belongs, which has been in class `row` of the same tree. */
  private leafOf(h: number, row: number): number {
    const { classes, isReclassified } = this.change;
    const found = isReclassified ? this.parts.intake.leafAgain(h, classes[row].root, this.parsed) : NONE;
    if (found !== NONE) return found;
    // The packet's own class, or the default class of the nearest inner class.
    let leaf = row;
    while (classes[leaf].children.length > 0) leaf = classes[leaf].children.at(-1) as number;
    return leaf;
  }
}

/** The first class whose `each` bucket the packet must pass; NONE if there is none. */
function firstWait(to: Stages, change: ClassChange, leaf: number, { leafBefore, bucketClass }: Move): number {
  if (bucketClass === NONE) return NONE;
  const { before, oldRow } = change;
  const { from, above } = to.waits;
  let first = from[leaf];
  for (let row = first; row !== NONE; row = above[row]) {
    const old = oldRow[row];
    const hasPassed =
      old !== NONE &&
      old !== bucketClass &&
      isInside(before, leafBefore, old) &&
      isInside(before, old, bucketClass);
    if (hasPassed) first = above[row];
  }
  return first;
}

/** Whether packet `h` passes the buckets from class `first` upwards. If not, it waits in one of them. */
function passesBuckets(to: Stages, h: number, first: number, nowNs: number, slackNs: number): boolean {
  const { each, waits } = to;
  for (let row = first; row !== NONE; row = waits.above[row]) {
    const e = each.bucketOf(row, h, nowNs);
    // Without room for one more bucket the packet passes: a change must not drop it.
    if (e !== NONE && each.pass(e, h, nowNs, nowNs + slackNs) === WAITS) return false;
  }
  return true;
}

/** Goes by another plan. What waiting packets ask of rules is told in the numbers of the plan. */
function usePlan(
  plan: QueuePlan,
  { held, flows, intake, pacing, modules, steering, verdicts }: Lasting,
): void {
  steering.usePlan(plan);
  verdicts.usePlan(plan);
  intake.usePlan(plan);
  pacing.usePlan(plan);
  modules.usePlan(plan);
  for (const h of held.rowsInUse()) {
    // The next packet of the flow asks again.
    held.flags[h] &= ~(FLAG_STEER | FLAG_FETCH);
    if (held.remark(h) === 0) continue;
    const number = plan.dscps.indexOf(held.dscp(h)) + 1;
    // A code point that the rules do not write: the packet keeps the one that it came with.
    const f = held.flow[h];
    const isKept = number === 0 && f !== NONE;
    held.setRemark(h, number, isKept ? flows.dscp(f) : held.dscp(h));
  }
}
