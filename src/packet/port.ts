import type { Batch } from './batch.ts';

/**
 * The seam between a world that carries packets and the core that decides about them. Live: io/nfqueue.ts
 * over the addon. Virtual: sim/sim-port.ts. The core calls these three and nothing else of the world.
 */
export interface Port {
  readonly batch: Batch;
  /** Copied packet bytes; `arrivals.slabOffset` points into it. Valid until the next drain. */
  readonly slab: Uint8Array;
  /** Rows of batch.failures filled by the last drain. */
  readonly failureRows: number;
  /** Reads what waits, at most ARRIVAL_ROWS packets, into batch.arrivals. Returns the rows; never blocks. */
  drain(): number;
  /** Gives the verdicts in rows [0, count) of batch.verdicts, in order. */
  send(count: number): void;
  /** Asks to be woken at `dueNs` (same clock as runBatch's nowNs); Infinity: only by packets. */
  arm(dueNs: number): void;
}
