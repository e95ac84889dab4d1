/**
 * Who pays first when a leaf is full. Parties (hosts, flow queues, buckets, the new ones together) are
 * compared by the bytes that they hold. But whoever holds a single packet, the arriving one included, does
 * not pay while others hold more than one. Otherwise many parties with short packets would lock out a quiet
 * one with long packets, each of which is longer than all that a party of the flood holds.
 *
 *   a host with 1 packet of 1500 bytes               weighs less than
 *   a host with 6 packets of 100 bytes, 600 bytes    weighs less than
 *   a host with 2 packets of 1500 bytes
 */

/** More bytes than can wait. */
const SEVERAL = 2 ** 40;

export function payerWeight(bytes: number, isSeveral: boolean): number {
  return isSeveral ? SEVERAL + bytes : bytes;
}
