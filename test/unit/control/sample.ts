/** A snapshot with something in every counter, for the tests of status. */
import { HISTOGRAM_BINS, histogramBin } from '../../../src/base/histogram.ts';
import { NONE } from '../../../src/base/none.ts';
import { Samples } from '../../../src/control/samples.ts';
import type { ClassLabel, Snapshot } from '../../../src/control/snapshot.ts';
import { type StatusReport, type StatusSubject, statusReport } from '../../../src/control/status.ts';
import type { EachClass } from '../../../src/core/each/fullest.ts';
import { createStats, type Stats, TOTAL, withChildren } from '../../../src/core/packets/stats.ts';

export const SUBJECT: StatusSubject = {
  version: '1.2.3',
  pid: 77,
  backend: 'nft',
};
const CLASSES: readonly ClassLabel[] = [
  { path: 'wan/up', rateBytesPerSec: 2_500_000, ceilBytesPerSec: 2_500_000, isPaced: false, parent: NONE },
  { path: 'wan/up/bulk', rateBytesPerSec: 0, ceilBytesPerSec: 1_250_000, isPaced: true, parent: 0 },
  { path: 'wan/up/default', rateBytesPerSec: 0, ceilBytesPerSec: 2_500_000, isPaced: false, parent: 0 },
  { path: 'wan/down', rateBytesPerSec: 125, ceilBytesPerSec: 125, isPaced: false, parent: NONE },
];
export const NO_DROPS = { queueFull: 0, socketFull: 0 };

export function sample(): Stats {
  const stats = createStats(4);
  const { totals } = stats;
  totals[TOTAL.receivedPackets] = 100;
  totals[TOTAL.receivedBytes] = 100_000;
  totals[TOTAL.acceptedPackets] = 80;
  totals[TOTAL.acceptedBytes] = 80_000;
  totals[TOTAL.droppedPackets] = 15;
  totals[TOTAL.droppedBytes] = 15_000;
  totals[TOTAL.heldPackets] = 3;
  totals[TOTAL.heldBytes] = 3000;
  totals[TOTAL.lostPackets] = 2;
  stats.sentPackets.set([1, 20, 30, 7]);
  stats.sentBytes.set([10, 2000, 3000, 700]);
  stats.backlogPackets.set([0, 1, 2, 0]);
  stats.backlogBytes.set([0, 100, 200, 0]);
  stats.dropTail.set([0, 1, 2, 0]);
  stats.dropEarly.set([0, 3, 0, 0]);
  stats.dropPolice.set([4, 5, 0, 0]);
  stats.dropAqm.set([0, 0, 6, 0]);
  stats.marked.set([0, 0, 1, 0]);
  stats.pacedConnections.set([0, 4, 0, 0]);
  stats.shareBytesPerSec.set([0, 312_500, 0, 0]);
  stats.windowsRewritten.set([0, 1500, 0, 0]);
  stats.acksHeld.set([0, 70, 0, 0]);
  stats.flows.set([0, 2, 3, 1]);
  stats.delay[1 * HISTOGRAM_BINS + histogramBin(10)] = 99;
  stats.delay[2 * HISTOGRAM_BINS + histogramBin(1000)] = 1;
  stats.lateness[histogramBin(50)] = 5;
  return stats;
}

/** A snapshot of `stats` as the control thread reads it. Ceilings that nobody has moved are as configured. */
export function snapshotOf(stats = sample(), more: Partial<Snapshot> = {}): Snapshot {
  const shown = withChildren(stats, CLASSES);
  for (const [c, { ceilBytesPerSec }] of (more.classes ?? CLASSES).entries())
    if (shown.ceilBytesPerSec[c] === 0) shown.ceilBytesPerSec[c] = ceilBytesPerSec;
  const socket = { truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 };
  return {
    generation: 0,
    classes: CLASSES,
    classChanges: 0,
    takenNs: 1.5e9,
    nfqueues: { open: [], closedDrops: { queueFull: 0, socketFull: 0 } },
    socket,
    warnings: [],
    stats: shown,
    ...more,
  };
}

/** The report of a snapshot before which nothing was sampled, or of one after `samples`. */
export function reportOf(
  snapshot = snapshotOf(),
  samples = new Samples(),
  drops = NO_DROPS,
  eachClasses: readonly EachClass[] = [],
): StatusReport {
  return statusReport(snapshot, eachClasses, { samples, scheduled: new Map(), warnings: [] }, SUBJECT, drops);
}
