/**
 * The words that records of flow queues and of hosts have in common. Turns, backlogs and victims
 * (fair-turns.ts, fair-victims.ts) work on both. The words before them belong to the keys.
 */
import { NONE } from '../../base/none.ts';

/** One of the states below, and in the bits above how many packets the record has sent. */
export const STATE = 11;
export const DEFICIT_BYTES = 12; // float64
/** First held packet of a flow queue. NONE if no packet waits, for a host as well. */
export const HEAD = 14;
/** The flow queue or host behind this one in its list. */
export const NEXT = 15;
// The second cache line.
export const BACKLOG_BYTES = 16;
/** Last held packet of a flow queue. */
export const TAIL = 17;
/** Of a host: the lists of its flow queues, LIST_WORDS words. */
export const LISTS = 17;
/** Of a host: the flow queue that was the longest when it last grew, NONE at first, and its bytes. */
export const GREW = 25;
export const GREW_BYTES = 30;
/** Of a flow queue: the host to which it belongs; NONE if the set has no hosts. */
export const HOST = 30;
/**
 * Of a flow queue: the host of its other end, whose busy flow queues count for its share too (`triple`).
 * NONE for other flow queues, and of a host.
 */
export const OTHER_HOST = 31;

// Words of the lists of a group: the flow queues of a host, or the members of a set (fair-turns.ts).
// The last member of a list stands behind the first.
export const KNOWN_FIRST = 0;
export const NEW_FIRST = 2;
export const OLD_FIRST = 4;
export const OLD_LAST = 5;
/** Bytes that wait in the members of the list of new ones. */
export const NEW_BYTES = 6;
/** Bytes by which sparse members are ahead of the old ones. */
export const LEAD_BYTES = 7;
export const LIST_WORDS = 8;

// States, as in CAKE, whose SPARSE is two here.
/** On no list: it may be forgotten. */
export const IDLE = 0;
/** On the list of the new ones: it has sent few packets ever, and its first quantum is not used up. */
export const NEW = 1;
/** On the list of the known ones: it was idle, and its first quantum is not used up. */
export const KNOWN = 2;
/** Among the old ones, with packets. */
export const BULK = 3;
/** Emptied, on its last round. */
export const DECAYING = 4;
const STATE_BITS = 3;
const STATE_MASK = (1 << STATE_BITS) - 1;
/** From so many packets on a record is known. */
const KNOWN_PACKETS = 16;

export function stateOf(words: Int32Array, m: number): number {
  return words[m + STATE] & STATE_MASK;
}

/** Whether the flow queue or host has sent enough packets not to be a new one. */
export function isKnown(words: Int32Array, m: number): boolean {
  return words[m + STATE] >> STATE_BITS >= KNOWN_PACKETS;
}

/** Whether it is a new one, or will be when it has a packet again. */
export function isNew(words: Int32Array, m: number): boolean {
  const state = stateOf(words, m);
  return state === NEW || (state === IDLE && !isKnown(words, m));
}

/** Whether it goes on with its turns when one more packet comes. */
export function keepsTurns(words: Int32Array, m: number): boolean {
  const state = stateOf(words, m);
  return state !== IDLE && state !== DECAYING;
}

/** Counts a packet that it has sent. */
export function countSent(words: Int32Array, m: number): void {
  if (!isKnown(words, m)) words[m + STATE] += 1 << STATE_BITS;
}

/** Bytes that wait in a flow queue, or in those of a host. */
export function backlogBytes(words: Int32Array, m: number): number {
  // Superpackets can be more than 2^31 bytes.
  return words[m + BACKLOG_BYTES] >>> 0;
}

/** Whether more than one packet waits in flow queue `q`. */
export function queueHasSeveral(words: Int32Array, q: number): boolean {
  return words[q + HEAD] !== NONE && words[q + HEAD] !== words[q + TAIL];
}

/** The same of a host: its HEAD is the number of its packets, less one (fair-hosts.ts). */
export function hostHasSeveral(words: Int32Array, host: number): boolean {
  return words[host + HEAD] > 0;
}

/** Makes the lists at `words[g]` empty. */
export function clearLists(words: Int32Array, g: number): void {
  for (let w = 0; w < LIST_WORDS; w++) words[g + w] = 0;
  words[g + KNOWN_FIRST] = NONE;
  words[g + NEW_FIRST] = NONE;
  words[g + OLD_FIRST] = NONE;
}
