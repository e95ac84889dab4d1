/** The thread of the store: it alone waits for the disk. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../base/assert.ts';
import type { FromStoreThread, StoreStart, ToStoreThread } from './messages.ts';
import { StoreThread } from './store-thread.ts';

invariant(parentPort !== null, 'worker.ts runs as a worker thread');
const port = parentPort;
const thread = new StoreThread(workerData as StoreStart, {
  tell: (message: FromStoreThread, transferred: readonly ArrayBuffer[]) =>
    port.postMessage(message, [...transferred]),
  nowMs: () => Date.now(),
});

port.on('message', (message: ToStoreThread) => {
  thread.told(message);
  // libsql frees files only with their thread: after a failure the next attempt begins with a new one.
  if (thread.hasFailed) thread.told({ type: 'close' });
  if (message.type === 'close' || thread.hasFailed) port.close();
});
