/**
 * The live guard of modules: native/modules/guard.h says what it watches. What a module does in promises runs
 * outside of it.
 */
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { type Addon, loadAddon } from '../nfqueue/addon.ts';

/** What a module may take at once. */
export const RUN_LIMIT_US = 100_000;
/** So much later a run may end. */
const LOOK_US = 20_000;

export interface LiveGuard extends ModuleGuard {
  /** Ends the thread that watches. Nothing runs under the guard afterwards. */
  close(): void;
}

/** Watches over the calling thread, by a thread of its own that wakes fifty times a second, until close(). */
export function startGuard(limitUs = RUN_LIMIT_US, lookUs = LOOK_US, addon: Addon = loadAddon()): LiveGuard {
  return new addon.NativeGuard(limitUs, lookUs);
}
