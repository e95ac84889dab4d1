/** `shaper status`: prints the counters of a running instance. */

import { EXIT_FINE } from '../base/errors.ts';
import { INSTANCE } from '../config/fields/defaults.ts';
import { request } from '../control/client.ts';
import type { StatusReport } from '../control/status.ts';
import { statusTable } from '../control/status-table.ts';
import { readConfigAloud } from './read-config.ts';
import type { Terminal } from './terminal.ts';

export interface StatusOptions {
  readonly json?: boolean;
  readonly conf?: string | undefined;
  readonly socket?: string;
}

export async function status(options: StatusOptions, terminal: Terminal): Promise<number> {
  const { conf, socket } = options;
  const configured = conf === undefined ? INSTANCE.socketPath : readConfigAloud(conf, terminal).socketPath;
  const reply = await request(socket ?? configured, { command: 'status' });
  const report = reply.status as StatusReport;
  terminal.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : statusTable(report));
  return EXIT_FINE;
}
