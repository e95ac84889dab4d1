/**
 * How often the tests that repeat themselves do so. Property tests do a quarter of their runs and experiments
 * use the first seed only. RUNS=full does all runs of every property test, SEEDS=all uses all seeds of every
 * experiment: `RUNS=full SEEDS=all npm test` before a release. RUNS=1000 asks for a thousand runs of each
 * property test, to look for a rare failure.
 */
const { RUNS: wantedRuns = '', SEEDS: wantedSeeds = '' } = process.env;

const RUNS_MIN = 10;

/** How many of the `full` runs of a property test to do. */
export function runs(full: number): number {
  if (wantedRuns === 'full') return full;
  return Number(wantedRuns) || Math.min(full, Math.max(RUNS_MIN, Math.ceil(full / 4)));
}

/** How many of the `full` rounds of a story on real packets to do: `few`, but all before a release. */
export function rounds(few: number, full: number): number {
  return wantedRuns === 'full' ? full : few;
}

/** The seeds of an experiment to use. */
export function seeds(all: readonly number[]): readonly number[] {
  return wantedSeeds === 'all' ? all : all.slice(0, 1);
}
