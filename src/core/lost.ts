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
import type { Port } from '../packet/port.ts';
import type { Lasting, Stages } from './stages.ts';

/** Takes back what was counted and charged for the packets of the verdicts that the kernel refused. */
export function takeBack(stages: Stages, lasting: Lasting, port: Port, nowNs: number): void {
  const { tag } = port.batch.failures;
  for (let row = 0; row < port.failureRows; row++)
    for (let t = tag[row]; t !== NONE; t = lasting.log.previous(t)) takeBackOne(stages, lasting, t, nowNs);
}

function takeBackOne(
  { each, trees, waits }: Stages,
  { ledger, log, flows, limits }: Lasting,
  tag: number,
  nowNs: number,
): void {
  const leaf = log.leaf(tag);
  flows.hosts.lost(tag, log.lengthBytes(tag), log.isAccepted(tag));
  ledger.lost(log.lengthBytes(tag), log.isAccepted(tag), leaf, log.leafBefore(tag));
  if (log.isOfHost(tag)) limits.giveBack(log.flow(tag), log.lengthBytes(tag), log.chargedNs(tag), nowNs);
  const lender = log.lender(tag);
  // Of a packet that crossed two links only the second is given back: it made the packet wait last.
  if (leaf === NONE || lender === NONE) return;
  const bytes = log.chargeBytes(tag);
  const takenNs = log.chargedNs(tag);
  trees.giveBack(leaf, lender, bytes, takenNs, nowNs);
  // The packet left its buckets before that instant. What they gained in between comes back too: at most its
  // own tokens, and never more than a burst.
  for (let c = waits.from[leaf]; c !== NONE; c = waits.above[c])
    each.giveBack(c, log.flow(tag), bytes, takenNs, nowNs);
}

/** Which waiting packets are meant. */
export interface LostPackets {
  readonly nfqueue: number;
  /** So many are lost, the oldest; those let go before count as well. */
  readonly most: number;
  /** Only packets that came or leave by a device with one of these interface indexes; null: any. */
  readonly ifIndexes: ReadonlySet<number> | null;
}

/**
 * Makes waiting packets leave at once: nothing is charged for them any more. Returns how many. The caller
 * releases due packets afterwards.
 */
export function letGo(
  stages: Stages,
  lasting: Lasting,
  { nfqueue, most, ifIndexes }: LostPackets,
  nowNs: number,
): number {
  const { held, queues, intake, flows, limits, modules } = lasting;
  const { trees, each, rootOf, classes } = stages;
  const devices = new Set([...(ifIndexes ?? [])].map((ifIndex) => intake.deviceOf(ifIndex)));
  const heldByModules = modules.heldOf(ifIndexes ?? new Set());
  const isLeafOf = (leaf: number): boolean => leaf !== NONE && devices.has(classes[rootOf[leaf]].link.device);
  const isOf = (h: number, indexes: ReadonlySet<number>): boolean => {
    const f = held.flow[h];
    const isFlowOf = f !== NONE && (indexes.has(flows.ifIndexIn(f)) || indexes.has(flows.ifIndexOut(f)));
    return (
      isFlowOf ||
      heldByModules.has(h) ||
      isLeafOf(held.leaf[h]) ||
      isLeafOf(held.nextLeaf[h]) ||
      isLeafOf(held.leafBefore[h])
    );
  };
  const all = held.rowsInUse().filter((h) => held.nfqueue(h) === nfqueue);
  // Let go before, and still behind a packet that its bucket pays off.
  const going = all.filter((h) => held.chargeBytes[h] === 0).length;
  const waiting = all.filter((h) => held.chargeBytes[h] > 0 && (ifIndexes === null || isOf(h, ifIndexes)));
  // Ids are 32 bits and begin again at 0, so only differences say which is older.
  waiting.sort((a, b) => (held.packetId[a] - held.packetId[b]) | 0);
  const lost = waiting.slice(0, Math.max(0, most - going));
  for (const h of lost) {
    held.chargeBytes[h] = 0;
    held.nextLeaf[h] = NONE;
  }
  // They have come to no class, and come to none now.
  const limited = new Set(limits.waiting());
  const early = new Set(lost.filter((h) => limited.has(h)));
  for (const h of early) held.leaf[h] = NONE;
  limits.letGo(early, nowNs);
  for (const leaf of new Set(lost.map((h) => held.leaf[h])))
    if (leaf !== NONE && !queues.isEmpty(leaf)) trees.cheapened(leaf);
  each.cheapenedAll();
  return lost.length;
}
