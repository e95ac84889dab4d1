/**
 * What the tables in which packets wait tell while classes change (reconfigure.ts): every packet is settled once, and those that
 * cannot stay where they wait are handed over.
 */
export interface Mover {
  /** Books packet `h` to the leaf to which it belongs now, and returns that. */
  settle(h: number): number;
  /**
   * Packet `h`, settled, has no place any more. It waited in old leaf `leafBefore` for an `each` bucket of old class `bucketClass`, or
   * (NONE) for the ceilings.
   */
  move(h: number, leafBefore: number, bucketClass: number): void;
}
