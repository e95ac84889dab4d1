/**
 * Faults of modules in a simulated run: code that does not return, and errors that nobody catches, in timers
 * and sockets of Node and in promises. The run ends with such an error, as its numbers would be wrong.
 */
import { setImmediate } from 'node:timers/promises';
import { EXIT_FAILED, OperatingError } from '../../base/errors.ts';
import { thrownText } from '../../base/short-text.ts';
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { startGuard } from '../../io/modules/guard.ts';
import { firstPlaceOf } from '../../io/modules/traces.ts';
import { findAddon } from '../../io/nfqueue/addon.ts';
import { isOfProgram } from '../../live/modules/faults.ts';

/** A module by its label and file. */
export interface ModuleSource {
  readonly label: string;
  readonly source: string;
}

export interface RunGuard extends ModuleGuard {
  close(): void;
}

/**
 * Ends what does not return, as in a running instance. It tells no processor time: budgets would make two
 * runs of one seed differ. null: without the addon nothing can end code.
 */
export function startRunGuard(): RunGuard | null {
  if (findAddon() === undefined) return null;
  const owner = new Uint32Array(new ArrayBuffer(Uint32Array.BYTES_PER_ELEMENT));
  const guard = startGuard(owner.buffer as ArrayBuffer);
  // Nobody asks whose code runs: only the new start of an instance does.
  const noOwner = { owner, numberOf: () => 0 };
  return { run: (run) => guard.run(run), cpuNs: () => 0, ...noOwner, close: () => guard.close() };
}

/** Runs to the end. Rejects with OperatingError at an error of a module that nobody has caught. */
export async function withoutFaults<T>(modules: readonly ModuleSource[], run: () => Promise<T>): Promise<T> {
  if (modules.length === 0) return run();
  let onError: (error: unknown) => void = () => undefined;
  const fault = new Promise<never>((_, reject) => {
    onError = (error) => {
      const isOurs = firstPlaceOf(error) === null && isOfProgram(error);
      reject(isOurs ? error : faultOf(error, modules));
    };
  });
  process.on('uncaughtException', onError);
  try {
    const result = await Promise.race([run(), fault]);
    // What has failed by now is told in the next turn of the loop.
    await Promise.race([setImmediate(), fault]);
    return result;
  } finally {
    process.off('uncaughtException', onError);
  }
}

function faultOf(error: unknown, modules: readonly ModuleSource[]): OperatingError {
  const place = firstPlaceOf(error);
  const own = modules.filter(({ source }) => place?.startsWith(`${source}:`));
  const labels = (own.length > 0 ? own : modules).map(({ label }) => label).join(' or ');
  const where = place === null ? '' : ` (${place})`;
  const message = `module ${labels} threw outside of its functions: ${thrownText(error)}${where}`;
  return new OperatingError(EXIT_FAILED, message, 'catch what its promises and timers throw', error);
}
