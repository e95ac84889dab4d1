/** `shaper flows`: prints the flows that use the line now. */
import { EXIT_FINE, EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { call } from '../../control/client.ts';
import type { FlowsReport } from '../../control/views/flows-view.ts';
import type { ProgramsReport } from '../../control/views/programs-view.ts';
import type { ConfOptions } from '../conf-file.ts';
import { withQuery } from '../query.ts';
import { readSocketPath } from '../read-config.ts';
import type { Terminal } from '../terminal.ts';
import { flowsTable } from './flows-table.ts';
import { programsTable } from './programs-table.ts';

export interface FlowsOptions extends ConfOptions {
  readonly json?: boolean;
  readonly class?: string;
  readonly host?: string;
  readonly sort?: string;
  readonly limit?: string;
  readonly by?: string;
}

/** As many as a screen shows. */
const LINES_SHOWN = '20';

export async function flows(options: FlowsOptions, terminal: Terminal): Promise<number> {
  const { json, class: path, host, sort } = options;
  if (options.by === 'program') return programs(options, terminal);
  const limit = options.limit ?? (json ? undefined : LINES_SHOWN);
  const url = withQuery('/v1/flows', { class: path, host, sort, limit });
  const report = await call<FlowsReport>(readSocketPath(options, terminal), 'GET', url);
  terminal.out(json ? `${JSON.stringify(report, null, 2)}\n` : flowsTable(report, terminal.columns));
  return EXIT_FINE;
}

/** Programs instead of flows: filters of flows have no meaning for them. */
async function programs(options: FlowsOptions, terminal: Terminal): Promise<number> {
  const { json, limit } = options;
  const named = (['class', 'host', 'sort'] as const).filter((name) => options[name] !== undefined);
  if (named.length > 0)
    throw new OperatingError(EXIT_USAGE, `--by program cannot go with --${named.join(', --')}`);
  const url = withQuery('/v1/programs', { limit: limit ?? (json ? undefined : LINES_SHOWN) });
  const report = await call<ProgramsReport>(readSocketPath(options, terminal), 'GET', url);
  terminal.out(json ? `${JSON.stringify(report, null, 2)}\n` : programsTable(report, terminal.columns));
  return EXIT_FINE;
}
