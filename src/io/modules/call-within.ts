/** Calls code of users on this thread, and ends it from outside if it does not return. */
import { Script } from 'node:vm';

/** The call has not returned in time. No `finally` of it ran. */
export class LateError extends Error {
  override readonly name = 'LateError';
}

/** Where the script finds what it is to call, under a name that nobody else has. */
const CALL = Symbol.for('nfqueue-shaper.call-within');
const SCRIPT = new Script(`globalThis[Symbol.for('nfqueue-shaper.call-within')]()`);

/**
 * Returns what `call` returns, and throws what it throws. It may take `limitMs` of real time, and not call
 * this function itself. @throws LateError
 */
export function callWithin<T>(limitMs: number, call: () => T): T {
  const globals = globalThis as { [CALL]?: () => T };
  globals[CALL] = call;
  try {
    return SCRIPT.runInThisContext({ timeout: limitMs }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new LateError(`it has not returned after ${limitMs} ms`);
  } finally {
    delete globals[CALL];
  }
}
