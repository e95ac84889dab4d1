/** Asks a running instance over its control socket. */
import { type Agent, request } from 'node:http';
import { EXIT_FAILED, EXIT_IMPOSSIBLE, EXIT_USAGE, type ExitCode, OperatingError } from '../base/errors.ts';
import { reasonOf } from '../base/system-error.ts';

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/**
 * `absent`: nobody listens there. `denied`: we may not use the socket. `failed`: no answer, or none that a
 * shaper gives. `refused`: the request is wrong, and nothing has changed. `undone`: it could not be done.
 */
export type ClientErrorCode = 'absent' | 'denied' | 'failed' | 'refused' | 'undone';

const EXITS: Readonly<Record<ClientErrorCode, ExitCode>> = {
  absent: EXIT_IMPOSSIBLE,
  denied: EXIT_IMPOSSIBLE,
  failed: EXIT_FAILED,
  refused: EXIT_USAGE,
  undone: EXIT_FAILED,
};

const HINTS: Readonly<Record<ClientErrorCode, string>> = {
  absent: 'name its file or its socket (--conf, --socket), or start one: shaper --conf FILE',
  denied: 'run as the user of that instance, usually root, or as a member of its control.group',
  failed: 'its log may say why; kill -9 ends an instance that hangs, and traffic then flows unshaped',
  refused: '',
  undone: '',
};

/** A place that editors recognise. */
const PLACED = /^\S+:\d+:\d+: /;

export class ClientError extends OperatingError {
  override readonly name = 'ClientError';
  override readonly isPlaced: boolean;
  readonly code: ClientErrorCode;
  /** The word of the instance for what is wrong; empty if it has not answered. */
  readonly reason: string;

  constructor(code: ClientErrorCode, message: string, hint = HINTS[code], reason = '') {
    super(EXITS[code], message, hint);
    this.code = code;
    this.reason = reason;
    this.isPlaced = PLACED.test(message);
  }
}

/** The longest wait for an answer. A change may have to install rules first. */
const ANSWER_MS_MAX = 5000;
const CHANGE_MS_MAX = 30_000;

export type Answer = Readonly<Record<string, unknown>>;

/**
 * Sends one request and resolves with the JSON object of the answer. `T` is the answer of that route: an
 * instance of this version gives no other. Rejects with ClientError.
 *
 * With an agent the connection is used again, which costs less. Only for questions, which may be asked
 * twice.
 */
export async function call<T extends object = Answer>(
  socketPath: string,
  method: Method,
  path: string,
  body?: object,
  agent?: Agent,
): Promise<T> {
  const { status, text } = await exchange(socketPath, method, path, body, agent);
  if (status === 200) return parse(socketPath, text) as object as T;
  throw refusal(socketPath, status, text);
}

/** The error that an answer with another status than 200 tells. */
export function refusal(socketPath: string, status: number, text: string): ClientError {
  const answer = parse(socketPath, text);
  const { message, hint, code } = (answer.error ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof message !== 'string')
    return new ClientError('failed', `${socketPath} answers with status ${status}`);
  const kind = status < 500 ? 'refused' : 'undone';
  return new ClientError(kind, message, typeof hint === 'string' ? hint : '', String(code));
}

function exchange(
  socketPath: string,
  method: Method,
  path: string,
  body: object | undefined,
  agent: Agent | undefined,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      // An idle connection that the instance has just closed: no request has reached it.
      const isOld = agent !== undefined && sent.reusedSocket && CLOSED.has(reasonOf(error));
      if (isOld) resolve(exchange(socketPath, method, path, body, undefined));
      else reject(explainFailure(socketPath, error));
    };
    const kept = agent === undefined ? { headers: headersOf(body) } : { headers: KEPT_HEADERS, agent };
    const sent = request({ socketPath, method, path, ...kept }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.once('error', fail);
    });
    const waitMs = method === 'GET' ? ANSWER_MS_MAX : CHANGE_MS_MAX;
    sent.setTimeout(waitMs, () => {
      const message = `no answer on ${socketPath} within ${waitMs / 1000} s`;
      sent.destroy(new ClientError('failed', message));
    });
    sent.on('error', fail);
    // An answer may come before the end of a long body is written. Node then reports the end of the
    // connection on the socket, where nobody would listen.
    sent.once('socket', (socket) => socket.on('error', () => undefined));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const CLOSED = new Set(['ECONNRESET', 'EPIPE']);
const KEPT_HEADERS = { Host: 'shaper' };

function headersOf(body: object | undefined): Record<string, string> {
  return { Host: 'shaper', Connection: 'close', ...(body && { 'Content-Type': 'application/json' }) };
}

/** Why a request had no answer. */
export function explainFailure(path: string, error: Error): ClientError {
  if (error instanceof ClientError) return error;
  const code = reasonOf(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR' || code === 'ENOTSOCK') {
    return new ClientError('absent', `no running instance answers on ${path}`);
  }
  if (code === 'EACCES' || code === 'EPERM')
    return new ClientError('denied', `${path} is not ours to use (${code})`);
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return new ClientError('failed', `${path} closed without an answer`);
  if (code.startsWith('HPE_')) return new ClientError('failed', noShaper(path));
  return new ClientError('failed', `${path}: ${code}`);
}

function noShaper(path: string): string {
  return `${path} does not answer as a shaper does`;
}

function parse(path: string, text: string): Answer {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null) return answer as Answer;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ClientError('failed', noShaper(path));
}
