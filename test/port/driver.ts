/**
 * The virtual clock: steps from one event to the next, so that hours pass in moments and every run repeats.
 */
import type { Engine } from '../../src/core/engine.ts';
import type { SimPort } from './sim-port.ts';

/**
 * Runs the engine until `untilNs`: at every arrival, after a refused verdict, and whenever it asked to be
 * woken. Wake-ups fall on whole nanoseconds, as a timer's do, plus `timerLatenessNs`.
 */
export function runUntil(engine: Engine, port: SimPort, untilNs: number, timerLatenessNs = 0): void {
  for (;;) {
    const dueNs = Math.ceil(port.armedNs) + timerLatenessNs;
    // Refusals wait in the socket, as packets do.
    const readableNs = port.hasRefusals ? port.nowNs : port.nextArrivalNs();
    const nextNs = Math.max(port.nowNs, Math.min(readableNs, dueNs));
    if (nextNs > untilNs) break;
    port.nowNs = nextNs;
    engine.runBatch(port, nextNs);
  }
  port.nowNs = Math.max(port.nowNs, untilNs);
}
