/**
 * The one way to change a running instance. Commands, schedules, leases and all others make a whole
 * specification and hand it to applySpec().
 */
import type {
  ClassLabel,
  FlowSource,
  OwnNfqueues,
  SnapshotSource,
  SocketCounters,
} from '../control/snapshot.ts';
import { type EachClass, eachClasses } from '../core/each/fullest.ts';
import type { Engine } from '../core/engine.ts';
import type { HostsUpdate } from '../core/hosts/update.ts';
import { type FlowName, type Inspection, inspect } from '../core/inspect.ts';
import type { Stats } from '../core/packets/stats.ts';
import { settle } from '../core/stages.ts';
import type { SubjectsUpdate } from '../core/subjects/update.ts';
import type { TraceBegun } from '../core/trace/trace.ts';
import type { TraceSubject } from '../core/trace/trace-subject.ts';
import type { Port } from '../packet/port.ts';
import { namedDevices } from '../spec/devices.ts';
import type { Edited } from '../spec/edit.ts';
import type { QueuePlan } from '../spec/queue-plan.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import type { DeviceWatch, FoundIndexes } from './device-watch.ts';

const NOTHING_RENAMED: Edited['renamed'] = new Map();

export interface RunningOptions {
  readonly engine: Engine;
  readonly port: Port;
  readonly devices: DeviceWatch;
  /** Nanoseconds since start, by the clock of the port. */
  readonly nowNs: () => number;
  readonly socketCounters: () => SocketCounters;
  readonly nfqueues: () => OwnNfqueues;
  /** What is wrong now, as sentences. */
  readonly warnings: () => readonly string[];
}

export class Running implements SnapshotSource {
  readonly nowNs: () => number;
  readonly socketCounters: () => SocketCounters;
  readonly nfqueues: () => OwnNfqueues;
  private readonly warningsNow: () => readonly string[];
  private readonly engine: Engine;
  private readonly port: Port;
  private readonly devices: DeviceWatch;
  private changes = 0;

  constructor({ engine, port, devices, nowNs, socketCounters, nfqueues, warnings }: RunningOptions) {
    this.engine = engine;
    this.port = port;
    engine.connect(port, nowNs);
    this.devices = devices;
    this.nowNs = nowNs;
    this.socketCounters = socketCounters;
    this.nfqueues = nfqueues;
    this.warningsNow = warnings;
  }

  /** By which it shapes now. */
  get spec(): ShaperSpec {
    return this.engine.told.spec;
  }

  /** Throws ChangeRefusedError if applySpec() would. */
  check(edited: Edited, plan?: QueuePlan): void {
    const { deviceIndexes } = this.lookUp(edited.spec);
    this.engine.checkChange({ ...edited, plan, deviceIndexes });
  }

  /** Packets of the NFQUEUEs of this plan may come from now on. */
  expect(plan: QueuePlan): void {
    this.engine.reconfigure(this.port, { spec: this.spec, renamed: NOTHING_RENAMED, plan }, this.nowNs());
  }

  /**
   * Shapes by another specification from now on, and by another plan if rules and NFQUEUEs follow one. Call
   * it from the event loop of the packet thread, where it runs between two batches. Throws
   * ChangeRefusedError, and has changed nothing then, if the change needs a restart. Without a new generation
   * it must be one of which clients see nothing.
   */
  applySpec(edited: Edited, plan?: QueuePlan, isNewGeneration = true): void {
    const { found, deviceIndexes } = this.lookUp(edited.spec);
    this.engine.reconfigure(this.port, { ...edited, plan, deviceIndexes }, this.nowNs());
    this.devices.follow(found);
    if (isNewGeneration) this.changes++;
  }

  /** Another configuration holds, by which packets are shaped as before: a new generation, and no more. */
  applySame(): void {
    this.changes++;
  }

  private lookUp(spec: ShaperSpec): { found: FoundIndexes; deviceIndexes: Map<string, number> } {
    const found = this.devices.find(namedDevices(spec));
    const deviceIndexes = new Map<string, number>();
    for (const [device, index] of found) if (index !== null) deviceIndexes.set(device, index);
    return { found, deviceIndexes };
  }

  get generation(): number {
    return this.changes;
  }

  get classes(): readonly ClassLabel[] {
    return this.engine.classes.map(({ path, parent, spec }) => ({
      path,
      parent,
      rateBytesPerSec: spec.rateBytesPerSec,
      ceilBytesPerSec: spec.ceilBytesPerSec,
      isPaced: spec.pace !== null,
    }));
  }

  get warnings(): readonly string[] {
    return this.warningsNow();
  }

  eachClasses(): EachClass[] {
    return eachClasses(this.engine.stages.each, this.engine.classes);
  }

  inspect(flows: readonly FlowName[]): Inspection {
    return inspect(this.engine, flows, this.nowNs());
  }

  trace(subject: TraceSubject | null): TraceBegun | null {
    const { trace, classes } = this.engine;
    if (subject !== null) return trace.watch(subject, classes, this.nowNs());
    trace.end();
    return null;
  }

  get hosts(): { readonly buffer: ArrayBufferLike } {
    return this.engine.hosts;
  }

  updateHosts(update: HostsUpdate): void {
    this.engine.updateHosts(update, this.nowNs());
  }

  updateSubjects(update: SubjectsUpdate): void {
    this.engine.updateSubjects(update, this.nowNs());
  }

  get flows(): FlowSource {
    return this.engine.flows;
  }

  get stats(): Stats {
    settle(this.engine.stages, this.engine.pacing, this.nowNs());
    return this.engine.stats;
  }
}
