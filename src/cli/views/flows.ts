/** `shaper flows`: prints the flows that use the line now. */
import { EXIT_FINE } from '../../base/errors.ts';
import { call } from '../../client/client.ts';
import type { FlowsReport } from '../../control/views/flows-view.ts';
import type { ConfOptions } from '../conf-file.ts';
import { withQuery } from '../query.ts';
import { readSocketPath } from '../read-config.ts';
import type { Terminal } from '../terminal.ts';
import { flowsTable } from './flows-table.ts';

export interface FlowsOptions extends ConfOptions {
  readonly json?: boolean;
  readonly class?: string;
  readonly host?: string;
  readonly sort?: string;
  readonly limit?: string;
}

/** As many as a screen shows. */
const LINES_SHOWN = '20';

export async function flows(options: FlowsOptions, terminal: Terminal): Promise<number> {
  const { json, class: path, host, sort } = options;
  const limit = options.limit ?? (json ? undefined : LINES_SHOWN);
  const url = withQuery('/v1/flows', { class: path, host, sort, limit });
  const report = await call<FlowsReport>(readSocketPath(options, terminal), 'GET', url);
  terminal.out(json ? `${JSON.stringify(report, null, 2)}\n` : flowsTable(report, terminal.columns));
  return EXIT_FINE;
}
