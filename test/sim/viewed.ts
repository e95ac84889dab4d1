/** A world whose flows and hosts are looked at as the control thread does it, in virtual time. */
import type { Snapshot } from '../../src/control/snapshot.ts';
import { Views } from '../../src/control/views/views.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { snapshotOf } from '../unit/control/sample.ts';
import { SECOND, World } from './world.ts';

export class ViewedWorld extends World {
  readonly views: Views;
  nowNs = 0;

  constructor(spec: ShaperSpec) {
    super(spec);
    this.views = new Views({
      packets: { flows: this.flows, snapshot: async () => this.snapshot() },
      monotonicNs: () => this.nowNs,
      wallMs: () => this.nowNs / 1e6,
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
