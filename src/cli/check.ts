/** `shaper check`: reports every problem of the file, or prints its meaning. */

import { EXIT_FINE } from '../base/errors.ts';
import { ConfigError, type LoadedConfig } from '../config/config.ts';
import { Accounts } from '../io/accounts.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import { readBridgeCalls } from '../io/proc/ports.ts';
import { kernelRuleFault } from '../io/rules/index.ts';
import { moduleProblems, type PrepareOptions, prepareModules } from '../module-files/prepare.ts';
import { fileDoubts } from './check-files.ts';
import { portDoubts } from './check-ports.ts';
import { classTree } from './class-tree.ts';
import { hostSummary } from './host-summary.ts';
import { moduleSummary } from './module-summary.ts';
import { readConfigAloud } from './read-config.ts';
import type { Terminal } from './terminal.ts';

/** Modules are loaded, but create() of none is called: what it does is for packets that are there. */
export async function check(file: string, terminal: Terminal): Promise<number> {
  const devices = readDeviceGraph();
  const options = { accounts: new Accounts(), ruleFault: kernelRuleFault };
  const read = (): LoadedConfig => readConfigAloud(file, terminal, devices, options.accounts);
  const config = await readWithModules(read, file, options);
  const modules = await prepareModules(config, file, options);
  const { spec } = config;
  const doubts = devices === null ? [] : portDoubts(spec, devices, readBridgeCalls());
  for (const doubt of [...doubts, ...fileDoubts(spec)]) terminal.err(`${file}: warning: ${doubt}\n`);
  terminal.out(`${file}: ok\n${classTree(spec)}${hostSummary(config)}${moduleSummary(modules)}`);
  return EXIT_FINE;
}

/** An error of the configuration has problems of its modules as well. */
async function readWithModules(
  read: () => LoadedConfig,
  file: string,
  options: PrepareOptions,
): Promise<LoadedConfig> {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError) || error.found === null) throw error;
    const all = [...error.problems, ...(await moduleProblems(error.found, file, options))];
    throw new ConfigError(all.sort((a, b) => a.line - b.line || a.column - b.column));
  }
}
