/** Why a request was not carried out, as the client is told. Handlers of commands throw it. */

/**
 * 400: the request is wrong. 404: it names something that is not there. 409: it contradicts something that
 * has changed meanwhile, or it comes at the wrong moment. 413: it is too long. 503: the instance cannot do it
 * now, because the machine refused or because it stops.
 */
export type ApiStatus = 400 | 404 | 405 | 409 | 413 | 503;

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: ApiStatus;
  /** A word for programs. */
  readonly code: string;
  /** What it is about: a class, a key, a place in a file. Empty if it is about all. */
  readonly where: string;
  /** What the user can do about it. Empty if the message says so. */
  readonly hint: string;

  constructor(status: ApiStatus, code: string, message: string, where = '', hint = '') {
    super(message);
    this.status = status;
    this.code = code;
    this.where = where;
    this.hint = hint;
  }
}
