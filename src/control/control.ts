/** The packet thread's side of control: starts the control thread and answers its wish for a snapshot. */
import { copyStats, type Stats, statsBytes, statsOver, TOTAL } from '../core/packets/stats.ts';
import type { ControlStart, FromControlThread, ToControlThread } from './messages.ts';
import { ControlError } from './server.ts';
import type { StatusSubject } from './status.ts';
import { startWorkerFile } from './worker-file.ts';

export interface ControlOptions {
  readonly socketPath: string;
  readonly subject: StatusSubject;
  /** The live counters. Read only between batches, because messages are handled on the event loop. */
  readonly stats: Stats;
  /** Instant of a snapshot: nanoseconds since start. */
  readonly nowNs: () => number;
  /** The control thread died; packets go on, `status` does not. */
  readonly onFailure: (error: Error) => void;
}

export interface Control {
  /** Closes every connection, removes the socket, ends the thread. */
  close(): Promise<void>;
}

/** Resolves when the socket listens. Rejects with ControlError. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { socketPath, subject, stats } = options;
  const snapshot = new SharedArrayBuffer(statsBytes(stats.classes));
  const shared = statsOver(snapshot, stats.classes);
  const start: ControlStart = { socketPath, subject, snapshot };
  const worker = startWorkerFile(import.meta.url, 'worker', { workerData: start, name: 'control' });
  const tell = (message: ToControlThread): void => worker.postMessage(message);
  let isClosing = false;
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    worker.once('error', (error) => {
      reject(
        new ControlError('failed', `control thread: ${error.message}`, 'this is a fault of the program'),
      );
      options.onFailure(error);
    });
    worker.once('exit', () => {
      if (!isClosing) options.onFailure(new Error('the control thread has ended'));
    });
    worker.on('message', (message: FromControlThread) => {
      if (message.type === 'listening') resolve();
      else if (message.type === 'failed') {
        isClosing = true;
        reject(new ControlError(message.code, message.message, message.hint));
      } else if (message.type === 'snapshot') {
        copyStats(stats, shared);
        shared.totals[TOTAL.uptimeNs] = options.nowNs();
        tell({ type: 'snapshot' });
      }
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
