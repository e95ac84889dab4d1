/** How commands read their configuration. */
import { readFileSync } from 'node:fs';
import { EXIT_USAGE, OperatingError } from '../base/errors.ts';
import { reasonOf } from '../base/system-error.ts';
import { formatProblem, type LoadedConfig, loadConfig } from '../config/config.ts';
import type { Terminal } from './terminal.ts';

/** Throws OperatingError if the file cannot be read, ConfigError if it has errors. */
export function readConfig(file: string): LoadedConfig {
  return loadConfig(readText(file), file);
}

/** Reads a configuration and prints its warnings on stderr. */
export function readConfigAloud(file: string, terminal: Terminal): LoadedConfig {
  const config = readConfig(file);
  for (const { message, ...place } of config.warnings)
    terminal.err(`${formatProblem({ ...place, message: `warning: ${message}` })}\n`);
  return config;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = reasonOf(error, {
      ENOENT: 'no such file',
      EACCES: 'permission denied',
      ERR_FS_FILE_TOO_LARGE: 'larger than 2 GiB',
      ERR_STRING_TOO_LONG: 'larger than 512 MiB',
    });
    throw new OperatingError(EXIT_USAGE, `cannot read ${file}: ${reason}`);
  }
}
