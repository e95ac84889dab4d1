/**
 * `shaper rules`: prints the rules that `run` would install here and now, on a kernel that supports all of
 * them. It needs no privileges. Without them it cannot see the rules of other programs, and says so.
 */

import { EXIT_FINE } from '../base/errors.ts';
import type { LoadedConfig } from '../config/config.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import {
  type Backend,
  chooseMarkMask,
  type Neighbours,
  NO_NEIGHBOURS,
  pageRulesOf,
  RulesError,
  readNeighbours,
  renderRules,
  restoresBits,
} from '../io/rules/index.ts';
import { prepareModules, specsOfEnabled } from '../module-files/prepare.ts';
import { bridgeOf, type DeviceGraph, standsOnBridge } from '../spec/device-graph.ts';
import { matchedMarkBits } from '../spec/mark-choice.ts';
import { ALL_ABILITIES, type BridgePorts, planQueues } from '../spec/queue-plan.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import { dhcpNotes } from './dhcp-notes.ts';
import { readConfigAloud } from './read-config.ts';
import type { Terminal } from './terminal.ts';

/** Takes the back end of the option, else the configured one, else nft. */
export async function rules(
  options: { conf: string; backend?: Backend | undefined },
  terminal: Terminal,
): Promise<number> {
  const config = readConfigAloud(options.conf, terminal);
  const backend = options.backend ?? backendOf(config);
  const neighbours = await readNeighboursAloud(config, terminal);
  const modules = await prepareModules(config, options.conf, { accounts: null });
  const spec = {
    ...config.spec,
    modules: specsOfEnabled(modules),
    nfqueue: { ...config.spec.nfqueue, markMask: maskOf(config, neighbours) },
  };
  const { nfqueue } = spec;
  const abilities = { ...ALL_ABILITIES, connectionMarks: !restoresBits(neighbours, nfqueue.markMask) };
  const graph = readDeviceGraph() ?? new Map();
  const ports = portsIn(graph, spec);
  const surroundings = { readByOthers: neighbours.readNfqueues, sharesChains: backend === 'iptables', ports };
  const plan = planQueues(spec, abilities, surroundings);
  const sparesSwitched = spec.links.some(({ device }) => standsOnBridge(graph, device));
  const page = pageRulesOf(spec);
  const { isTracked } = neighbours;
  const request = { plan, nfqueue, sparesSwitched, isTracked, ...(page === undefined ? {} : { page }) };
  terminal.out(renderRules(request, backend));
  terminal.out(
    dhcpNotes(spec.quotas)
      .map((line) => `# ${line}\n`)
      .join(''),
  );
  return EXIT_FINE;
}

function portsIn(graph: DeviceGraph, { links }: ShaperSpec): BridgePorts {
  const found = links.map(({ device }): [string, string | null] => [device, bridgeOf(graph, device)]);
  return new Map(found.filter((pair): pair is [string, string] => pair[1] !== null));
}

function backendOf({ spec }: LoadedConfig): Backend {
  return spec.nfqueue.backend === 'auto' ? 'nft' : spec.nfqueue.backend;
}

/** Of an instance with the same numbers that runs, else the mask that `run` would choose. */
function maskOf({ spec, isMarkAuto }: LoadedConfig, neighbours: Neighbours): number {
  const { links, modules, nfqueue } = spec;
  if (!isMarkAuto) return nfqueue.markMask;
  const running = neighbours.masks.get(nfqueue.first);
  return (
    running ?? chooseMarkMask(nfqueue.first, matchedMarkBits(links, modules), neighbours) ?? nfqueue.markMask
  );
}

async function readNeighboursAloud({ spec }: LoadedConfig, terminal: Terminal): Promise<Neighbours> {
  try {
    return await readNeighbours(spec.links.map(({ device }) => device));
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    terminal.err(`note: the rules of other programs are not known here (${error.message})\n`);
    return NO_NEIGHBOURS;
  }
}
