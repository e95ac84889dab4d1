/**
 * The one way to change a running instance. Commands, schedules, leases and all others make a whole
 * specification and hand it to applySpec().
 */
import type { ApplyAnswer, ApplyRequest } from '../control/messages.ts';
import type { ClassLabel, FlowSource, SnapshotSource, SocketCounters } from '../control/snapshot.ts';
import { type EachClass, eachClasses } from '../core/each/fullest.ts';
import type { Engine } from '../core/engine.ts';
import type { Stats } from '../core/packets/stats.ts';
import type { Port } from '../packet/port.ts';
import { namedDevices } from '../spec/devices.ts';
import type { Edited } from '../spec/edit.ts';
import type { DeviceWatch } from './device-watch.ts';

export interface RunningOptions {
  readonly engine: Engine;
  readonly port: Port;
  readonly devices: DeviceWatch;
  /** Nanoseconds since start, by the clock of the port. */
  readonly nowNs: () => number;
  readonly socketCounters: () => SocketCounters;
  /** What is wrong now, as sentences. */
  readonly warnings: () => readonly string[];
}

export class Running implements SnapshotSource {
  readonly nowNs: () => number;
  readonly socketCounters: () => SocketCounters;
  private readonly warningsNow: () => readonly string[];
  private readonly engine: Engine;
  private readonly port: Port;
  private readonly devices: DeviceWatch;
  private changes = 0;

  constructor({ engine, port, devices, nowNs, socketCounters, warnings }: RunningOptions) {
    this.engine = engine;
    this.port = port;
    this.devices = devices;
    this.nowNs = nowNs;
    this.socketCounters = socketCounters;
    this.warningsNow = warnings;
  }

  /** Runs by another configuration from now on, or refuses and has changed nothing. */
  async apply({ config: { spec, isMarkAuto }, renamed }: ApplyRequest): Promise<ApplyAnswer> {
    const { markMask } = this.engine.spec.nfqueue;
    const nfqueue = isMarkAuto ? { ...spec.nfqueue, markMask } : spec.nfqueue;
    try {
      this.applySpec({ spec: { ...spec, nfqueue }, renamed });
      return { ok: true, generation: this.generation };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { ok: false, code: 'restart', where: '', message: error.message, hint: '' };
    }
  }

  /**
   * Shapes by another specification from now on. Call it from the event loop of the packet thread, where it
   * runs between two batches. Throws RangeError, and has changed nothing then, if sockets or rules would have
   * to change.
   */
  applySpec({ spec, renamed }: Edited): void {
    const found = this.devices.find(namedDevices(spec));
    const deviceIndexes = new Map<string, number>();
    for (const [device, index] of found) if (index !== null) deviceIndexes.set(device, index);
    this.engine.reconfigure(this.port, { spec, renamed, deviceIndexes }, this.nowNs());
    this.devices.follow(found);
    this.changes++;
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
    }));
  }

  get warnings(): readonly string[] {
    return this.warningsNow();
  }

  eachClasses(): EachClass[] {
    return eachClasses(this.engine.stages.each, this.engine.classes);
  }

  get flows(): FlowSource {
    return this.engine.flows;
  }

  get stats(): Stats {
    return this.engine.stats;
  }
}
