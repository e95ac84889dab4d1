/** `shaper run`: shapes until a signal ends it. */
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import { runInstance } from '../live/instance.ts';
import { readConfig } from './read-config.ts';
import type { Terminal } from './terminal.ts';

/** Resolves with the exit code. */
export function run(file: string, terminal: Terminal): Promise<number> {
  const { isInteractive, exitNow } = terminal;
  return runInstance(readConfig(file, readDeviceGraph()), { file, isInteractive, exitNow });
}
