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
 * Invariants (test/property/host-isolation):
 *  1. A host's flows of equal standing have turns that add up to one quantum (dual-src, dual-dst).
 *  2. A host's count is the number of its flows that have joined and not left; it cannot fall below 0 (a
 *     broken invariant).
 *
 * Departures: CAKE rounds by a random number, we carry the fraction. Hosts are rows of the caller's table,
 * not hashes: no two share a row. Cost: one division per turn.
 */
import { invariant } from '../base/assert.ts';
import { NONE } from '../base/none.ts';

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

/** Bulk flows of each host, as source and as destination; rows are hosts. All zero is a fresh table. */
export interface HostLoads {
  readonly asSource: Uint32Array;
  readonly asDestination: Uint32Array;
}

export function createHostLoads(hosts: number): HostLoads {
  return { asSource: new Uint32Array(hosts), asDestination: new Uint32Array(hosts) };
}

/**
 * A flow has become a bulk flow: it outlasted its first turn. Hosts may be NONE where the rule does not ask
 * for them.
 */
export function bulkFlowJoined(loads: HostLoads, source: number, destination: number): void {
  if (source !== NONE) loads.asSource[source] += 1;
  if (destination !== NONE) loads.asDestination[destination] += 1;
}

/** The flow is no bulk flow any more: its queue ran dry. To be called once for each bulkFlowJoined(). */
export function bulkFlowLeft(loads: HostLoads, source: number, destination: number): void {
  if (source !== NONE) {
    invariant(loads.asSource[source] > 0, 'a flow left its source twice');
    loads.asSource[source] -= 1;
  }
  if (destination !== NONE) {
    invariant(loads.asDestination[destination] > 0, 'a flow left its destination twice');
    loads.asDestination[destination] -= 1;
  }
}

/** Bytes, with a fraction, to add to the flow's deficit for one turn. */
export function turnBytes(
  loads: HostLoads,
  isolation: IsolationRule,
  quantumBytes: number,
  source: number,
  destination: number,
): number {
  let load = 1;
  if (isolation.loadOfSource && loads.asSource[source] > load) load = loads.asSource[source];
  if (isolation.loadOfDestination && loads.asDestination[destination] > load) {
    load = loads.asDestination[destination];
  }
  return quantumBytes / load;
}
