import type { Batch } from './batch.ts';

/** Packets with the bytes that were copied of them. */
export interface PacketSource {
  readonly batch: Pick<Batch, 'arrivals'>;
  readonly slab: Uint8Array;
}

/**
 * The seam between a world that carries packets and the core that decides about them. The live world is
 * io/nfqueue/nfqueue.ts over the addon, the virtual one sim/world/world-port.ts. The core calls these three
 * functions and nothing else of the world.
 */
export interface Port extends PacketSource {
  readonly batch: Batch;
  /**
   * Copied packet bytes, at `arrivals.slabOffset` until the next drain; behind them the edit area. A verdict
   * may take the new bytes of its packet from anywhere in the slab.
   */
  readonly slab: Uint8Array;
  /**
   * Start of the edit area, which ends with the slab: only the core writes there, so bytes stay as written
   * until send(). It holds any packet, or nothing at all where the world takes no edited packets.
   */
  readonly editOffset: number;
  /** Rows of batch.failures filled by the last drain. */
  readonly failureRows: number;
  /**
   * Reads at most ARRIVAL_ROWS waiting packets into batch.arrivals. Returns the number of rows; never blocks.
   */
  drain(): number;
  /**
   * Gives the verdicts in rows [0, count) of batch.verdicts, in order. New bytes go out as they stand:
   * lengths and checksums are the caller's business.
   */
  send(count: number): void;
  /** Asks to be woken at `dueNs`, by the clock of runBatch's nowNs. Infinity: only packets wake. */
  arm(dueNs: number): void;
}
