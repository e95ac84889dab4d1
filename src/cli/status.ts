/** `shaper status`: the counters of a running instance. */
import { request } from '../control/client.ts';
import { SOCKET_PATH } from '../control/fields-host.ts';
import type { StatusReport } from '../control/status.ts';
import { statusTable } from '../control/status-table.ts';
import { EXIT_FINE } from './errors.ts';
import { readConfig } from './read-config.ts';
import type { Terminal } from './terminal.ts';

export interface StatusOptions {
  readonly json?: boolean;
  readonly conf?: string;
  readonly socket?: string;
}

export async function status(options: StatusOptions, terminal: Terminal): Promise<number> {
  const configured = options.conf === undefined ? SOCKET_PATH : readConfig(options.conf).socketPath;
  const reply = await request(options.socket ?? configured, { command: 'status' });
  const report = reply.status as StatusReport;
  terminal.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : statusTable(report));
  return EXIT_FINE;
}
