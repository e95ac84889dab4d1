import { readFileSync } from 'node:fs';
import { type LoadedConfig, loadConfig } from '../control/config.ts';
import { isSystemError } from '../control/system-error.ts';
import { CliError, EXIT_USAGE } from './errors.ts';

/** Throws CliError when the file cannot be read, ConfigError when it cannot be used. */
export function readConfig(file: string): LoadedConfig {
  return loadConfig(readText(file), file);
}

function readText(file: string): string {
  return readBytes(file).toString('utf8');
}

/** Throws CliError when the file cannot be read. */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const reasons: Record<string, string> = {
      ENOENT: 'no such file',
      EACCES: 'not ours to read',
      EISDIR: 'a folder, not a file',
      ERR_FS_FILE_TOO_LARGE: 'larger than 2 GiB',
    };
    const code = isSystemError(error) ? error.code : String(error);
    throw new CliError(EXIT_USAGE, `cannot read ${file}: ${reasons[code] ?? code}`);
  }
}
