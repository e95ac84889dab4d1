/**
 * Packets that the kernel discarded while we held them: a device went down, or somebody deleted a base chain.
 *
 *   told by "no such packet"   the verdict has left: counts and charges are taken back (takeBack)
 *   found by the kernel's      the packet still waits: it takes nothing more and leaves at once (letGo); its
 *   list of its NFQUEUEs       verdict then brings "no such packet"
 *
 * A packet that is let go has a verdict all the same. So if the kernel did have it, it passes too early, and
 * nothing is left behind in the kernel.
 */
import { NONE } from '../base/none.ts';
import type { Lasting, Stages } from './stages.ts';

/** Takes back what was counted and charged for the packets of a refused verdict. */
export function takeBack({ each, trees, waits }: Stages, lasting: Lasting, tag: number, nowNs: number): void {
  const { ledger, log } = lasting;
  for (let t = tag; t !== NONE; t = log.previous(t)) {
    const leaf = log.leaf(t);
    ledger.lost(log.lengthBytes(t), log.isAccepted(t), leaf, log.leafBefore(t));
    const lender = log.lender(t);
    // Of a packet that crossed two links only the second is given back: it made the packet wait last.
    if (leaf === NONE || lender === NONE) continue;
    const bytes = log.chargeBytes(t);
    const takenNs = log.chargedNs(t);
    trees.giveBack(leaf, lender, bytes, takenNs, nowNs);
    // The packet left its buckets before that instant. What they gained in between comes back too: at most
    // its own tokens, and never more than a burst.
    for (let c = waits.from[leaf]; c !== NONE; c = waits.above[c])
      each.giveBack(c, log.flow(t), bytes, takenNs, nowNs);
  }
}

/** Which waiting packets are meant. */
export interface LostPackets {
  readonly nfqueue: number;
  /** At most so many, the oldest. */
  readonly most: number;
  /** Only packets that came or leave by a device with one of these interface indexes; null: any. */
  readonly ifIndexes: ReadonlySet<number> | null;
}

/**
 * Makes waiting packets leave at once: nothing is charged for them any more. Returns how many. The caller
 * releases due packets afterwards.
 */
export function letGo(stages: Stages, lasting: Lasting, { nfqueue, most, ifIndexes }: LostPackets): number {
  const { held, queues, intake, flows } = lasting;
  const { trees, each, rootOf, classes } = stages;
  const devices = new Set([...(ifIndexes ?? [])].map((ifIndex) => intake.deviceOf(ifIndex)));
  const isLeafOf = (leaf: number): boolean => leaf !== NONE && devices.has(classes[rootOf[leaf]].link.device);
  const isOf = (h: number, indexes: ReadonlySet<number>): boolean => {
    const f = held.flow[h];
    const isFlowOf = f !== NONE && (indexes.has(flows.ifIndexIn(f)) || indexes.has(flows.ifIndexOut(f)));
    return isFlowOf || isLeafOf(held.leaf[h]) || isLeafOf(held.nextLeaf[h]) || isLeafOf(held.leafBefore[h]);
  };
  const waiting = held
    .rowsInUse()
    .filter((h) => held.nfqueue(h) === nfqueue && (ifIndexes === null || isOf(h, ifIndexes)));
  // Ids are 32 bits and begin again at 0, so only differences say which is older.
  waiting.sort((a, b) => (held.packetId[a] - held.packetId[b]) | 0);
  const lost = waiting.slice(0, most);
  for (const h of lost) {
    held.chargeBytes[h] = 0;
    held.nextLeaf[h] = NONE;
  }
  for (const leaf of new Set(lost.map((h) => held.leaf[h]))) if (!queues.isEmpty(leaf)) trees.cheapened(leaf);
  each.cheapenedAll();
  return lost.length;
}
