/** How the rules of an ejected module go. */
import { refusalOf } from './refusals.ts';

/** They are asked to go so often, and so much later each. */
const TRIES = 5;
const PAUSE_MS = 500;

/** Applies the list without the module. Resolves with what kept the rules from going; null: nothing. */
export async function withdrawRules(
  apply: () => Promise<void>,
  isStopping: () => boolean,
): Promise<string | null> {
  for (let tries = 1; ; tries++) {
    const refusal = await apply().then(
      () => null,
      (error: unknown) => refusalOf(error, isStopping()).message,
    );
    if (refusal === null || isStopping()) return null;
    if (tries === TRIES) return refusal;
    // While the module kept this thread, the watchdog has taken the rules, which come back now.
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
  }
}
