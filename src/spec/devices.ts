/** The network devices that a specification names. */
import type { ClassSpec, ShaperSpec } from './spec.ts';

/** Devices of links in file order, then those of `iif` and `oif` matchers and of `hosts.lan`, each once. */
export function namedDevices({ links, hosts }: ShaperSpec): string[] {
  const matched = (node: ClassSpec | null): string[] => {
    if (node === null) return [];
    const own = (node.match ?? []).flatMap(({ iif = [], oif = [] }) => [...iif, ...oif]);
    return [...own, ...node.children.flatMap(matched)];
  };
  const inMatchers = links.flatMap(({ up, down }) => [...matched(up), ...matched(down)]);
  return [...new Set([...links.map(({ device }) => device), ...inMatchers, ...(hosts.lan ?? [])])];
}
