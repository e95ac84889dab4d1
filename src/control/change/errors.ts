/** Errors of the configuration as answers to a client. */
import { OperatingError } from '../../base/errors.ts';
import { ConfigError } from '../../config/config.ts';
import { ConfigEditError, type EditErrorCode } from '../../config/edit/document.ts';
import { ApiError, type ApiStatus } from '../api-error.ts';

const STATUS: Readonly<Record<EditErrorCode, ApiStatus>> = {
  'no-such-class': 404,
  exists: 409,
  refused: 400,
  invalid: 400,
};

/** Does it, and throws ApiError in the place of an error that a user can do something about. */
export function asApiError<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof ConfigEditError) {
      const message = error.problems.map((problem) => problem.message).join('\n');
      throw new ApiError(STATUS[error.code], error.code, message, error.where, error.hint);
    }
    if (error instanceof ConfigError) {
      const { file, line, column } = error.problems[0]!;
      throw new ApiError(400, 'invalid', error.message, `${file}:${line}:${column}`);
    }
    if (error instanceof OperatingError) throw new ApiError(400, 'unreadable', error.message, '', error.hint);
    throw error;
  }
}
