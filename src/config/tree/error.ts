/** Why a configuration cannot be edited as somebody asks. */
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';

/**
 * `no-such-class`: the path, or the class that should stand after, is not there. `exists`: a class has the
 * name already. `refused`: the edit is not possible, whatever the values. `invalid`: the configuration would
 * be wrong afterwards.
 */
export type EditErrorCode = 'no-such-class' | 'exists' | 'refused' | 'invalid';

export interface EditProblem {
  /** Path and key, as `wan/up/guests queue.limit`; empty if the whole is meant. */
  readonly where: string;
  readonly message: string;
}

export class ConfigEditError extends OperatingError {
  override readonly name = 'ConfigEditError';
  readonly code: EditErrorCode;
  /** Of the first problem. */
  readonly where: string;
  /** At least one. The message of the error is that of the first. */
  readonly problems: readonly EditProblem[];

  constructor(code: EditErrorCode, problems: readonly EditProblem[], hint = '') {
    const [{ where, message }] = problems as [EditProblem];
    const others = problems.length - 1;
    super(EXIT_USAGE, others > 0 ? `${message} (and ${others} more)` : message, hint);
    this.code = code;
    this.where = where;
    this.problems = problems;
  }
}

export function editError(code: EditErrorCode, where: string, message: string, hint = ''): ConfigEditError {
  return new ConfigEditError(code, [{ where, message }], hint);
}
