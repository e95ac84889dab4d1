/** `shaper run`: shapes until a signal ends it. */
import { resolve } from 'node:path';
import { loadConfig } from '../config/config.ts';
import { Accounts } from '../io/accounts.ts';
import { readConfigText } from '../io/config-text.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import { runInstance } from '../live/instance.ts';
import type { Terminal } from './terminal.ts';

/** Resolves with the exit code. */
export function run(file: string, terminal: Terminal): Promise<number> {
  const { isInteractive, exitNow } = terminal;
  const source = { text: readConfigText(file), file: resolve(file) };
  const config = loadConfig(source.text, file, readDeviceGraph(), new Accounts());
  return runInstance(config, { source, isInteractive, exitNow });
}
