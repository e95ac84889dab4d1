/**
 * Who uses the line now: flows and inside hosts. The control thread looks at the memory of the flow table
 * every second, and when somebody asks, so nothing of this costs packets time.
 */

import { DOWN, UP } from '../../core/hosts/host-layout.ts';
import type { FlowName } from '../../core/inspect.ts';
import type { HostDirectory } from '../hosts/directory.ts';
import type { PacketThread } from '../packet-thread.ts';
import type { FlowPrograms } from '../programs/programs.ts';
import type { Snapshot } from '../snapshot.ts';
import { EngineClock } from './engine-clock.ts';
import { FlowSamples } from './flow-samples.ts';
import { type FlowQuery, type FlowsReport, FlowsView } from './flows-view.ts';
import { HostTable, type Side } from './hosts.ts';
import { type HostQuery, type HostSubject, type HostsReport, hostsReport } from './hosts-view.ts';
import { type ProgramQuery, type ProgramsReport, programsReport } from './programs-view.ts';
import type { WaitPercentiles } from './waits.ts';

export interface ViewsOptions {
  readonly packets: Pick<PacketThread, 'snapshot' | 'flows'>;
  readonly hosts: HostsLooker;
  readonly programs: FlowPrograms;
  /** A clock that runs as fast as that of the packets; it may begin anywhere. */
  readonly monotonicNs: () => number;
}

/** Who counts hosts (control/hosts/). */
export interface HostsLooker extends HostSubject {
  readonly directory: HostDirectory;
  /** Takes what was counted until now. */
  look(): void;
}

/** Samples in a row that may be left out because classes have changed since the snapshot. */
const SKIPPED_MAX = 2;
/** Classes change between two threads, so the list of them may be late a few times. */
const SNAPSHOTS_MAX = 3;

export class Views {
  private readonly packets: ViewsOptions['packets'];
  private readonly looker: HostsLooker;
  private readonly clock: EngineClock;
  private readonly hostTable = new HostTable();
  private readonly samples: FlowSamples;
  private readonly flowsView: FlowsView;
  private readonly programsOf: FlowPrograms;
  private snapshot: Snapshot | null = null;
  private sideOf: readonly Side[] = [];
  private skipped = 0;

  constructor({ packets, hosts, programs, monotonicNs }: ViewsOptions) {
    this.packets = packets;
    this.looker = hosts;
    this.clock = new EngineClock(monotonicNs);
    this.samples = new FlowSamples(packets.flows, this.hostTable, (address) =>
      hosts.directory.hostOfRow(address),
    );
    this.programsOf = programs;
    this.flowsView = new FlowsView(packets.flows, this.samples, programs);
  }

  /**
   * A second has passed, and this snapshot has just come. If classes have got other rows since, a flow might
   * be taken for one of the other direction, so the sample is left out.
   */
  sample(snapshot: Snapshot): void {
    this.heard(snapshot);
    const isLate = snapshot.classChanges !== this.packets.flows.classChanges;
    if (isLate && this.skipped++ < SKIPPED_MAX) return;
    this.skipped = 0;
    const nowNs = this.clock.nowNs();
    this.looker.look();
    this.samples.update(this.sideOf, nowNs, () => undefined);
    this.samples.sample(nowNs);
    this.hostTable.sample(this.looker.directory.entries, nowNs);
  }

  get hostCount(): number {
    return this.looker.directory.entries.size;
  }

  /** @throws ApiError */
  async flows(query: FlowQuery): Promise<FlowsReport> {
    await this.programsOf.refresh();
    const { classes, classChanges } = await this.knownClasses();
    const { sideOf } = this;
    return this.flowsView.report(query, { classes, sideOf, classChanges }, this.clock.nowNs());
  }

  /** How long packets of the flow waited in the last 10 to 15 s; null if none has, or if the flow is new. */
  readonly recentWaits = (flow: FlowName): WaitPercentiles | null => this.samples.recentWaits(flow);

  async programs(query: ProgramQuery): Promise<ProgramsReport> {
    await this.programsOf.refresh();
    await this.knownClasses();
    return programsReport(query, this.samples, this.programsOf, this.sideOf, this.clock.nowNs());
  }

  async hosts(query: HostQuery): Promise<HostsReport> {
    await this.knownClasses();
    const { looker, samples, hostTable, sideOf } = this;
    looker.look();
    return hostsReport(query, looker, samples, hostTable, sideOf, this.clock.nowNs());
  }

  /** The classes by whose rows the flow table names them now, if it keeps them long enough. */
  private async knownClasses(): Promise<Snapshot> {
    const { packets } = this;
    for (let n = 0; n < SNAPSHOTS_MAX; n++) {
      if (this.snapshot?.classChanges === packets.flows.classChanges) break;
      this.heard(await packets.snapshot());
    }
    return this.snapshot ?? packets.snapshot();
  }

  private heard(snapshot: Snapshot): void {
    this.clock.heard(snapshot.takenNs);
    if (snapshot.classes !== this.snapshot?.classes)
      this.sideOf = snapshot.classes.map(({ path }) => (path.split('/')[1] === 'down' ? DOWN : UP));
    this.snapshot = snapshot;
  }
}
