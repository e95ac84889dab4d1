/** Inside hosts and their history, as they are written in a configuration. */
import { DEFAULT_HOSTS, type HistorySpec, type HostsSpec } from '../../spec/hosts.ts';
import { HISTORY as DEFAULTS } from '../fields/defaults.ts';
import { macOrAddress } from '../fields/host-names.ts';
import { SECTIONS } from '../fields/sections.ts';
import { type Block, type Detail, writeSection } from './block.ts';

export function writeHosts({ lan, identify, names, leases, reverseDns }: HostsSpec, detail: Detail): Block {
  const named = Object.fromEntries(names.map((one) => [one.name, macOrAddress.write(one)]));
  return writeSection(
    SECTIONS.hosts,
    {
      lan: lan ?? undefined,
      identify,
      names: names.length > 0 ? named : undefined,
      leases: leases.length > 0 ? leases : undefined,
      reverseDns,
    },
    { identify: DEFAULT_HOSTS.identify, reverseDns: DEFAULT_HOSTS.reverseDns },
    detail,
  );
}

export function writeHistory({ file, flushNs: flush, keep }: HistorySpec, detail: Detail): Block {
  const defaults = { file: DEFAULTS.file, flush: DEFAULTS.flushNs, keep: DEFAULTS.keep };
  return writeSection(SECTIONS.history, { file, flush, keep }, defaults, detail);
}
