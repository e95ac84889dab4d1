/**
 * The parts of the engine that are made for a list of classes, and made anew when the classes change: what each of them carries on
 * then is its inherit(). What outlives the classes (packets, flows, queues, verdicts) is given to them.
 */
import { type LinkLayer, superpacketWireBytes, wireBytes } from '../algo/buckets/link-layer.ts';
import { NONE } from '../base/none.ts';
import type { Prng } from '../base/prng.ts';
import type { QueuePlan } from '../spec/queue-plan.ts';
import { Admission } from './admission/admission.ts';
import { Meters } from './admission/meters.ts';
import { Policers } from './admission/policers.ts';
import { Room } from './admission/room.ts';
import { type Chain, type ClassInfo, chainOf } from './classes/classes.ts';
import type { EachTable } from './each/each.ts';
import { EachPolicers } from './each/policers.ts';
import type { FlowTable } from './flows/flow-table.ts';
import type { HeldTable } from './packets/held.ts';
import type { Stats } from './packets/stats.ts';
import type { LeafQueues } from './queues/leaf-queues.ts';
import { Trees } from './tree/trees.ts';
import { Outcomes } from './verdicts/outcomes.ts';
import { Remarks } from './verdicts/remarks.ts';
import type { VerdictWriter } from './verdicts/writer.ts';

/** Segments of superpackets are taken to fill packets of this length, */
const MTU_BYTES = 1500;
/** and to have at least this much payload (the default of RFC 9293 section 3.7.1), however long headers claim to be. */
const SEGMENT_BYTES_MIN = 536;

export interface Stages {
  readonly classes: readonly ClassInfo[];
  readonly policers: Policers;
  readonly meters: Meters;
  readonly remarks: Remarks;
  readonly admission: Admission;
  readonly each: EachTable;
  readonly eachPolicers: EachPolicers;
  readonly room: Room;
  readonly trees: Trees;
  readonly outcomes: Outcomes;
  readonly linkLayers: readonly LinkLayer[];
  /** The leaf's AQM marks what can carry a mark. */
  readonly marksEcn: Uint8Array;
  readonly rootOf: Int16Array;
  /** Classes with `each` buckets in which packets wait. */
  readonly waits: Chain;
}

/** What outlives a change of classes. */
export interface Lasting {
  readonly stats: Stats;
  readonly held: HeldTable;
  readonly flows: FlowTable;
  readonly queues: LeafQueues;
  readonly verdicts: VerdictWriter;
  readonly prng: Prng;
  /** What the rules around the queues do. */
  readonly plan: QueuePlan;
}

export function createStages(classes: readonly ClassInfo[], each: EachTable, lasting: Lasting): Stages {
  const { stats, held, flows, queues, verdicts, prng, plan } = lasting;
  const trees = new Trees(classes, held, queues);
  const admission = new Admission(classes, stats, held, trees, prng);
  const waits = chainOf(classes, delays);
  return {
    classes,
    policers: new Policers(classes),
    meters: new Meters(classes, held),
    remarks: new Remarks(classes, held, plan.dscps),
    admission,
    each,
    eachPolicers: new EachPolicers(classes, each),
    room: new Room(held, admission, each, queues, waits),
    trees,
    outcomes: new Outcomes(stats, held, flows, admission, verdicts),
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

/** What packet `h` costs on the wire of its leaf's link; a superpacket costs what its segments will. */
export function chargeBytesOf(
  { linkLayers }: Pick<Stages, 'linkLayers'>,
  held: HeldTable,
  h: number,
): number {
  const layer = linkLayers[held.leaf[h]];
  const headerBytes = held.headerBytes(h);
  if (headerBytes === 0) return wireBytes(layer, held.lengthBytes[h]);
  const segmentBytes = Math.max(SEGMENT_BYTES_MIN, MTU_BYTES - headerBytes);
  return superpacketWireBytes(layer, held.lengthBytes[h], headerBytes, segmentBytes);
}

/**
 * Takes out all that waits, so that packets of a flow keep their order: what has come further is older, so what waits in the tree that is
 * passed last comes first, and what waits for ceilings before what waits in `each` buckets. For the orderly stop.
 */
export function takeAll({ classes, trees, each }: Stages, held: HeldTable): number[] {
  const all: number[] = [];
  let h = trees.popAny();
  for (const direction of ['up', 'down']) {
    for (; h !== NONE && classes[held.leaf[h]].direction === direction; h = trees.popAny()) all.push(h);
    const rows = classes.flatMap((info, row) => (info.direction === direction ? [row] : []));
    for (const waiting of each.takeAll(rows)) all.push(waiting);
  }
  return all;
}
