/** `shaper status`: prints the counters of a running instance. */

import { EXIT_FINE } from '../base/errors.ts';
import { call } from '../client/client.ts';
import type { StatusReport } from '../control/status.ts';
import { statusTable } from '../control/status-table.ts';
import type { ConfOptions } from './conf-file.ts';
import { readSocketPath } from './read-config.ts';
import type { Terminal } from './terminal.ts';

export interface StatusOptions extends ConfOptions {
  readonly json?: boolean;
}

export async function status(options: StatusOptions, terminal: Terminal): Promise<number> {
  const report = await call<StatusReport>(readSocketPath(options, terminal), 'GET', '/v1/status');
  terminal.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : statusTable(report, terminal.columns));
  return EXIT_FINE;
}
