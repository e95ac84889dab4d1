/**
 * The live loop. Packets and time wake it alike, and a wake-up handles a bounded number of batches, so that
 * the event loop gets its turn (signals, snapshots for the control thread) under any load. Packets that are
 * left wake it again at once.
 * ARCHITECTURE.md says what a wake-up costs.
 */
import type { Engine } from '../../core/engine.ts';
import { TOTAL } from '../../core/packets/stats.ts';
import { ARRIVAL_ROWS, BATCHES_PER_WAKEUP_MAX } from '../../limits.ts';
import type { Courtesy } from './courtesy.ts';
import type { NfqueuePort } from './nfqueue.ts';

/** Finds packets that the kernel has discarded (live/lost-watch.ts). */
export interface LostPacketsWatch {
  /** Packets wait. */
  watch(): void;
  /** The kernel has refused verdicts, because it had discarded the packets. */
  look(): void;
}

/**
 * Handles packets from now on. `courtesy` is for a thread that asked for promptness.
 */
export function startReactor(
  port: NfqueuePort,
  engine: Engine,
  courtesy?: Courtesy,
  lost?: LostPacketsWatch,
): void {
  port.onReady(() => {
    const nowNs = port.visitNs;
    const { totals } = engine.stats;
    const lostBefore = totals[TOTAL.lostPackets];
    courtesy?.look(nowNs, totals[TOTAL.receivedPackets]!, totals[TOTAL.receivedBytes]!);
    let rows = engine.runBatch(port, nowNs);
    for (let batch = 1; rows === ARRIVAL_ROWS && batch < BATCHES_PER_WAKEUP_MAX; batch++) {
      rows = engine.runBatch(port, port.nowNs());
    }
    const after = engine.stats.totals;
    if (after[TOTAL.heldPackets]! > 0) lost?.watch();
    if (after[TOTAL.lostPackets] !== lostBefore) lost?.look();
  });
  // Timers of modules run before the first packet comes, if one ever does.
  port.arm(port.nowNs());
}

/** Accepts every packet that is held or waits unread. Call it when the rules match nothing any more. */
export function finishReactor(port: NfqueuePort, engine: Engine): void {
  engine.releaseAll(port, port.nowNs());
}
