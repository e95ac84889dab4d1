/** What the endpoints (TCP, sources) may ask of the world they live in. */
import type { PacketTable } from './packet-table.ts';

export const TIMER_SOURCE = 0;
export const TIMER_RETRANSMIT = 1;
export const TIMER_ACK = 2;
/** Timers per flow. */
export const TIMERS = 3;

export interface Wire {
  readonly nowNs: number;
  readonly packets: PacketTable;
  /** Sends packet `p` on its flow's way, forth or back as its kind says. The row is the world's from here on. */
  transmit(p: number): void;
  /** Calls the flow's endpoint at `atNs`, once; replaces what was set before. */
  setTimer(timer: number, flow: number, atNs: number): void;
}
