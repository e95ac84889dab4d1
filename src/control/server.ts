/**
 * The control socket: one JSON request per line, one JSON reply per line, in order. It belongs to the control
 * thread, so a slow or hostile client costs packets nothing. The memory that a client can occupy is bounded
 * all the same.
 */
import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';
import { isSystemError, reasonOf } from '../base/system-error.ts';
import { CONTROL_CLIENTS_MAX, CONTROL_IDLE_MS, CONTROL_REQUEST_BYTES_MAX } from '../limits.ts';

/** `live`: an instance listens there. `foreign`: it is no socket of ours. `failed`: the system refused. */
export type ControlErrorCode = 'live' | 'foreign' | 'failed';

export class ControlError extends OperatingError {
  override readonly name = 'ControlError';
  readonly code: ControlErrorCode;

  constructor(code: ControlErrorCode, message: string, hint: string) {
    super(EXIT_IMPOSSIBLE, message, hint);
    this.code = code;
  }
}

/** Resolves with the fields of the reply to a request. The client is told the message of an error. */
export type Handler = (request: Readonly<Record<string, unknown>>) => Promise<object>;

export interface ControlServer {
  /** Closes every connection and removes the socket. */
  close(): Promise<void>;
}

/**
 * The folder exists. The mode of the socket is 0777 without the umask of the process: a chmod() could be led
 * to another file.
 * @throws ControlError
 */
export async function startServer(path: string, handler: Handler): Promise<ControlServer> {
  await removeDeadSocket(path);
  const clients: Clients = new Set();
  const server = createServer((socket) => serve(socket, handler, clients));
  await listen(server, path);
  // If accept() fails, for example without free file descriptors, that client is lost and the server goes on.
  server.on('error', () => undefined);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of clients) socket.destroy();
      }),
  };
}

/** Node removes the path when the server closes, so nobody else may be bound to it by then. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(refused(path, error)));
    server.listen(path, () => resolve());
  });
}

function refused(path: string, error: unknown): ControlError {
  const message = `control socket ${path}: ${reasonOf(error)}`;
  return new ControlError('failed', message, 'choose another control.socket');
}

/**
 * Removes a socket that nobody listens on, and says whether there was one. Removes nothing else: throws
 * ControlError if the path is taken.
 */
export async function removeDeadSocket(path: string): Promise<boolean> {
  try {
    const found = await lstat(path);
    if (!found.isSocket()) {
      const hint = 'remove it yourself or choose another control.socket';
      throw new ControlError('foreign', `${path} exists and is no socket`, hint);
    }
    if (await isListening(path)) {
      const hint = 'stop that instance, or give this one another control.socket and other queue numbers';
      throw new ControlError('live', `another instance answers on ${path}`, hint);
    }
    await unlink(path);
    return true;
  } catch (error) {
    if (error instanceof ControlError) throw error;
    if (isSystemError(error) && error.code === 'ENOENT') return false;
    throw refused(path, error);
  }
}

/**
 * Whether somebody listens on the socket. Only a refused connection says that nobody does (unix(7)). Rejects
 * with errors that leave the question open: no right to connect, no file descriptors left. Rejects with
 * ControlError for a socket that is no control socket.
 */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = isSystemError(error) ? error.code : '';
      if (code === 'ECONNREFUSED') resolve(false);
      // EAGAIN: the backlog of the socket is full, so somebody listens.
      else if (code === 'EAGAIN') resolve(true);
      else if (code === 'EPROTOTYPE') {
        const hint = 'choose another control.socket';
        reject(
          new ControlError('foreign', `${path} is the socket of another program (no stream socket)`, hint),
        );
      } else reject(error);
    });
  });
}

/** Open connections, the one that has been idle longest first. */
type Clients = Set<Socket>;

function touch(clients: Clients, socket: Socket): void {
  clients.delete(socket);
  clients.add(socket);
}

/**
 * Serves one client. It must have taken its reply before the next request is looked at. One connection too
 * many ends the one that has been idle longest.
 */
function serve(socket: Socket, handler: Handler, clients: Clients): void {
  if (clients.size >= CONTROL_CLIENTS_MAX) {
    const [idlest] = clients;
    if (idlest) clients.delete(idlest);
    idlest?.destroy();
  }
  touch(clients, socket);
  socket.setTimeout(CONTROL_IDLE_MS, () => socket.destroy());
  socket.on('close', () => clients.delete(socket));
  socket.on('error', () => socket.destroy());
  let pending = '';
  let isBusy = false;
  const proceed = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    for (let end = pending.indexOf('\n'); end >= 0 && !socket.destroyed; end = pending.indexOf('\n')) {
      const line = pending.slice(0, end);
      pending = pending.slice(end + 1);
      await reply(socket, await answer(line, handler));
    }
    isBusy = false;
    if (pending.length > CONTROL_REQUEST_BYTES_MAX) {
      await reply(socket, { ok: false, error: `a request is at most ${CONTROL_REQUEST_BYTES_MAX} bytes` });
      socket.destroy();
    }
    socket.resume();
  };
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    pending += chunk;
    touch(clients, socket);
    socket.pause();
    void proceed();
  });
}

async function answer(line: string, handler: Handler): Promise<object> {
  if (line.length > CONTROL_REQUEST_BYTES_MAX) {
    return { ok: false, error: `a request is at most ${CONTROL_REQUEST_BYTES_MAX} bytes` };
  }
  try {
    const request: unknown = JSON.parse(line);
    if (typeof request !== 'object' || request === null || Array.isArray(request)) {
      return { ok: false, error: 'a request is a JSON object' };
    }
    return { ok: true, ...(await handler(request as Record<string, unknown>)) };
  } catch (error) {
    return { ok: false, error: error instanceof SyntaxError ? 'not JSON' : String((error as Error).message) };
  }
}

/** Resolves when the client has taken the reply, or is gone. */
function reply(socket: Socket, message: object): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    const done = (): void => {
      socket.off('close', done);
      resolve();
    };
    socket.once('close', done);
    socket.write(`${JSON.stringify(message)}\n`, done);
  });
}
