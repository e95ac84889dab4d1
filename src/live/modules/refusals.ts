/** Why a change of modules was refused. */
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import type { ModuleAnswer } from '../../control/modules.ts';
import { ChangeRefusedError } from '../../spec/edit.ts';
import { ModuleError } from './entry.ts';

export type ModuleRefusal = Extract<ModuleAnswer, { ok: false }>;

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
