/**
 * Rate scaling: the quantum of a flow and CoDel's target and interval for the rate of the class they work in.
 *
 * Reference: net/sched/sch_cake.c, cake_set_rate(); RFC 8289, section 4.4 (the target must not be below a
 * packet's time).
 *
 * Model. On a slow link one packet takes longer than the usual target. So the target follows the time of one
 * and a half MTUs, and the interval grows by as much. A slow link serves flows in smaller portions, a fast
 * one in packets:
 *
 *     target   = max(1.5 * mtu / rate, wanted)
 *     interval = max(rtt + target - wanted, 2 * target)
 *     quantum  = rate / 4096, within 300 .. mtu
 *
 * | parameter       | unit         | range | default                                                |
 * |-----------------|--------------|-------|--------------------------------------------------------|
 * | rateBytesPerSec | bytes/second | > 0   | the class's ceil; Infinity: not limited                |
 * | mtuBytes        | bytes        | > 0   | 1514 in CAKE: with the Ethernet header                 |
 * | wantedNs        | ns           | > 0   | 5 ms, the target wanted                                |
 * | rttNs           | ns           | > 0   | 100 ms, the interval at rates that need no adaptation  |
 *
 * Worked example: 1 Mbit/s, MTU 1514: 12.112 ms a packet, target 18.168 ms, interval 113.168 ms, quantum 300
 * (30 wanted).
 *
 * Invariants (test/unit/algo/buckets/rate-scaling):
 *  1. A higher rate never has a longer target or interval, nor a smaller quantum.
 *  2. The interval is at least twice the target.
 *
 * Departures: none. Cost: computed when a rate changes, never for a packet.
 */

const NS_PER_SEC = 1e9;
const QUANTUM_BYTES_MIN = 300;
const QUANTA_PER_SEC = 4096;

/** CoDel's target at this rate. */
export function scaledTargetNs(rateBytesPerSec: number, mtuBytes: number, wantedNs: number): number {
  return Math.max((1.5 * mtuBytes * NS_PER_SEC) / rateBytesPerSec, wantedNs);
}

/**
 * CoDel's interval for a target, scaled or chosen. It grows by the amount by which the target exceeds
 * `wantedNs`.
 */
export function intervalForTargetNs(targetNs: number, wantedNs: number, rttNs: number): number {
  return Math.max(rttNs, rttNs + targetNs - wantedNs, 2 * targetNs);
}

/** Bytes a flow may send in its turn. */
export function flowQuantumBytes(rateBytesPerSec: number, mtuBytes: number): number {
  return Math.min(mtuBytes, Math.max(QUANTUM_BYTES_MIN, Math.floor(rateBytesPerSec / QUANTA_PER_SEC)));
}
