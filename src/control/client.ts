/** Asks a running instance over its control socket. */
import { connect } from 'node:net';
import { EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';
import { reasonOf } from '../base/system-error.ts';

/** `absent`: nobody listens there. `denied`: we may not use the socket. `failed`: no reply, or an error. */
export type ClientErrorCode = 'absent' | 'denied' | 'failed';

const HINTS: Readonly<Record<ClientErrorCode, string>> = {
  absent: 'name its file or its socket (--conf, --socket), or start one: shaper --conf FILE',
  denied: 'run as the user of that instance, usually root',
  failed: 'its log may say why; kill -9 ends an instance that hangs, and traffic then flows unshaped',
};

export class ClientError extends OperatingError {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;

  constructor(code: ClientErrorCode, message: string) {
    super(EXIT_IMPOSSIBLE, message, HINTS[code]);
    this.code = code;
  }
}

/** The longest wait for data of the reply. */
const REPLY_MS_MAX = 5000;

/** Sends one request and resolves with the reply. Rejects with ClientError. */
export function request(path: string, message: object): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(REPLY_MS_MAX, () => {
      socket.destroy(new ClientError('failed', `no answer on ${path} within ${REPLY_MS_MAX / 1000} s`));
    });
    socket.once('connect', () => socket.write(`${JSON.stringify(message)}\n`));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (chunk.includes('\n')) socket.end();
    });
    socket.once('error', (error) => reject(explain(path, error)));
    socket.once('close', () => {
      try {
        resolve(readReply(path, text));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function explain(path: string, error: Error): ClientError {
  if (error instanceof ClientError) return error;
  const code = reasonOf(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR' || code === 'ENOTSOCK') {
    return new ClientError('absent', `no running instance answers on ${path}`);
  }
  if (code === 'EACCES' || code === 'EPERM')
    return new ClientError('denied', `${path} is not ours to use (${code})`);
  return new ClientError('failed', `${path}: ${code}`);
}

function readReply(path: string, text: string): Readonly<Record<string, unknown>> {
  if (!text.endsWith('\n')) throw new ClientError('failed', `${path} closed without an answer`);
  const reply = JSON.parse(text) as Readonly<Record<string, unknown>>;
  if (reply.ok !== true) throw new ClientError('failed', `${path}: ${String(reply.error)}`);
  return reply;
}
