/** The class that paces a flow, and the share that it gives to each active connection. */
import { NONE } from '../../base/none.ts';
import type { ClassInfo } from '../../core/classes/classes.ts';
import type { KnownClasses } from './classes.ts';
import type { Evidence, Watched } from './evidence.ts';

export interface Pacing {
  readonly owner: ClassInfo;
  readonly leaf: ClassInfo;
  readonly connections: number;
  readonly shareBytesPerSec: number;
}

/** Parts of its share between which a connection is bounded by it. One that is not paced may send more. */
const USED_MIN = 0.7;
const USED_MAX = 1.25;
/** A small share passes in pairs of segments, of which any may fall into the time of the watch. */
const BURST_BYTES = 3000;

/** null unless a class paces the flow and the flow uses up its share. */
export function pacedBy(
  { before, now }: Watched,
  leaves: readonly ClassInfo[],
  evidence: Evidence,
  known: KnownClasses,
): Pacing | null {
  if (!now.isTcp) return null;
  const sentBytes = now.sentBytes - before.sentBytes;
  if (sentBytes <= 0) return null;
  for (const leaf of leaves) {
    const owner = known.wayUp(leaf).find(({ spec }) => spec.pace !== null);
    const pacing = owner === undefined ? null : pacingOf(owner, leaf, evidence);
    if (pacing === null) continue;
    const shareBytes = pacing.shareBytesPerSec * evidence.flowSeconds;
    const [least, most] = [USED_MIN * shareBytes - BURST_BYTES, USED_MAX * shareBytes + BURST_BYTES];
    if (sentBytes >= least && sentBytes <= most) return pacing;
  }
  return null;
}

/** null while no connection of the class is active. */
function pacingOf(owner: ClassInfo, leaf: ClassInfo, { now: { classes, stats } }: Evidence): Pacing | null {
  const row = classes.findIndex(({ path }) => path === owner.path);
  if (row === NONE || stats.shareBytesPerSec[row]! <= 0) return null;
  const connections = stats.pacedConnections[row]!;
  return { owner, leaf, connections, shareBytesPerSec: stats.shareBytesPerSec[row]! };
}

/** What pacing did to the ACKs of the class while the flow was watched. */
export function ackCounts({ path }: ClassInfo, { before, now }: Evidence): { cut: number; held: number } {
  const row = now.classes.findIndex((label) => label.path === path);
  const added = (name: 'windowsRewritten' | 'acksHeld'): number =>
    row === NONE ? 0 : now.stats[name][row]! - before.stats[name][row]!;
  return { cut: added('windowsRewritten'), held: added('acksHeld') };
}
