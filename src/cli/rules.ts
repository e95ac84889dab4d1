/**
 * `shaper rules`: prints the rules that `run` would install. It needs no privileges. It asks the kernel only
 * which devices are bridges, so these are the rules for a kernel that supports all of them.
 */

import { EXIT_FINE } from '../base/errors.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import { type Backend, renderRules } from '../io/rules/index.ts';
import { standsOnBridge } from '../spec/device-graph.ts';
import { planQueues } from '../spec/queue-plan.ts';
import { readConfigAloud } from './read-config.ts';
import type { Terminal } from './terminal.ts';

/** Takes the back end of the option, else the configured one, else nft. */
export function rules(options: { conf: string; backend?: Backend | undefined }, terminal: Terminal): number {
  const { spec } = readConfigAloud(options.conf, terminal);
  const configured = spec.nfqueue.backend === 'auto' ? 'nft' : spec.nfqueue.backend;
  const graph = readDeviceGraph() ?? new Map();
  const sparesSwitched = spec.links.some(({ device }) => standsOnBridge(graph, device));
  const request = { plan: planQueues(spec), nfqueue: spec.nfqueue, sparesSwitched };
  terminal.out(renderRules(request, options.backend ?? configured));
  return EXIT_FINE;
}
