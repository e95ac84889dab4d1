/** A world whose flows and hosts are looked at as the control thread does it, in virtual time. */
import { HostDirectory } from '../../src/control/hosts/directory.ts';
import { MemorySource } from '../../src/control/hosts/memory-source.ts';
import type { FlowPrograms } from '../../src/control/programs/programs.ts';
import type { Snapshot } from '../../src/control/snapshot.ts';
import { Views } from '../../src/control/views/views.ts';
import { HostReader } from '../../src/core/hosts/host-reader.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { snapshotOf } from '../unit/control/sample.ts';
import { SECOND, World } from './world.ts';

export class ViewedWorld extends World {
  readonly views: Views;
  nowNs = 0;
  /** Whose flows are; a test says it. */
  readonly programs: { -readonly [K in keyof FlowPrograms]: FlowPrograms[K] } = {
    refresh: async () => undefined,
    processOf: () => null,
  };

  constructor(spec: ShaperSpec) {
    super(spec);
    const directory = new HostDirectory({
      source: new MemorySource(new HostReader(this.engine.hosts.buffer), () => undefined),
      portName: (ifIndex) => `port ${ifIndex}`,
      namesOf: () => [],
      ...{ onBound: () => undefined, onMerged: () => undefined, onChanged: () => undefined },
      ...{ mayForget: () => true, onForgotten: () => undefined },
    });
    this.views = new Views({
      packets: { flows: this.flows, snapshot: async () => this.snapshot() },
      hosts: { directory, standingsOf: () => [], ports: () => [], look: () => this.look(directory) },
      programs: this.programs,
      monotonicNs: () => this.nowNs,
    });
    this.views.sample(this.snapshot());
  }

  /** Packets of several lists, in order of time. */
  injectAll(...lists: readonly (readonly SimArrival[])[]): void {
    this.inject(lists.flat().sort((a, b) => a.timeNs - b.timeNs));
  }

  /** Runs whole seconds, and looks at the end of each. */
  runSeconds(until: number): void {
    for (let second = this.nowNs / SECOND + 1; second <= until; second++) {
      this.nowNs = second * SECOND;
      this.run(this.nowNs);
      this.views.sample(this.snapshot());
    }
  }

  private look(directory: HostDirectory): void {
    directory.take(this.nowNs / 1e6, this.nowNs / 1e6, () => undefined);
    directory.lookAtAddresses();
  }

  snapshot(): Snapshot {
    const { engine, nowNs } = this;
    const classes = engine.classes.map(({ path, parent, spec }) => ({
      path,
      parent,
      rateBytesPerSec: spec.rateBytesPerSec,
      ceilBytesPerSec: spec.ceilBytesPerSec,
      isPaced: spec.pace !== null,
    }));
    return snapshotOf(engine.stats, { classes, classChanges: engine.flows.classChanges, takenNs: nowNs });
  }
}
