/** The configuration file of a command: an argument, an option, or the default. */
import { existsSync } from 'node:fs';
import { EXIT_USAGE, OperatingError } from '../base/errors.ts';

/** The file of commands that are given none. */
export const DEFAULT_CONF = '/etc/shaper/shaper.yaml';

const HINT = 'name one: shaper COMMAND FILE, or --conf FILE';

export interface ConfOptions {
  readonly conf?: string | undefined;
  readonly socket?: string;
}

/** The file that the command line names. undefined if it names none. */
export function namedConf(argument: string | undefined, { conf, socket }: ConfOptions): string | undefined {
  if (argument !== undefined && conf !== undefined)
    throw new OperatingError(EXIT_USAGE, `two configuration files: ${argument} and --conf ${conf}; name one`);
  if (argument !== undefined && socket !== undefined)
    throw new OperatingError(EXIT_USAGE, `the file ${argument} cannot be used with --socket; name one`);
  return argument ?? conf;
}

/** The file of a command that cannot do without one. */
export function requiredConf(named: string | undefined, standard: string = DEFAULT_CONF): string {
  if (named !== undefined || existsSync(standard)) return named ?? standard;
  throw new OperatingError(EXIT_USAGE, `no configuration file is named, and there is no ${standard}`, HINT);
}

/** The file of a command that only asks it for the control socket. undefined without a name and a default. */
export function socketConf(
  named: string | undefined,
  { socket }: ConfOptions,
  standard: string = DEFAULT_CONF,
): string | undefined {
  return named ?? (socket === undefined && existsSync(standard) ? standard : undefined);
}
