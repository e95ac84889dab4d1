/** How commands read their configuration. */
import { formatProblems, type LoadedConfig } from '../config/config.ts';
import { ConfigDocument } from '../config/edit/document.ts';
import { INSTANCE } from '../config/fields/defaults.ts';
import { readConfigText } from '../io/config-text.ts';
import type { AccountNames } from '../spec/accounts.ts';
import type { DeviceGraph } from '../spec/device-graph.ts';
import type { ConfOptions } from './conf-file.ts';
import type { Terminal } from './terminal.ts';

/**
 * Its warnings compare with `devices`, and names of users with `accounts`, unless these are null. Throws
 * OperatingError if the file cannot be read, ConfigError if it has errors.
 */
export function readConfig(
  file: string,
  devices: DeviceGraph | null = null,
  accounts: AccountNames | null = null,
): LoadedConfig {
  return ConfigDocument.parse(readConfigText(file), file).load(devices, { accounts });
}

/** Reads a configuration and prints its warnings on stderr. */
export function readConfigAloud(
  file: string,
  terminal: Terminal,
  devices: DeviceGraph | null = null,
  accounts: AccountNames | null = null,
): LoadedConfig {
  const config = readConfig(file, devices, accounts);
  const warnings = config.warnings.map(({ message, ...place }) => ({
    ...place,
    message: `warning: ${message}`,
  }));
  if (warnings.length > 0) terminal.err(`${formatProblems(warnings)}\n`);
  return config;
}

/** The control socket of the instance that a command asks: the one that is named, or that of the file. */
export function readSocketPath({ conf, socket }: ConfOptions, terminal: Terminal): string {
  if (socket !== undefined) return socket;
  return conf === undefined ? INSTANCE.socketPath : readConfigAloud(conf, terminal).socketPath;
}
