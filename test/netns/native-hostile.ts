/**
 * Scenarios for native.test.ts about callers that break the contract of the addon. They call it without the
 * checks of src/io/nfqueue/nfqueue.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Addon, loadAddon, type NativeOptions } from '../../src/io/nfqueue/addon.ts';
import { SLOT_BYTES } from '../../src/limits.ts';
import { FIRST_QUEUE } from './native-bed.ts';

type Queue = InstanceType<Addon['NativeQueue']>;

function options(): NativeOptions {
  return {
    ...{ firstQueue: FIRST_QUEUE, count: 1, lengthPackets: 16, receiveBufferBytes: 100_000 },
    ...{
      slotBytes: SLOT_BYTES,
      slotBytesMost: SLOT_BYTES,
      timerLeewayNs: 0,
      copyBytes: Uint32Array.of(128),
      gso: Uint8Array.of(0),
    },
  };
}

/** The name and message of what `call` throws; '' if it throws nothing. */
function thrown(call: () => unknown): string {
  try {
    call();
    return '';
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

function withQueue<T>(given: NativeOptions, use: (queue: Queue) => T): T {
  const queue = new (loadAddon().NativeQueue)(given);
  try {
    return use(queue);
  } finally {
    queue.close();
  }
}

export const hostileScenarios: Record<string, () => Promise<unknown>> = {
  async ownMemory() {
    const memory = withQueue(options(), (queue) => {
      const { columns, slab, shared } = queue;
      const all = [columns, slab, shared];
      for (const one of all) structuredClone(one, { transfer: [one] });
      return { rows: queue.drain(), all };
    });
    // The queue is garbage now, but for its memory.
    await sleep(0);
    globalThis.gc?.();
    await sleep(10);
    const ends = memory.all.map((one) => {
      const bytes = new Uint8Array(one);
      bytes[bytes.length - 1] = 9;
      return [bytes.length, bytes.at(-1)];
    });
    return { rows: memory.rows, ends };
  },

  async hostileArguments() {
    const strange = [
      Number.NaN,
      -1,
      1.5,
      1e20,
      2 ** 32 + 1,
      -Infinity,
      '1',
      1n,
      null,
      undefined,
      {},
      Symbol(),
    ];
    return withQueue(options(), (queue) => {
      const call = (name: 'send' | 'arm' | 'onReady') => {
        const method = queue[name] as (argument: unknown) => void;
        return strange.map((argument) => thrown(() => method.call(queue, argument)));
      };
      const { granted } = queue;
      const answers = { send: call('send'), arm: call('arm'), onReady: call('onReady') };
      const others = [{}, null, new Proxy(queue, {})].map((self) =>
        thrown(() => granted.call(self as Queue)),
      );
      queue.close();
      queue.close();
      const closed = [
        thrown(() => queue.send(0)),
        thrown(() => queue.onReady(() => {})),
        thrown(() => queue.arm(1e20)),
        queue.drain(),
        queue.socketDrops(),
        queue.granted().gso,
      ];
      return { ...answers, others, closed };
    });
  },
};
