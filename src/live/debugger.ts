/**
 * Keeps Node's debugger shut. Whoever connects to it runs code as this process, and any local user can
 * connect to its port.
 */
import inspector from 'node:inspector';

/** Closes a debugger that NODE_OPTIONS or --inspect has opened. Returns whether one was open. */
export function closeDebugger(): boolean {
  if (inspector.url() === undefined) return false;
  inspector.close();
  return true;
}
