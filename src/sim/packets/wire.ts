/** The part of the world that endpoints (TCP, sources) may use. */
import type { PacketTable } from './packet-table.ts';

export const TIMER_SOURCE = 0;
export const TIMER_RETRANSMIT = 1;
export const TIMER_ACK = 2;
/** The application of the receiver reads. */
export const TIMER_READ = 3;
/** Timers that every flow has. */
export const TIMERS = 4;

export interface Wire {
  readonly nowNs: number;
  readonly packets: PacketTable;
  /**
   * Sends packet `p`. Its kind says in which direction of its flow. From here on the row belongs to the
   * world.
   */
  transmit(p: number): void;
  /** Calls the flow's endpoint once, at `atNs`. Replaces an earlier instant of the same timer. */
  setTimer(timer: number, flow: number, atNs: number): void;
}
