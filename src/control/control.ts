/** The packet thread's side: starts the control thread and answers its questions between two batches. */
import { basename, dirname, join } from 'node:path';
import { trustedFolder } from './folder.ts';
import type { ControlStart, FromControlThread, ToControlThread } from './messages.ts';
import { ControlError } from './server.ts';
import { type SnapshotSource, SnapshotWriter } from './snapshot.ts';
import type { StatusSubject } from './status.ts';
import { startWorkerFile } from './worker-file.ts';

export interface ControlOptions {
  readonly socketPath: string;
  readonly subject: StatusSubject;
  /** Read only between batches, because messages are handled on the event loop. */
  readonly source: SnapshotSource;
  /** A client asks for an orderly stop. */
  readonly onStop: () => void;
  /** The control thread died. Packets go on, `status` does not. */
  readonly onFailure: (error: Error) => void;
}

export interface Control {
  /** Closes every connection, removes the socket, ends the thread. */
  close(): Promise<void>;
}

/** Lets bind() make the socket with mode 0600. */
const SOCKET_UMASK = 0o177;

/** Resolves when the socket listens. Rejects with ControlError. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const folder = await trustedFolder(dirname(options.socketPath));
  const socketPath = join(folder, basename(options.socketPath));
  // The mask is one for all threads, and only this thread may set it.
  const mask = process.umask(SOCKET_UMASK);
  return listenInWorker({ ...options, socketPath }).finally(() => process.umask(mask));
}

async function listenInWorker(options: ControlOptions): Promise<Control> {
  const { socketPath, subject, source, onStop, onFailure } = options;
  const start: ControlStart = { socketPath, subject };
  const worker = startWorkerFile(import.meta.url, 'worker', { workerData: start, name: 'control' });
  const writer = new SnapshotWriter(source);
  const tell = (message: ToControlThread): void => worker.postMessage(message);
  let isClosing = false;
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    worker.once('error', (error) => {
      reject(
        new ControlError('failed', `control thread: ${error.message}`, 'this is a fault of the program'),
      );
      onFailure(error);
    });
    worker.once('exit', () => {
      if (!isClosing) onFailure(new Error('the control thread has ended'));
    });
    worker.on('message', (message: FromControlThread) => {
      if (message.type === 'listening') resolve();
      else if (message.type === 'failed') {
        isClosing = true;
        reject(new ControlError(message.code, message.message, message.hint));
      } else if (message.type === 'snapshot') {
        tell({ type: 'snapshot', id: message.id, answer: writer.take() });
      } else if (message.type === 'each') {
        tell({ type: 'each', id: message.id, answer: source.eachClasses() });
      } else onStop();
    });
  });
  return {
    close: async () => {
      isClosing = true;
      tell({ type: 'close' });
      await ended;
    },
  };
}
