/**
 * Host isolation: hosts share a link equally, whatever the number of their flows, and the flows of a host
 * share its part.
 *
 * Reference: net/sched/sch_cake.c, cake_hash(), cake_get_flow_quantum() and the counting of bulk flows;
 * tc-cake(8), "Flow isolation parameters" (the modes and what they mean); Høiland-Jørgensen, Täht, Morton,
 * "Piece of CAKE" (2018), section 3.3.
 *
 * Model. Hosts take turns of one quantum (deficit round robin), and in the turns of a host its flows do. So
 * the turns of a host are worth one quantum together, however many flows it opens:
 *
 *     mode       queues are           turns                       shares, h1 with 4 flows and h2 with 1
 *     flow       5-tuples             queues                      20 20 20 20    20
 *     src        source hosts         queues                      50             50
 *     dst        destination hosts    queues                      by destination
 *     host       pairs of hosts       queues                      by pair
 *     dual-src   5-tuples             sources, then queues        12.5 (four)    50
 *     dual-dst   5-tuples             destinations, then queues   as dual-src, for the destinations
 *     triple     5-tuples             inside hosts, then queues   fair to the end that has more flows
 *
 * Under triple the share of a flow is quantum / load, where load is the larger of the numbers of busy flows
 * at both its ends: those that have a standing queue. So a flow whose other end is busier than its host has
 * a smaller part of its host's turn, and the host is charged with more than the bytes that it sends.
 *
 * | parameter    | unit  | range  | default                                          |
 * |--------------|-------|--------|--------------------------------------------------|
 * | isolation    |       | above  | dual-src in `up`, dual-dst in `down`             |
 * | quantumBytes | bytes | > 0    | flowQuantumBytes() of algo/buckets/rate-scaling.ts    |
 *
 * Worked example (triple): a host with 2 busy flows, one of them to a server with 8. Loads are 2 and 8; the
 * parts of a turn are 1 and 1/4. The host is charged with 4 bytes for a byte to the server. It has a share R,
 * so its flows have R/2 and R/8, as if each were divided by its load.
 *
 * Invariants (test/vectors, test/sim/isolation.test.ts):
 *  1. Long-run shares, measured through the engine, are those of the table.
 *
 * Departures: CAKE has turns of flows only, whose quantum it divides by the load and rounds by a random
 * number; src/core/queues/fair.ts says why hosts have turns here. CAKE finds hosts by hashes; here each host
 * has a row of its own, found by its address. Cost: one division per turn under triple.
 */

/** A smaller part would cost too many visits for one packet. */
const SHARE_MIN = 1 / 32;

export type Isolation = 'flow' | 'host' | 'src' | 'dst' | 'dual-src' | 'dual-dst' | 'triple';

export interface IsolationRule {
  /** The parts of a packet's key that name its queue. */
  readonly byPorts: boolean;
  readonly bySource: boolean;
  readonly byDestination: boolean;
  /** The hosts that share; with both, the inside one does, and the loads of both ends count. */
  readonly loadOfSource: boolean;
  readonly loadOfDestination: boolean;
}

const rule = (
  queues: 'tuple' | 'pair' | 'src' | 'dst',
  load: 'none' | 'src' | 'dst' | 'both',
): IsolationRule =>
  Object.freeze({
    byPorts: queues === 'tuple',
    bySource: queues !== 'dst',
    byDestination: queues !== 'src',
    loadOfSource: load === 'src' || load === 'both',
    loadOfDestination: load === 'dst' || load === 'both',
  });

export const ISOLATION: Readonly<Record<Isolation, IsolationRule>> = Object.freeze({
  flow: rule('tuple', 'none'),
  host: rule('pair', 'none'),
  src: rule('src', 'none'),
  dst: rule('dst', 'none'),
  'dual-src': rule('tuple', 'src'),
  'dual-dst': rule('tuple', 'dst'),
  triple: rule('tuple', 'both'),
});

/**
 * The part of a quantum that a turn of a flow is worth among the flows of its host under `triple`. `ofHost`
 * and `ofOther` are the busy flows of both its ends. The host is charged with its bytes divided by this part.
 */
export function turnShare(ofHost: number, ofOther: number): number {
  return ofOther <= ofHost ? 1 : Math.max(SHARE_MIN, Math.max(1, ofHost) / ofOther);
}
