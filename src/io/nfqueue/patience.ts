/** Time limits for a process that may get no processor for a while. */

const STEPS = 10;

/**
 * Calls `act` once, `ms` from now. A process that stood still is first told what has happened meanwhile: its
 * standstill counts as a tenth of the time at most. The result calls it off.
 */
export function afterPatience(ms: number, act: () => void): () => void {
  let steps = 0;
  const timer = setInterval(() => {
    if (++steps < STEPS) return;
    clearInterval(timer);
    act();
  }, ms / STEPS);
  timer.unref();
  return () => clearInterval(timer);
}
