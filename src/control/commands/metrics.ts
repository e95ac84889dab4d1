/** The command `metrics`: the counters of the last sample, for Prometheus. It costs packets nothing. */

import type { KernelDrops } from '../../io/proc/nfqueues.ts';
import type { ControlEvent, Events, EventType } from '../events.ts';
import type { HostCounts } from '../hosts/reports.ts';
import type { Samples } from '../samples.ts';
import type { Snapshot } from '../snapshot.ts';
import { type StatusSubject, statusReport } from '../status.ts';
import { Highest, metricsText } from '../views/metrics.ts';

/** What was seen at the last sample. */
export interface Seen {
  readonly snapshot: Snapshot;
  readonly kernel: KernelDrops;
}

export interface MetricsOptions {
  readonly subject: StatusSubject;
  readonly samples: Samples;
  readonly events: Events;
  readonly seen: () => Promise<Seen>;
  readonly flows: () => number;
  readonly hosts: () => HostCounts;
  /** What is wrong now beside what the snapshot says, as sentences. */
  readonly warnings: () => readonly string[];
}

export function metricsCommand(options: MetricsOptions): () => Promise<string> {
  const { subject, samples, seen, flows, hosts, warnings } = options;
  const highest = new Highest();
  const events = countEvents(options.events);
  return async () => {
    const { snapshot, kernel } = await seen();
    const context = { samples, scheduled: new Map<string, object>(), warnings: warnings() };
    const report = statusReport(snapshot, [], context, subject, kernel);
    return metricsText(report, { events, flows: flows(), hosts: hosts() }, highest);
  };
}

/** By type, from now on. */
function countEvents(events: Events): ReadonlyMap<string, number> {
  const none: Record<EventType, number> = {
    ...{
      attachment: 0,
      change: 0,
      lease: 0,
      reload: 0,
      drops: 0,
      device: 0,
      quota: 0,
      module: 0,
      overload: 0,
      'pace-off': 0,
      spoof: 0,
    },
  };
  const counts = new Map(Object.entries(none));
  events.subscribe(({ type }: ControlEvent) => void counts.set(type, (counts.get(type) ?? 0) + 1));
  return counts;
}
