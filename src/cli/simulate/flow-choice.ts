/** Chooses the flows that have a row of their own when there are too many for all. */

import { pairUp } from '../../charts/palette.ts';
import type { SimulatedFlow } from '../../sim/report/report.ts';
import type { RunView } from './run-view.ts';

/** One flow in every run; null where a run does not have it. */
export type FlowPair = readonly (SimulatedFlow | null)[];

export interface FlowChoice {
  readonly shown: readonly FlowPair[];
  readonly others: readonly FlowPair[];
}

/**
 * Takes all flows in their order if there are at most `rows`. Otherwise half of the rows go to the flows with
 * most throughput. The other half are spread evenly over the remaining flows, ordered by throughput, so that
 * small flows appear too.
 */
export function chooseFlows(runs: readonly RunView[], rows: number): FlowChoice {
  const pairs = pairUp(
    runs.map(({ report }) => report.flows),
    ({ name }) => name,
  );
  if (pairs.length <= rows) return { shown: pairs, others: [] };
  const throughput = (pair: FlowPair): number =>
    Math.max(...pair.map((flow) => flow?.throughputBitsPerSecond ?? 0));
  const ranked = pairs.toSorted((a, b) => throughput(b) - throughput(a));
  const largest = Math.ceil(rows / 2);
  const spread = rows - largest;
  const chosen = new Set<FlowPair>(ranked.slice(0, largest));
  for (let i = 1; i <= spread; i++)
    chosen.add(ranked[largest - 1 + Math.floor((i * (ranked.length - largest)) / spread)]);
  return {
    shown: ranked.filter((pair) => chosen.has(pair)),
    others: ranked.filter((pair) => !chosen.has(pair)),
  };
}
