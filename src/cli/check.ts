/** `shaper check`: reports every problem of the file, or prints its meaning. */

import { EXIT_FINE } from '../base/errors.ts';
import { Accounts } from '../io/accounts.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import { readBridgeCalls } from '../io/proc/ports.ts';
import { prepareModules } from '../module-files/prepare.ts';
import { fileDoubts } from './check-files.ts';
import { portDoubts } from './check-ports.ts';
import { classTree } from './class-tree.ts';
import { hostSummary } from './host-summary.ts';
import { moduleSummary } from './module-summary.ts';
import { readConfigAloud } from './read-config.ts';
import type { Terminal } from './terminal.ts';

export async function check(file: string, terminal: Terminal): Promise<number> {
  const devices = readDeviceGraph();
  const accounts = new Accounts();
  const config = readConfigAloud(file, terminal, devices, accounts);
  const modules = await prepareModules(config, file, accounts);
  const { spec } = config;
  const doubts = devices === null ? [] : portDoubts(spec, devices, readBridgeCalls());
  for (const doubt of [...doubts, ...fileDoubts(spec)]) terminal.err(`${file}: warning: ${doubt}\n`);
  terminal.out(`${file}: ok\n${classTree(spec)}${hostSummary(config)}${moduleSummary(modules)}`);
  return EXIT_FINE;
}
