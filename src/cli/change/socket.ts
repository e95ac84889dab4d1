/** The instance that a command changes or asks. */
import { INSTANCE } from '../../config/fields/defaults.ts';
import { type ConfOptions, socketConf } from '../conf-file.ts';
import { readConfig } from '../read-config.ts';

export interface ChangeOptions extends ConfOptions {
  readonly json?: boolean;
}

/** Its control socket: the one that is named, that of the file behind --conf, or that of the default file. */
export function socketOf(options: ConfOptions): string {
  if (options.socket !== undefined) return options.socket;
  const conf = socketConf(options.conf, options);
  return conf === undefined ? INSTANCE.socketPath : readConfig(conf).socketPath;
}

/** The path of a class in that of a request. */
export function classUrl(path: string): string {
  return `/v1/classes/${path.split('/').map(encodeURIComponent).join('/')}`;
}
