/** `shaper hosts`: prints the inside hosts. */
import { EXIT_FINE } from '../../base/errors.ts';
import { call } from '../../client/client.ts';
import type { HostsReport } from '../../control/views/hosts-view.ts';
import type { ConfOptions } from '../conf-file.ts';
import { withQuery } from '../query.ts';
import { readSocketPath } from '../read-config.ts';
import type { Terminal } from '../terminal.ts';
import { hostsTable } from './hosts-table.ts';

export interface HostsOptions extends ConfOptions {
  readonly json?: boolean;
  readonly limit?: string;
}

export async function hosts(options: HostsOptions, terminal: Terminal): Promise<number> {
  const url = withQuery('/v1/hosts', { limit: options.limit });
  const report = await call<HostsReport>(readSocketPath(options, terminal), 'GET', url);
  terminal.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : hostsTable(report, terminal.columns));
  return EXIT_FINE;
}
