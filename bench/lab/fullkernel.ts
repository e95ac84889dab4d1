/**
 * Runs commands under a kernel with modules that this machine's kernel lacks. Needs a tool, called as `TOOL
 * -t SECONDS [-V] -- COMMAND…`, that boots a whole kernel over this machine's files, as root, and writes
 * nothing back. With -V its time follows the instructions executed, so that results hardly depend on the load
 * of the machine.
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

/** For the tool, which may install what it needs. */
const APT_CONFIG = join(ROOT, 'bench/lab/apt.conf');

export interface FullkernelOptions {
  /** Ends everything after this long in real time. */
  readonly seconds: number;
  readonly isVirtualTime?: boolean;
  /** Ahead of other programs: limits of time inside count the time of the machine. */
  readonly isFirst?: boolean;
}

/** The whole command line. Nearly no environment, as some variables make every start inside slower. */
export function underFullkernelCommand(
  tool: string,
  command: readonly string[],
  { seconds, isVirtualTime = false, isFirst = false }: FullkernelOptions,
): string[] {
  const options = ['-t', String(seconds), ...(isVirtualTime ? ['-V'] : [])];
  const nice = isFirst ? ['nice', '-n', '-10'] : [];
  const variables = [`PATH=${process.env.PATH}`, `APT_CONFIG=${APT_CONFIG}`];
  return ['env', '-i', ...variables, ...nice, tool, ...options, '--', ...command];
}
