/**
 * Runs commands under a kernel that has what this machine's lacks, where a tool for that is at hand: a
 * program called as `TOOL -t SECONDS [-V] -- COMMAND…`, which boots a whole kernel over this machine's files,
 * as root, with nothing written back. With -V it counts time by instructions executed, so that results hardly
 * depend on what else the machine does.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NAME = 'fullkernel';
/** Its exit status when the fault is its own, and when the time is up. */
export const FULLKERNEL_FAILED = 125;
export const FULLKERNEL_LATE = 124;
export const FULLKERNEL_MISSING = `no ${NAME} tool: set SHAPER_FULLKERNEL to its path, or put it into PATH`;

/** SHAPER_FULLKERNEL, else the first in PATH, else beside the checkout; undefined where there is none. */
export function findFullkernel(): string | undefined {
  const { SHAPER_FULLKERNEL: named, PATH = '' } = process.env;
  if (named !== undefined) return existsSync(named) ? named : undefined;
  const folders = [...PATH.split(delimiter).filter(Boolean), join(ROOT, '../shared/tools')];
  return folders.map((folder) => join(folder, NAME)).find((path) => existsSync(path));
}

export interface FullkernelOptions {
  /** Ends everything after this long in real time. */
  readonly seconds: number;
  readonly isVirtualTime?: boolean;
}

/** The whole command line. Its environment is empty: what that names may cost time at every start inside. */
export function underFullkernelCommand(
  tool: string,
  command: readonly string[],
  { seconds, isVirtualTime = false }: FullkernelOptions,
): string[] {
  const options = ['-t', String(seconds), ...(isVirtualTime ? ['-V'] : [])];
  return ['env', '-i', `PATH=${process.env.PATH}`, tool, ...options, '--', ...command];
}
