/**
 * How often the tests that repeat themselves do so. `npm test` sets RUNS=full: all runs of every property
 * test, all seeds of every experiment. Without it, as in `npm run test:fast`, property tests do a quarter of
 * their runs and experiments use the first seed only. RUNS=1000 asks for a thousand runs of each property
 * test, to look for a rare failure.
 */
const wanted = process.env.RUNS ?? '';
const isFull = wanted === 'full';

const RUNS_MIN = 10;

/** How many of the `full` runs of a property test to do. */
export function runs(full: number): number {
  if (isFull) return full;
  return Number(wanted) || Math.min(full, Math.max(RUNS_MIN, Math.ceil(full / 4)));
}

/** The seeds of an experiment to use. */
export function seeds(all: readonly number[]): readonly number[] {
  return isFull ? all : all.slice(0, 1);
}
