/**
 * Trees that go while packets wait in them, or that move to another device (reconfigure.ts). Their packets
 * leave at once, without tokens, as at the orderly stop: a packet of a flow that came later must find them
 * gone, since it passes by the tree. Those with a second tree that stays go on there.
 *
 * No limit, policer or AQM of the second tree is asked. A change drops nothing, however much comes at once.
 */
import { NONE } from '../base/none.ts';
import { FLAG_CE, FLAG_MARKED } from './packets/held.ts';
import { chargeBytesOf } from './packets/wire-cost.ts';
import { type Lasting, type Stages, takeAll } from './stages.ts';

/**
 * Takes all packets out of the trees of these roots. Accepts those that have no tree before them. Returns the
 * others in their order, booked nowhere, with the old row of their next leaf: enterNext() takes them.
 */
export function leaveTrees(
  stages: Stages,
  { held, backlog, ledger, verdicts }: Lasting,
  roots: ReadonlySet<number>,
  nowNs: number,
): number[] {
  const going: number[] = [];
  if (roots.size === 0) return going;
  for (const h of takeAll(stages, roots)) {
    backlog.leave(h);
    stages.admission.departed(h, nowNs);
    ledger.sent(h, nowNs);
    if ((held.flags[h] & FLAG_CE) !== 0) held.flags[h] = (held.flags[h] & ~FLAG_CE) | FLAG_MARKED;
    if (stages.remarks.isUsed) stages.remarks.apply(h);
    const next = held.nextLeaf[h];
    if (next === NONE || roots.has(stages.rootOf[next])) {
      verdicts.accept(h);
      continue;
    }
    held.leafBefore[h] = held.leaf[h];
    held.leaveTree(h);
    held.leaf[h] = next;
    held.nextLeaf[h] = NONE;
    held.enter(h, nowNs, nowNs);
    going.push(h);
  }
  return going;
}

/** Packet `h` of leaveTrees() comes to its leaf, whose row it has now. */
export function enterNext(stages: Stages, { held, backlog, acks }: Lasting, h: number, nowNs: number): void {
  acks.forget(h);
  held.chargeBytes[h] = chargeBytesOf(stages.linkLayers, held, h);
  if (held.neverDrop(h)) stages.exemption.settle(h, nowNs);
  if (stages.meters.isUsed) stages.meters.measure(h, nowNs);
  backlog.enter(h);
}
