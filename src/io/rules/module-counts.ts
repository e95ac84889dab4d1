/** What kernel-run modules have had, by the counters in our table. */
import { HOOKS } from '../../spec/module-hooks.ts';
import { toolError } from './errors.ts';
import { kernelName, passedName } from './render-modules.ts';
import { tableName } from './render-nft.ts';
import { runTool } from './tool.ts';

/** At all hooks of a module together, since it was loaded. */
export interface KernelCounts {
  readonly packets: number;
  readonly dropped: number;
}

/**
 * By label. It starts a process, which takes milliseconds.
 * @throws RulesError if the table cannot be read
 */
export async function readKernelCounts(
  first: number,
  names: readonly string[],
): Promise<Map<string, KernelCounts>> {
  if (names.length === 0) return new Map();
  const { status, stdout, stderr } = await runTool('nft', [
    ...['-j', 'list', 'counters', 'table', 'inet', tableName(first)],
  ]);
  if (status !== 0) throw toolError('reading the counters of modules', stdout + stderr);
  return parseKernelCounts(stdout, names);
}

interface NftCounters {
  readonly nftables: readonly { readonly counter?: { readonly name: string; readonly packets: number } }[];
}

/** Reads the listing of the counters of a table. */
export function parseKernelCounts(json: string, names: readonly string[]): Map<string, KernelCounts> {
  const counters = (JSON.parse(json) as NftCounters).nftables.flatMap(({ counter }) => counter ?? []);
  const packets = new Map(counters.map((counter) => [counter.name, counter.packets]));
  const sum = (name: string, nameOf: typeof kernelName): number =>
    HOOKS.reduce((all, hook) => all + (packets.get(nameOf(hook, name)) ?? 0), 0);
  return new Map(
    names.map((name) => {
      const [came, passed] = [sum(name, kernelName), sum(name, passedName)];
      // A packet may have come and not passed yet.
      return [name, { packets: came, dropped: Math.max(0, came - passed) }];
    }),
  );
}
