/**
 * Counts the busy flow queues of each host of a leaf, so that hosts share equally, whatever the number of
 * their flows.
 *
 * Reference: CAKE's dual and triple isolation (net/sched/sch_cake.c: cake_inc_srchost_bulk_flow_count and
 * cake_get_flow_quantum). A flow queue counts for its hosts while it is in state BULK (fair.ts).
 */
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import type { FlowTable } from '../flows/flow-table.ts';

/** The class id of the leaf, side and family in one word, then four address words. */
const KEY_WORDS = 5;
export const SIDE_SRC = 1;
export const SIDE_DST = 2;
// Fields of a record; the hash slot is word 5.
/** Flow queues of the host. */
const QUEUES = 6;
/** Those of them in state BULK. */
const BULK = 7;
const FIELD_WORDS = 2;

export class HostLoads {
  private readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly flows: FlowTable;

  /** `rows`, a power of two, is the room for hosts of all leaves and both sides. */
  constructor(rows: number, key0: number, key1: number, flows: FlowTable) {
    this.keys = new KeyTable(rows, KEY_WORDS, FIELD_WORDS, key0, key1);
    this.words = this.keys.words;
    this.flows = flows;
  }

  /**
   * Counts one flow queue more for the host of flow `f` on this side, in the leaf with this class id. Returns
   * the host's row. NONE if there is no room: then each of the host's flow queues counts by itself.
   */
  join(id: number, f: number, side: number): number {
    const { keys, flows, words } = this;
    const { key } = keys;
    key[0] = (id << 8) | (side << 4) | (flows.isIpv6(f) ? 6 : 4);
    for (let w = 0; w < 4; w++) key[1 + w] = side === SIDE_SRC ? flows.srcWord(f, w) : flows.dstWord(f, w);
    const hash = keys.hash(KEY_WORDS);
    let host = keys.find(hash);
    if (host === NONE) {
      host = keys.insert(hash);
      if (host === NONE) return NONE;
      words[host + QUEUES] = 0;
      words[host + BULK] = 0;
    }
    words[host + QUEUES] += 1;
    return host;
  }

  /** Counts one flow queue less for the host, one that was not in state BULK. */
  leave(host: number): void {
    if (host === NONE) return;
    const at = host + QUEUES;
    this.words[at] -= 1;
    if (this.words[at] === 0) this.keys.remove(host);
  }

  /** Counts a flow queue that came into state BULK (+1) or left it (-1). */
  addBulk(host: number, change: number): void {
    this.words[host + BULK] += change;
  }

  bulk(host: number): number {
    return this.words[host + BULK];
  }
}
