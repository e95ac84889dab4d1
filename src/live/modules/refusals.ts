/** What commands and the configuration are told when a module cannot be read or used. */
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import type { ModuleAnswer } from '../../control/modules.ts';
import { ChangeRefusedError } from '../../spec/edit.ts';
import type { ModuleUse } from '../../spec/modules.ts';
import { type ModuleEntry, ModuleError, type ReadModule } from './entry.ts';

export type ModuleRefusal = Extract<ModuleAnswer, { readonly ok: false }>;

/** What a client is told. Throws the error again if it is a fault of the program. */
export function refusalOf(error: unknown, isStopping: boolean): ModuleRefusal {
  if (isStopping) return { ok: false, code: 'stopping', message: 'the instance is stopping', hint: '' };
  if (error instanceof ModuleError)
    return { ok: false, code: error.code, message: error.message, hint: error.hint };
  if (error instanceof ChangeRefusedError)
    return { ok: false, code: 'failed', message: error.message, hint: error.hint };
  if (!(error instanceof OperatingError)) throw error;
  const code = error.exitCode === EXIT_USAGE ? 'invalid' : 'failed';
  return { ok: false, code, message: error.message, hint: error.hint };
}

/** Tells what is wrong with a module of the configuration by its line there. */
export function readAt(use: ModuleUse, read: () => Promise<ReadModule>): Promise<ReadModule> {
  const where = `modules, line ${use.line} of the configuration (${use.use})`;
  return withHint(read, `${where}: `, 'put the file right, or take it out of the configuration');
}

/** Tells what has become of a module whose file cannot be read again. */
export function readAgain(
  { label, state }: ModuleEntry,
  read: () => Promise<ReadModule>,
): Promise<ReadModule> {
  const now = state === 'on' ? `${label} goes on as it was` : `${label} stays ${state}`;
  return withHint(
    read,
    '',
    `${now}: put the file right and reload it again, or: shaper module unload ${label}`,
  );
}

async function withHint(read: () => Promise<ReadModule>, where: string, hint: string): Promise<ReadModule> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    const more = error.hint === '' ? hint : error.hint;
    if (error.exitCode === EXIT_USAGE) throw new ModuleError('invalid', `${where}${error.message}`, more);
    throw new OperatingError(error.exitCode, `${where}${error.message}`, more, error);
  }
}
