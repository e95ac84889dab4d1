/**
 * Buckets at one instant, for people who ask why a flow is slow. They are read between two batches; the
 * answer is small, and travels to another thread.
 */
import { NONE } from '../base/none.ts';
import { createParsed, type Parsed } from '../packet/parse.ts';
import type { ClassInfo } from './classes/classes.ts';
import type { FlowOwner, FlowOwners } from './flows/flow-owners.ts';
import type { FlowTable } from './flows/flow-table.ts';
import type { Intake } from './flows/intake.ts';
import type { HostLimitState } from './quotas/limit-states.ts';
import type { LimitStage } from './quotas/stage.ts';
import type { Stages } from './stages.ts';
import type { TreeState } from './tree/trees.ts';

/** A flow is named by row and generation. */
export interface FlowName {
  readonly f: number;
  readonly generation: number;
}

export interface ClassState extends TreeState {
  readonly path: string;
  /** null without a policer. */
  readonly policeTokens: number | null;
}

/** The bucket of `each` that a flow has in a class. */
export interface EachState {
  readonly path: string;
  readonly tokens: number;
  readonly waitingPackets: number;
}

/** Whose a flow is. */
export interface OwnerState {
  /** Of a local flow; null: it is forwarded. */
  readonly owner: FlowOwner | null;
  /** The attachment that decides in each tree that the flow passes, if one does. */
  readonly attached: readonly { readonly root: string; readonly text: string; readonly rank: number }[];
  /** What matchers call the subjects of the flow. */
  readonly keys: readonly string[];
}

export interface Inspection {
  readonly atNs: number;
  /** The leaves of the flows, and all classes around them. */
  readonly classes: readonly ClassState[];
  /** By flow, in the order of the question; nothing for a flow that has ended. */
  readonly each: readonly (readonly EachState[])[];
  /** By flow as well: how its hosts are limited because of a quota. */
  readonly limits: readonly (readonly HostLimitState[])[];
  /** By flow as well; null while nobody asks for owners. */
  readonly owners: readonly (OwnerState | null)[];
  /** Named devices by interface index. */
  readonly devices: readonly (readonly [ifIndex: number, device: string])[];
}

export interface Inspected {
  readonly stages: Stages;
  readonly flows: FlowTable;
  readonly intake: Intake;
  readonly limits: LimitStage;
  readonly owners: FlowOwners;
}

export function inspect(
  { stages, flows, intake, limits, owners }: Inspected,
  names: readonly FlowName[],
  nowNs: number,
): Inspection {
  const rows = new Set<number>();
  const each = names.map(({ f, generation }) => {
    if (flows.generation(f) !== generation) return [];
    const way = [...wayUp(stages.classes, flows.leaf(f)), ...wayUp(stages.classes, flows.secondLeaf(f))];
    for (const row of way) rows.add(row);
    return way.flatMap((row) => eachState(stages, row, f, nowNs));
  });
  const states = [...rows].map((row) => classState(stages, row, nowNs));
  const limited = names.map(({ f, generation }) =>
    flows.generation(f) === generation ? limits.inspect(f, nowNs) : [],
  );
  const parsed = owners.isUsed ? createParsed() : null;
  const owned = names.map(({ f, generation }) =>
    parsed !== null && flows.generation(f) === generation
      ? ownerState(owners, stages.classes, flows, f, parsed)
      : null,
  );
  return {
    atNs: nowNs,
    classes: states,
    each,
    limits: limited,
    owners: owned,
    devices: intake.named,
  };
}

function ownerState(
  owners: FlowOwners,
  classes: readonly ClassInfo[],
  flows: FlowTable,
  f: number,
  parsed: Parsed,
): OwnerState {
  const owner = owners.recall(f, parsed);
  const { subjects } = owners;
  const leaves = [flows.leaf(f), flows.secondLeaf(f)].filter((leaf) => leaf !== NONE);
  const attached = leaves.flatMap((leaf) => {
    const { root } = classes[leaf];
    const by = subjects.decidedBy(root);
    return by === null ? [] : [{ root: classes[root].path, ...by }];
  });
  return { owner, attached, keys: subjects.foundKeys() };
}

function wayUp(classes: readonly ClassInfo[], leaf: number): number[] {
  const way: number[] = [];
  for (let row = leaf; row !== NONE; row = classes[row].parent) way.push(row);
  return way;
}

function classState({ classes, trees, policers }: Stages, row: number, nowNs: number): ClassState {
  const { path, spec } = classes[row];
  const policeTokens = spec.police === null ? null : policers.tokensAt(row, nowNs);
  return { path, policeTokens, ...trees.inspect(row, nowNs) };
}

function eachState({ classes, each }: Stages, row: number, f: number, nowNs: number): EachState[] {
  if (classes[row].spec.each === null) return [];
  const e = each.buckets.findOf(row, f);
  if (e === NONE) return [];
  const { path } = classes[row];
  return [{ path, tokens: each.buckets.tokensAt(e, nowNs), waitingPackets: each.waitingPackets(e) }];
}
