/**
 * The receiver of waiting packets during a change of classes (reconfigure.ts). A table in which packets wait
 * settles each of them once, and hands over the packets that cannot stay where they wait.
 */
export interface Mover {
  /** Books packet `h` to the leaf to which it belongs now. Returns that leaf. */
  settle(h: number): number;
  /**
   * Takes over packet `h`, which was settled. It waited in old leaf `leafBefore` for an `each` bucket of old
   * class `bucketClass`, or for the ceilings if that is NONE.
   */
  move(h: number, leafBefore: number, bucketClass: number): void;
}
