/**
 * The counters of an instance at one instant. A class has 2 kB of them, so the packet thread copies them into
 * memory that both threads share. The rest travels in the message that announces the copy.
 *
 * Classes change while an instance runs. A generation lasts from one change to the next, and its layout says
 * which class each row of the memory counts. The layout travels with the first snapshot of its generation: no
 * snapshot is read by the classes of another generation, and a change costs nothing here until somebody asks.
 */
import { invariant } from '../base/assert.ts';
import type { EachClass } from '../core/each/fullest.ts';
import type { HostsUpdate } from '../core/hosts/update.ts';
import type { FlowName, Inspection } from '../core/inspect.ts';
import { copyStats, type Stats, statsBytes, statsOver, withChildren } from '../core/packets/stats.ts';
import type { SubjectsUpdate } from '../core/subjects/update.ts';
import type { TraceBegun } from '../core/trace/trace.ts';
import type { TraceSubject } from '../core/trace/trace-subject.ts';
import type { NfqueueCounters } from '../io/nfqueue/nfqueue.ts';
import type { KernelDrops } from '../io/proc/nfqueues.ts';

export interface ClassLabel {
  readonly path: string;
  readonly rateBytesPerSec: number;
  readonly ceilBytesPerSec: number;
  /** It has `tcp.pace` itself. */
  readonly isPaced: boolean;
  /** Row of the parent, or NONE. */
  readonly parent: number;
}

/** Errors that the port has counted. */
export type SocketCounters = Pick<
  NfqueueCounters,
  'truncated' | 'malformed' | 'sendErrors' | 'verdictErrors'
>;

/** The NFQUEUEs of the instance, which a reload may open and close. */
export interface OwnNfqueues {
  /** Numbers of those that are open. */
  readonly open: readonly number[];
  /** Of all that have closed: the kernel has forgotten them. */
  readonly closedDrops: KernelDrops;
}

/** The instance that the packet thread takes snapshots of, between two batches. */
export interface SnapshotSource {
  /** Grows with every change of classes. */
  readonly generation: number;
  /** Row c describes row c of the statistics. Parents stand before their children. */
  readonly classes: readonly ClassLabel[];
  readonly stats: Stats;
  /** Its flows, in memory that the control thread reads by itself (core/flows/flow-reader.ts). */
  readonly flows: FlowSource;
  /** The memory of inside hosts, which it reads as well (core/hosts/host-reader.ts). */
  readonly hosts: { readonly buffer: ArrayBufferLike };
  /** What is wrong now, as sentences. */
  readonly warnings: readonly string[];
  /** Nanoseconds since start. */
  nowNs(): number;
  socketCounters(): SocketCounters;
  nfqueues(): OwnNfqueues;
  /** What waits for the buckets of each class that has `each`. */
  eachClasses(): readonly EachClass[];
  /** Buckets of these flows and of their classes. */
  inspect(flows: readonly FlowName[]): Inspection;
  /** What is known of hosts, and what they may, from the next batch on. */
  updateHosts(update: HostsUpdate): void;
  /** Whose packets belong to attached subjects, from the next batch on. */
  updateSubjects(update: SubjectsUpdate): void;
  /** Records TCP segments of the subject for a while, which the same again renews; null: no more. */
  trace(subject: TraceSubject | null): TraceBegun | null;
}

export interface FlowSource {
  readonly buffer: ArrayBufferLike;
  /** How often classes have got other rows. */
  readonly classChanges: number;
}

export interface SnapshotLayout {
  readonly generation: number;
  readonly classChanges: number;
  readonly classes: readonly ClassLabel[];
  /** statsBytes(classes.length) bytes, written by the packet thread only after a request. */
  readonly memory: SharedArrayBuffer;
}

/** Says that the shared memory holds the counters of `takenNs`. */
export interface SnapshotTaken {
  readonly generation: number;
  readonly takenNs: number;
  readonly socket: SocketCounters;
  readonly nfqueues: OwnNfqueues;
  readonly warnings: readonly string[];
  /** The layout of this generation if this is its first snapshot. */
  readonly layout: SnapshotLayout | null;
}

/** A snapshot as the control thread shows it: a value that nobody writes to. */
export interface Snapshot {
  readonly generation: number;
  readonly classes: readonly ClassLabel[];
  /** The flow table names these classes by their rows while a FlowReader has the same number. */
  readonly classChanges: number;
  readonly takenNs: number;
  readonly socket: SocketCounters;
  readonly nfqueues: OwnNfqueues;
  readonly warnings: readonly string[];
  /** Row c counts classes[c] and all classes inside it. */
  readonly stats: Stats;
}

/** The packet thread's side. */
export class SnapshotWriter {
  private readonly source: SnapshotSource;
  private generation = Number.NaN;
  private memory = new SharedArrayBuffer(0);

  constructor(source: SnapshotSource) {
    this.source = source;
  }

  /** Copies the counters. The control thread must have read the snapshot before. */
  take(): SnapshotTaken {
    const { source } = this;
    const { generation, stats, warnings } = source;
    const layout = generation === this.generation ? null : this.layOut();
    copyStats(stats, statsOver(this.memory, stats.classes));
    const takenNs = source.nowNs();
    const [socket, nfqueues] = [source.socketCounters(), source.nfqueues()];
    return { generation, takenNs, socket, nfqueues, warnings, layout };
  }

  /** Other classes fit the same memory if they are as many. */
  private layOut(): SnapshotLayout {
    const { generation, classes, stats, flows } = this.source;
    invariant(classes.length === stats.classes, 'a row of the statistics for each class');
    const bytes = statsBytes(classes.length);
    if (bytes !== this.memory.byteLength) this.memory = new SharedArrayBuffer(bytes);
    this.generation = generation;
    return { generation, classChanges: flows.classChanges, classes, memory: this.memory };
  }
}

/** The control thread's side. */
export class SnapshotReader {
  private layout: SnapshotLayout | null = null;

  /** Reads the snapshot out of the shared memory. The next one may be asked for afterwards. */
  read({ layout, ...taken }: SnapshotTaken): Snapshot {
    this.layout = layout ?? this.layout;
    invariant(this.layout?.generation === taken.generation, 'a snapshot comes with or after its layout');
    const { classes, classChanges, memory } = this.layout;
    const stats = withChildren(statsOver(memory, classes.length), classes);
    return { ...taken, classes, classChanges, stats };
  }
}
