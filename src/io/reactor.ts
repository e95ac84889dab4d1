/**
 * The live loop: one wake-up for packets and time, a bounded number of batches per wake-up, so that the event loop gets its turn
 * (signals, snapshots for the control thread) however hard packets press. Bounded work left over wakes us again at once.
 */
import type { Engine } from '../core/engine.ts';
import { ARRIVAL_ROWS, BATCHES_PER_WAKEUP_MAX } from '../limits.ts';
import type { NfqueuePort } from './nfqueue.ts';

/** Answers packets from now on. */
export function startReactor(port: NfqueuePort, engine: Engine): void {
  port.onReady(() => {
    for (let batch = 0; batch < BATCHES_PER_WAKEUP_MAX; batch++) {
      if (engine.runBatch(port, port.nowNs()) < ARRIVAL_ROWS) return;
    }
  });
}

/** Accepts everything held and everything that still waits unread; call when the rules match nothing any more. */
export function finishReactor(port: NfqueuePort, engine: Engine): void {
  engine.releaseAll(port, port.nowNs());
}
