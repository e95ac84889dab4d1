/**
 * The columns that native code and TypeScript share: three tables in one ArrayBuffer. Every column is a
 * Uint32Array, so that the C++ mirror (native/columns.h) is an array of rows per column and nothing else.
 *
 * arrivals  rows [0, drain())      written by native, read by the core
 * verdicts  rows [0, send(count))  written by the core, read by native
 * failures  rows [0, failureRows)  written by native: verdicts that the kernel refused
 *
 * Each column has exactly one writer. The order of names below is the order in memory.
 */
import { ARRIVAL_ROWS, FAILURE_ROWS, VERDICT_ROWS } from '../limits.ts';

/** Netfilter hooks as NFQUEUE reports them (linux/netfilter.h, enum nf_inet_hooks). */
export const NF_INET_PRE_ROUTING = 0;
export const NF_INET_LOCAL_IN = 1;
export const NF_INET_FORWARD = 2;
export const NF_INET_LOCAL_OUT = 3;
export const NF_INET_POST_ROUTING = 4;

/** Verdicts (linux/netfilter.h). */
export const NF_DROP = 0;
export const NF_ACCEPT = 1;
export const NF_QUEUE = 3;
/** The chain that sent the packet here runs again. */
export const NF_REPEAT = 4;
/** Of NF_QUEUE: the packet passes if nobody reads the NFQUEUE that is named. */
export const NF_VERDICT_FLAG_QUEUE_BYPASS = 0x8000;
/** Bits above these are the number of NF_QUEUE. */
export const NF_VERDICT_QBITS = 16;
/**
 * Or-ed into `verdict`: it counts for every packet of the NFQUEUE up to and including this id
 * (NFQNL_MSG_VERDICT_BATCH).
 */
export const VERDICT_UP_TO = 0x100;
/** Or-ed into `verdict`: the `mark` column replaces the packet mark, which stays as it is otherwise. */
export const VERDICT_SET_MARK = 0x200;

/**
 * The verdict that accepts a local packet and does not route it again. After NF_ACCEPT the kernel routes a
 * packet of the output hook again if its mark, its addresses or its TOS have changed (nf_ip_reroute), and
 * forgets the device for which its socket asked (IP_PKTINFO). After NF_QUEUE it never does. The packet is
 * sent to an NFQUEUE that nobody reads, and bypass lets it pass at once to the next chain (nf_queue).
 */
export function acceptUnrouted(unreadNfqueue: number): number {
  return ((unreadNfqueue << NF_VERDICT_QBITS) | NF_VERDICT_FLAG_QUEUE_BYPASS | NF_QUEUE) >>> 0;
}

export const ARRIVAL_COLUMNS = [
  'packetId', // NFQA_PACKET_HDR packet_id, host order
  'nfqueue', // index of the NFQUEUE: its number minus the first number bound
  'hook', // NF_INET_*
  'ifIndexIn', // 0: none; in hooks of a bridge the port
  'ifIndexOut', // 0: none; in hooks of a bridge the port
  'lengthBytes', // true IP length (NFQA_CAP_LEN when the copy is shorter)
  'copiedBytes', // bytes present in the slab; the packet may be edited only if they equal lengthBytes
  'slabOffset', // where the copy starts in the slab
  'mark', // packet mark; 0 when the kernel sends none
  'macHigh', // source MAC, first two bytes, big-endian; 0 with macLow 0: none
  'macLow', // source MAC, last four bytes, big-endian
  'skbInfo', // NFQA_SKB_*: 1 checksum not ready, 2 GSO, 4 checksum not verified
  'portIn', // in hooks of IP: the port of a bridge by which br_netfilter saw it come; 0: none
  'portOut', // the same of the port by which the bridge switches it on; 0: not switched
] as const;

export const VERDICT_COLUMNS = [
  'packetId',
  'nfqueue', // index, as in arrivals
  'verdict', // NF_ACCEPT, NF_DROP, NF_REPEAT or acceptUnrouted(), with VERDICT_UP_TO and VERDICT_SET_MARK
  'mark',
  'tag', // comes back in failures.tag when the kernel refuses this verdict
  'payloadOffset', // into the slab: new bytes of the whole packet, from its IP header on
  'payloadBytes', // their number; 0: the packet stays as it is. Never with VERDICT_UP_TO
] as const;

export const FAILURE_COLUMNS = [
  'tag', // of the refused verdict
  'errorNumber', // positive errno; ENOENT 2: the kernel had dropped the packet
] as const;

type Columns<Names extends readonly string[]> = Readonly<Record<Names[number], Uint32Array>>;
export type Arrivals = Columns<typeof ARRIVAL_COLUMNS>;
export type Verdicts = Columns<typeof VERDICT_COLUMNS>;
export type Failures = Columns<typeof FAILURE_COLUMNS>;

export interface Batch {
  readonly buffer: ArrayBuffer;
  readonly arrivals: Arrivals;
  readonly verdicts: Verdicts;
  readonly failures: Failures;
}

/** Bytes of the whole column buffer; native code takes no other number. */
const BATCH_BYTES =
  4 *
  (ARRIVAL_COLUMNS.length * ARRIVAL_ROWS +
    VERDICT_COLUMNS.length * VERDICT_ROWS +
    FAILURE_COLUMNS.length * FAILURE_ROWS);

/** In memory of the caller if it gives some; it has BATCH_BYTES. */
export function createBatch(buffer: ArrayBuffer = new ArrayBuffer(BATCH_BYTES)): Batch {
  let offset = 0;
  const table = <Names extends readonly string[]>(names: Names, rows: number): Columns<Names> => {
    const columns: Record<string, Uint32Array> = {};
    for (const name of names) {
      columns[name] = new Uint32Array(buffer, offset, rows);
      offset += 4 * rows;
    }
    return columns as Columns<Names>;
  };
  const arrivals = table(ARRIVAL_COLUMNS, ARRIVAL_ROWS);
  const verdicts = table(VERDICT_COLUMNS, VERDICT_ROWS);
  const failures = table(FAILURE_COLUMNS, FAILURE_ROWS);
  return { buffer, arrivals, verdicts, failures };
}
