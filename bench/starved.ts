/**
 * A program without a processor can neither hold nor release packets. So a measurement during which the
 * shaper waited long for a processor may be repeated, and the attempt with the least waiting counts.
 */
import { readFileSync } from 'node:fs';

/** Share of the time without a processor from which on a measurement is repeated. */
const STARVED = 0.05;

/**
 * Nanoseconds for which the process's main thread waited for a processor (proc(5), schedstat). NaN if
 * unknown.
 */
function waitedNs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Number.NaN; // no CONFIG_SCHED_INFO
    throw error;
  }
}

/**
 * Runs `measure` and returns the share of time in which process `pid` was ready to run without a processor.
 */
export async function watchStarving<T>(
  pid: number,
  measure: () => Promise<T>,
): Promise<{ value: T; starvedRatio: number }> {
  const [beganMs, waitedBeforeNs] = [performance.now(), waitedNs(pid)];
  const value = await measure();
  const starvedNs = waitedNs(pid) - waitedBeforeNs;
  return { value, starvedRatio: starvedNs / ((performance.now() - beganMs) * 1e6) };
}

/** The attempt that starved least of at most `attemptsMax`; the first one that hardly did ends them. */
export async function leastStarved<T extends { readonly starvedRatio: number }>(
  attemptsMax: number,
  attempt: () => Promise<T>,
): Promise<{ best: T; attempts: number }> {
  let best = await attempt();
  let attempts = 1;
  for (; best.starvedRatio > STARVED && attempts < attemptsMax; attempts++) {
    const next = await attempt();
    if (next.starvedRatio < best.starvedRatio) best = next;
  }
  return { best, attempts };
}
