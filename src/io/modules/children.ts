/**
 * Children that the program had before it started anew (native/modules/restart.h). Node does not know them.
 */
import { type Addon, loadAddon } from '../nfqueue/addon.ts';

/** Whether this child has gone. Takes what is left of it. */
export function reapChild(pid: number, addon: Addon = loadAddon()): boolean {
  return addon.reapChild(pid);
}

/** SIGKILL. */
export function endChild(pid: number, addon: Addon = loadAddon()): void {
  addon.endChild(pid);
}
