/**
 * The live loop: one wake-up for packets and time, a bounded number of batches per wake-up, so that the event loop gets
 * its turn (signals, snapshots for the control thread) however hard packets press. Bounded work left over wakes us
 * again at once.
 *
 * A wake-up for a single packet costs about 25 us of processor time, a C loop that sleeps in recvmmsg 14 (5,000 packets
 * a second, cold caches): 3 for the event loop, which polls twice because Node measures its idle time, 2 for entering
 * JavaScript, 4 to decide. At 20,000 a second and more, packets wait for us and both cost the same. Tried without
 * measurable gain: asking the socket again before going back to the loop (20,000 and 80,000 a second), calling back
 * without Node's callback scope. Waiting inside the callback saves 2, and every other event would have to be looked for.
 */
import type { Engine } from '../../core/engine.ts';
import { TOTAL } from '../../core/packets/stats.ts';
import { ARRIVAL_ROWS, BATCHES_PER_WAKEUP_MAX } from '../../limits.ts';
import type { Courtesy } from './courtesy.ts';
import type { NfqueuePort } from './nfqueue.ts';

/** Answers packets from now on; `courtesy` is for a thread that asked for promptness. */
export function startReactor(port: NfqueuePort, engine: Engine, courtesy?: Courtesy): void {
  port.onReady(() => {
    const nowNs = port.nowNs();
    const { totals } = engine.stats;
    courtesy?.look(nowNs, totals[TOTAL.receivedPackets]!, totals[TOTAL.receivedBytes]!);
    let rows = engine.runBatch(port, nowNs);
    for (let batch = 1; rows === ARRIVAL_ROWS && batch < BATCHES_PER_WAKEUP_MAX; batch++) {
      rows = engine.runBatch(port, port.nowNs());
    }
  });
}

/** Accepts everything held and everything that still waits unread; call when the rules match nothing any more. */
export function finishReactor(port: NfqueuePort, engine: Engine): void {
  engine.releaseAll(port, port.nowNs());
}
