/**
 * Host isolation: flows share a link so that, first, each host gets its share, and then each flow its share
 * of the host's.
 *
 * Reference: net/sched/sch_cake.c, cake_hash(), cake_get_flow_quantum() and the counting of bulk flows;
 * tc-cake(8), "Flow isolation parameters" (the modes and what they mean); Høiland-Jørgensen, Täht, Morton,
 * "Piece of CAKE" (2018), section 3.3.
 *
 * Model. Flows take turns (deficit round robin). A turn is worth quantum / load, where load is how many flows
 * with a standing queue the flow's host has, so that a host's turns are worth one quantum together, however
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
 * | quantumBytes | bytes | > 0    | flowQuantumBytes() of algo/rate-scaling.ts       |
 *
 * Worked example: a host with 7 flows and a quantum of 1514: each turn is worth 216 2/7 bytes. In whole bytes
 * 216 would lose it 2 bytes a round to a host with one flow; the fraction stays in the deficit, a float64, so
 * nothing is lost.
 *
 * Invariant (test/vectors, test/sim/isolation.test.ts): long-run shares are those of the table, through the engine.
 *
 * Departures: CAKE rounds by a random number, we carry the fraction. Hosts are found by their addresses, not by
 * hashes: no two share a row. Cost: one division per turn.
 */

export type Isolation = 'flow' | 'host' | 'src' | 'dst' | 'dual-src' | 'dual-dst' | 'triple';

export interface IsolationRule {
  /** What a packet's queue is found by. */
  readonly byPorts: boolean;
  readonly bySource: boolean;
  readonly byDestination: boolean;
  /** Whose bulk flows make a turn smaller. */
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
 * What a quantum is divided by, at least 1: so many bulk flows, which outlasted their first turn, have the source and the
 * destination of a flow; 0 for an end that the rule does not ask for.
 */
export function turnLoad(ofSource: number, ofDestination: number): number {
  return Math.max(1, ofSource, ofDestination);
}
