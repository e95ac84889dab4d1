/**
 * Host isolation: hosts share a link equally, whatever the number of their flows, and the flows of a host
 * share its part.
 *
 * Reference: net/sched/sch_cake.c, cake_hash(), cake_get_flow_quantum() and the counting of bulk flows;
 * tc-cake(8), "Flow isolation parameters" (the modes and what they mean); Høiland-Jørgensen, Täht, Morton,
 * "Piece of CAKE" (2018), section 3.3.
 *
 * Model. Flows take turns (deficit round robin). A turn is worth quantum / load, where load is the number of
 * the host's flows that have a standing queue. So the turns of a host are worth one quantum together, however
 * many flows it opens:
 *
 *     mode       queues are           load of a turn              shares, h1 with 4 flows and h2 with 1
 *     flow       5-tuples             1                           20 20 20 20    20
 *     src        source hosts         1                           50             50
 *     dst        destination hosts    1                           by destination
 *     host       pairs of hosts       1                           by pair
 *     dual-src   5-tuples             flows of its source         12.5 (four)    50
 *     dual-dst   5-tuples             flows of its destination    as dual-src, for the destinations
 *     triple     5-tuples             the larger of the two       fair to the end that has more flows
 *
 * | parameter    | unit  | range  | default                                          |
 * |--------------|-------|--------|--------------------------------------------------|
 * | isolation    |       | above  | dual-src in `up`, dual-dst in `down`             |
 * | quantumBytes | bytes | > 0    | flowQuantumBytes() of algo/buckets/rate-scaling.ts    |
 *
 * Worked example: a host with 7 flows and a quantum of 1514: each turn is worth 216 2/7 bytes. With whole
 * turns of 216 bytes it would lose 2 bytes a round to a host with one flow. The fraction stays in the
 * deficit, a float64, so nothing is lost.
 *
 * Invariants (test/vectors, test/sim/isolation.test.ts):
 *  1. Long-run shares, measured through the engine, are those of the table.
 *
 * Departures: CAKE rounds by a random number, we carry the fraction. CAKE finds hosts by hashes; here each
 * host has a row of its own, found by its address. Cost: one division per turn.
 */

export type Isolation = 'flow' | 'host' | 'src' | 'dst' | 'dual-src' | 'dual-dst' | 'triple';

export interface IsolationRule {
  /** The parts of a packet's key that name its queue. */
  readonly byPorts: boolean;
  readonly bySource: boolean;
  readonly byDestination: boolean;
  /** The hosts whose bulk flows divide a turn. */
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
 * Divisor of a quantum, at least 1. `ofSource` and `ofDestination` are the bulk flows (those that outlasted
 * their first turn) of a flow's source and destination, 0 for an end that the rule does not count.
 */
export function turnLoad(ofSource: number, ofDestination: number): number {
  return Math.max(1, ofSource, ofDestination);
}
