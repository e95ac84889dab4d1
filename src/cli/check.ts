/** `shaper check`: reports every problem of the file, or prints its meaning. */

import { EXIT_FINE } from '../base/errors.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import { classTree } from './class-tree.ts';
import { readConfigAloud } from './read-config.ts';
import type { Terminal } from './terminal.ts';

export function check(file: string, terminal: Terminal): number {
  const { spec } = readConfigAloud(file, terminal, readDeviceGraph());
  terminal.out(`${file}: ok\n${classTree(spec)}`);
  return EXIT_FINE;
}
