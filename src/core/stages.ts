/**
 * The parts of the engine: those that outlive a change of classes (packets, flows, queues, verdicts), and the
 * stages, which are made for one list of classes. When classes change, new stages are made and inherit() what
 * they go on with from the old ones.
 */
import type { LinkLayer } from '../algo/buckets/link-layer.ts';
import { type HashKeys, hashKeys } from '../base/hash.ts';
import { Prng } from '../base/prng.ts';
import { ARRIVAL_ROWS, EACH_BUCKETS_MAX, FAIR_QUEUES_MAX, FLOWS_MAX, HELD_MAX } from '../limits.ts';
import type { QueuePlan } from '../spec/queue-plan.ts';
import type { NfqueueSpec, ShaperSpec } from '../spec/spec.ts';
import { Admission } from './admission/admission.ts';
import { Exemption } from './admission/exemption.ts';
import { Meters } from './admission/meters.ts';
import { Policers } from './admission/policers.ts';
import { Room } from './admission/room.ts';
import { type Chain, type ClassInfo, chainOf } from './classes/classes.ts';
import { EachTable } from './each/each.ts';
import { EachPolicers } from './each/policers.ts';
import type { EngineOptions } from './engine-options.ts';
import { FlowOwners } from './flows/flow-owners.ts';
import { FlowTable } from './flows/flow-table.ts';
import { Intake } from './flows/intake.ts';
import { Steering } from './flows/steering.ts';
import { Hosts } from './hosts/hosts.ts';
import { ModuleStage } from './modules/stage.ts';
import { PacingStage } from './pacing/stage.ts';
import { Backlog } from './packets/backlog.ts';
import { Edits } from './packets/edits.ts';
import { HeldTable } from './packets/held.ts';
import { HeldFifos } from './packets/held-fifos.ts';
import { Ledger } from './packets/ledger.ts';
import { AckFilter } from './queues/ack-filter.ts';
import { QueueSets } from './queues/queue-sets.ts';
import { SetQueues } from './queues/set-queues.ts';
import { LimitStage } from './quotas/stage.ts';
import { Trace } from './trace/trace.ts';
import { Available } from './tree/available.ts';
import { Trees } from './tree/trees.ts';
import { Remarks } from './verdicts/remarks.ts';
import { VerdictLog } from './verdicts/verdict-log.ts';
import { VerdictWriter } from './verdicts/writer.ts';

export interface Stages {
  readonly classes: readonly ClassInfo[];
  readonly exemption: Exemption;
  readonly policers: Policers;
  readonly meters: Meters;
  readonly remarks: Remarks;
  readonly admission: Admission;
  readonly each: EachTable;
  readonly eachPolicers: EachPolicers;
  readonly room: Room;
  readonly trees: Trees;
  readonly available: Available;
  readonly linkLayers: readonly LinkLayer[];
  /** By leaf: 1 if its AQM marks packets that can carry a CE mark. */
  readonly marksEcn: Uint8Array;
  readonly rootOf: Int16Array;
  /** Classes with `each` buckets in which packets wait. */
  readonly waits: Chain;
}

/** The parts that outlive a change of classes. */
export interface Lasting {
  readonly held: HeldTable;
  readonly ledger: Ledger;
  readonly backlog: Backlog;
  readonly flows: FlowTable;
  readonly hosts: Hosts;
  readonly owners: FlowOwners;
  readonly intake: Intake;
  readonly acks: AckFilter;
  readonly pacing: PacingStage;
  readonly limits: LimitStage;
  readonly modules: ModuleStage;
  readonly edits: Edits;
  readonly queues: SetQueues;
  readonly steering: Steering;
  readonly log: VerdictLog;
  readonly trace: Trace;
  readonly verdicts: VerdictWriter;
  /** Packets for which no flow queue had room when classes changed: the next batch sends them at once. */
  readonly released: HeldFifos;
  /** Chance: RED and PIE. */
  readonly prng: Prng;
  /** Makes the table of buckets when the first class has `each`. */
  createEach(classes: readonly ClassInfo[]): EachTable;
}

export function createLasting(
  spec: ShaperSpec,
  classes: readonly ClassInfo[],
  plan: QueuePlan,
  { seed, nameOf, sockets = null, findsHosts = true, guard }: EngineOptions,
): Lasting {
  const { markMask } = spec.nfqueue;
  const prng = new Prng(seed);
  const keysOf = (table: string): HashKeys => hashKeys(seed, table);
  // Rows that no packet has taken cost no memory.
  const held = new HeldTable(HELD_MAX + ARRIVAL_ROWS, heldMax(spec.nfqueue, plan));
  const ledger = new Ledger(classes.length, held);
  const backlog = new Backlog(ledger.stats, held);
  const hosts = new Hosts(spec.hosts, keysOf, findsHosts);
  const flows = new FlowTable(FLOWS_MAX, ...keysOf('flows'), ledger, hosts);
  const owners = new FlowOwners(flows, sockets, ledger);
  const steering = new Steering(plan, classes);
  const intake = new Intake(
    spec,
    classes,
    { held, flows, hosts, owners, ledger, steering },
    keysOf('fragments'),
    plan,
    nameOf ?? null,
  );
  const acks = new AckFilter(classes, held);
  const queues = new SetQueues(FAIR_QUEUES_MAX, keysOf, QueueSets.ofLeaves(classes), held, flows, acks);
  const log = new VerdictLog(held);
  const edits = new Edits(held);
  const pacing = new PacingStage(classes, plan, { held, flows, edits, ledger });
  const ofHosts = (table: string): HashKeys => keysOf(`${table} of hosts`);
  const limits = new LimitStage({ held, flows, acks, hosts, keysOf: ofHosts });
  if (spec.quotas.length > 0) limits.prepare();
  const trace = new Trace(held, flows);
  const whose = { held, flows, owners, hosts };
  const modules = new ModuleStage({ ...whose, seed, markMask, plan, nameOf: nameOf ?? null, guard });
  const verdicts = new VerdictWriter(markMask, held, flows, edits, ledger, steering, log, trace, plan);
  const released = new HeldFifos(1, held);
  const waiting = { held, flows, acks, prng, keysOf: (table: string) => keysOf(`${table} of buckets`) };
  const createEach = (all: readonly ClassInfo[]): EachTable =>
    new EachTable(EACH_BUCKETS_MAX, ...keysOf('each buckets'), all, waiting, ledger);
  const books = { held, ledger, backlog, flows };
  return {
    ...books,
    hosts,
    owners,
    intake,
    acks,
    pacing,
    limits,
    modules,
    edits,
    queues,
    steering,
    log,
    trace,
    verdicts,
    released,
    prng,
    createEach,
  };
}

/** Packets that the kernel can hold for us. */
export function heldMax({ count, length }: NfqueueSpec, { moduleNfqueue }: QueuePlan): number {
  return Math.min(HELD_MAX, (moduleNfqueue === null ? count : count + 1) * length);
}

export function createStages(
  { local }: ShaperSpec,
  classes: readonly ClassInfo[],
  each: EachTable,
  plan: QueuePlan,
  lasting: Lasting,
): Stages {
  const { backlog, held, queues, ledger, prng } = lasting;
  const trees = new Trees(classes, held, queues, ledger);
  const admission = new Admission(classes, backlog, held, each, trees, prng);
  const waits = chainOf(classes, delays);
  return {
    classes,
    exemption: new Exemption(classes, local.exempt, held, backlog),
    policers: new Policers(classes),
    meters: new Meters(classes, held),
    remarks: new Remarks(classes, held, plan.dscps),
    admission,
    each,
    eachPolicers: new EachPolicers(classes, each.buckets),
    room: new Room(held, admission, each, queues, waits),
    trees,
    available: new Available(classes, trees.rates, backlog),
    linkLayers: classes.map((info) => info.link.linkLayer),
    marksEcn: Uint8Array.from(classes, (info) => (info.spec.queue?.ecn ? 1 : 0)),
    rootOf: Int16Array.from(classes, (info) => info.root),
    waits,
  };
}

/** Whether packets wait in `each` buckets of the class. */
function delays({ spec }: ClassInfo): boolean {
  return spec.each?.exceed === 'delay';
}

/**
 * Takes out all waiting packets under these roots, so that packets of a flow keep their order: a packet that
 * has come further is older. So the tree that is passed last comes first, and in a tree the packets that wait
 * for ceilings.
 */
export function takeAll(stages: Stages, roots: Iterable<number> = stages.trees.roots): number[] {
  const { classes, trees, each } = stages;
  const taken = new Set(roots);
  const all: number[] = [];
  for (const direction of ['up', 'down']) {
    const isTaken = ({ root }: ClassInfo): boolean =>
      taken.has(root) && classes[root].direction === direction;
    for (const root of trees.roots)
      if (isTaken(classes[root])) for (const h of trees.takeAll(root)) all.push(h);
    const rows = classes.flatMap((info, row) => (isTaken(info) ? [row] : []));
    for (const h of each.takeAll(rows)) all.push(h);
  }
  return all;
}

/**
 * Moves ceilings and shares for people who look between two batches (Trees.settle). Held acknowledgements
 * that shares let go leave with the next batch.
 */
export function settle({ trees, available }: Stages, pacing: PacingStage, nowNs: number): void {
  if (trees.settle(nowNs) && pacing.isUsed) pacing.advance(available, nowNs);
}
