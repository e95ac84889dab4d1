/**
 * The control socket: who may connect to it, and what may stand in its place. It belongs to the control
 * thread, so a slow or hostile client costs packets nothing.
 */
import { chmod, lchown, lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';
import { isSystemError, reasonOf } from '../base/system-error.ts';
import { createHttpServer } from './http/http-server.ts';
import type { Route } from './http/route.ts';

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

export interface ControlServer {
  /** Closes every connection and removes the socket. */
  close(): Promise<void>;
}

/** The socket is for its owner and this group. */
const GROUP_MODE = 0o660;

/**
 * The folder exists, and nobody else can change it. The mode of the socket is 0777 without the umask of the
 * process, which lets nobody but its owner connect. Then `gid`, unless it is null, gets the socket, and only
 * then may that group connect.
 * @throws ControlError
 */
export async function startServer(
  path: string,
  routes: readonly Route[],
  gid: number | null = null,
): Promise<ControlServer> {
  await removeDeadSocket(path);
  const { server, closeAll } = createHttpServer(routes);
  await listen(server, path);
  // If accept() fails, for example without free file descriptors, that client is lost and the server goes on.
  server.on('error', () => undefined);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      closeAll();
    });
  if (gid !== null) {
    try {
      await lchown(path, process.geteuid!(), gid);
      await chmod(path, GROUP_MODE);
    } catch (error) {
      await close();
      throw refused(path, error);
    }
  }
  return { close };
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
