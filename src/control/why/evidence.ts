/**
 * What the flows of a subject do, watched for half a second: out of the shared memory of the flow table, two
 * snapshots of the classes and two looks at their buckets. The packet thread answers four short questions.
 */
import { NONE } from '../../base/none.ts';
import { createFlowRecord, type FlowReader, type FlowRecord } from '../../core/flows/flow-reader.ts';
import type { ClassState, EachState, FlowName, Inspection, OwnerState } from '../../core/inspect.ts';
import type { HostLimitState } from '../../core/quotas/limit-states.ts';
import { ApiError } from '../api-error.ts';
import type { PacketThread } from '../packet-thread.ts';
import type { Snapshot } from '../snapshot.ts';
import { meets, type Subject } from './subject.ts';

export type WatchedThread = Pick<PacketThread, 'snapshot' | 'inspect'> & {
  readonly flows: Pick<FlowReader, 'next' | 'read' | 'classChanges'>;
};
export type Pause = (ms: number) => Promise<unknown>;

/** Flows that are told, the fastest first. */
export const FLOWS_TOLD_MAX = 20;
/** A flow that sent nothing for so long is told only if no other is there. */
const LIVE_NS = 10e9;
const CHOICE_MS = 100;
/** Between two looks: irregular, so that no sender sends in step with them. */
const LOOKS_MS = [13, 31, 22, 37, 17, 28, 41, 19, 26, 35, 15, 29, 23, 33, 18, 13];
/** Times that a change of classes in the middle makes us begin again. */
const TRIES = 3;

/** A flow over the time in which it was watched. */
export interface Watched {
  readonly isForth: boolean;
  readonly before: FlowRecord;
  readonly now: FlowRecord;
  /** Of the looks at it, the part at which packets of it waited. */
  readonly waitingShare: number;
  readonly each: readonly EachState[];
  readonly eachBefore: readonly EachState[];
  /** How its hosts are limited because of a quota. */
  readonly limits: readonly HostLimitState[];
  readonly limitsBefore: readonly HostLimitState[];
  /** null while nobody asks for owners. */
  readonly owner: OwnerState | null;
}

export interface ActiveFlow extends FlowName {
  readonly family: number;
  readonly leaf: number;
  readonly secondLeaf: number;
  readonly src: readonly number[];
  readonly dst: readonly number[];
  readonly addedBytes: number;
}

export interface Evidence {
  readonly flows: readonly Watched[];
  /** Flows of the subject, those beyond FLOWS_TOLD_MAX too. */
  readonly total: number;
  /** Between the two snapshots, and between the two records of a flow. */
  readonly seconds: number;
  readonly flowSeconds: number;
  readonly nowNs: number;
  /** All flows that have sent or wait. */
  readonly active: readonly ActiveFlow[];
  readonly before: Snapshot;
  readonly now: Snapshot;
  readonly statesBefore: ReadonlyMap<string, ClassState>;
  readonly states: ReadonlyMap<string, ClassState>;
  readonly devices: ReadonlyMap<number, string>;
}

/** Row and generation as one number. */
const keyOf = ({ f, generation }: FlowName): number => f * 2 ** 32 + (generation >>> 0);

/** @throws ApiError */
export async function gather(subject: Subject, packets: WatchedThread, pause: Pause): Promise<Evidence> {
  for (let n = 0; n < TRIES; n++) {
    const { classChanges } = packets.flows;
    const evidence = await watch(subject, packets, pause);
    const { before, now } = evidence;
    const changes = [before.classChanges, now.classChanges, packets.flows.classChanges];
    if (changes.every((count) => count === classChanges)) return evidence;
  }
  throw new ApiError(503, 'changing', 'the classes change all the time', '', 'ask again when they stay');
}

async function watch(subject: Subject, packets: WatchedThread, pause: Pause): Promise<Evidence> {
  const { flows } = packets;
  const before = await packets.snapshot();
  const sentBefore = new Map<number, number>();
  const meant: (FlowName & { readonly isForth: boolean; readonly bytes: number })[] = [];
  eachFlow(flows, (record) => {
    const { f, generation, sentBytes, receivedBytes } = record;
    sentBefore.set(keyOf(record), sentBytes);
    const { isMeant, isForth } = meets(subject, record);
    if (isMeant) meant.push({ f, generation, isForth, bytes: receivedBytes });
  });
  if (meant.length > 0) await pause(CHOICE_MS);
  const chosen = choose(flows, meant, before.takenNs + CHOICE_MS * 1e6);
  const first = await packets.inspect(chosen);
  const looked = chosen.length > 0 ? await look(flows, chosen, pause) : [];
  const now = await packets.snapshot();
  const last = await packets.inspect(chosen);
  return {
    flows: looked.flatMap((one, i) => {
      const record = read(flows, one);
      if (record === null) return [];
      const { isForth, before: at, waitingShare } = one;
      return [{ isForth, before: at, now: record, waitingShare, ...bucketsOf(first, last, i) }];
    }),
    total: meant.length,
    seconds: (now.takenNs - before.takenNs) / 1e9,
    flowSeconds: (last.atNs - first.atNs) / 1e9,
    nowNs: now.takenNs,
    active: activeFlows(flows, sentBefore),
    ...{ before, now },
    statesBefore: statesOf(first),
    states: statesOf(last),
    devices: new Map(last.devices),
  };
}

function bucketsOf(first: Inspection, last: Inspection, i: number) {
  const each = { each: last.each[i] ?? [], eachBefore: first.each[i] ?? [] };
  const limits = { limits: last.limits[i] ?? [], limitsBefore: first.limits[i] ?? [] };
  return { ...each, ...limits, owner: last.owners[i] ?? null };
}

function statesOf({ classes }: Inspection): Map<string, ClassState> {
  return new Map(classes.map((state) => [state.path, state]));
}

function activeFlows(
  reader: Pick<FlowReader, 'next' | 'read'>,
  sentBefore: ReadonlyMap<number, number>,
): ActiveFlow[] {
  const active: ActiveFlow[] = [];
  eachFlow(reader, (record) => {
    const { f, generation, family, leaf, secondLeaf, src, dst, sentBytes, backlogPackets } = record;
    const addedBytes = sentBytes - (sentBefore.get(keyOf(record)) ?? 0);
    if (addedBytes <= 0 && backlogPackets === 0) return;
    active.push({ f, generation, family, leaf, secondLeaf, src: [...src], dst: [...dst], addedBytes });
  });
  return active;
}

/** Calls `visit` with the record of every flow, which holds until `visit` returns. */
function eachFlow(reader: Pick<FlowReader, 'next' | 'read'>, visit: (record: FlowRecord) => void): void {
  const record = createFlowRecord();
  for (let f = reader.next(NONE); f !== NONE; f = reader.next(f)) if (reader.read(f, record)) visit(record);
}

/** The record of the flow; null if it has ended. */
function read(reader: Pick<FlowReader, 'read'>, { f, generation }: FlowName): FlowRecord | null {
  const record = createFlowRecord();
  return reader.read(f, record) && record.generation === generation ? record : null;
}

interface Chosen extends FlowName {
  readonly isForth: boolean;
  readonly before: FlowRecord;
}

/** Those that are told: of the direction that was named first, then the fastest. */
function choose(
  reader: Pick<FlowReader, 'read'>,
  meant: readonly (FlowName & { readonly isForth: boolean; readonly bytes: number })[],
  nowNs: number,
): Chosen[] {
  const found = meant.flatMap((one) => {
    const before = read(reader, one);
    if (before === null) return [];
    const { f, generation, isForth, bytes } = one;
    return [{ f, generation, isForth, before, addedBytes: before.receivedBytes - bytes }];
  });
  const live = found.filter(({ before }) => nowNs - before.lastNs < LIVE_NS);
  return (live.length > 0 ? live : found)
    .sort((a, b) => b.addedBytes - a.addedBytes || b.before.receivedBytes - a.before.receivedBytes)
    .slice(0, FLOWS_TOLD_MAX);
}

async function look(
  reader: Pick<FlowReader, 'read'>,
  chosen: readonly Chosen[],
  pause: Pause,
): Promise<(Chosen & { readonly waitingShare: number })[]> {
  const waiting = new Array<number>(chosen.length).fill(0);
  for (const ms of LOOKS_MS) {
    await pause(ms);
    for (const [i, one] of chosen.entries()) {
      const record = read(reader, one);
      if (record !== null && record.backlogPackets > 0) waiting[i]! += 1;
    }
  }
  return chosen.map((one, i) => ({ ...one, waitingShare: waiting[i]! / LOOKS_MS.length }));
}
