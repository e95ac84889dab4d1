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
  if (message.type === 'close') port.close();
});
