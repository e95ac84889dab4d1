/** The control thread: serves the socket, so that people never slow packets. Thin; server.ts does the work. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../base/assert.ts';
import type { ControlStart, FromControlThread, ToControlThread } from './messages.ts';
import { ControlError, type ControlServer, startServer } from './server.ts';
import { createStatusHandler } from './status-handler.ts';

invariant(parentPort !== null, 'worker.ts runs as a worker thread');
const port = parentPort;
const start = workerData as ControlStart;
const tell = (message: FromControlThread): void => port.postMessage(message);

const status = createStatusHandler(start, () => tell({ type: 'snapshot' }));
let server: ControlServer | null = null;

port.on('message', (message: ToControlThread) => {
  if (message.type === 'snapshot') status.snapshotTaken();
  else void close();
});

async function close(): Promise<void> {
  await server?.close();
  tell({ type: 'closed' });
  port.close();
}

try {
  server = await startServer(start.socketPath, status.handle);
  tell({ type: 'listening' });
} catch (error) {
  if (!(error instanceof ControlError)) throw error;
  tell({ type: 'failed', code: error.code, message: error.message, hint: error.hint });
  port.close();
}
