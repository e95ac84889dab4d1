/**
 * Scenarios for native.test.ts about callers that break the contract of the addon. They call it without the
 * checks of src/io/nfqueue/nfqueue.ts, and memory that was taken away must not be touched.
 */
import {
  type Addon,
  COUNTER_NAMES,
  loadAddon,
  type NativeOptions,
  VISIT_NAMES,
} from '../../src/io/nfqueue/addon.ts';
import { EDIT_BYTES, SLOT_BYTES } from '../../src/limits.ts';
import { createBatch } from '../../src/packet/batch.ts';
import { FIRST_QUEUE } from './native-bed.ts';

type Queue = InstanceType<Addon['NativeQueue']>;
type Memory = 'columns' | 'slab' | 'shared';

/** Resizable memory is younger than the library that the types of this program come from. */
type Resizable = ArrayBuffer & { resize(bytes: number): void };
const ResizableBuffer = ArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => Resizable;

const SLAB_BYTES = 256 * SLOT_BYTES + EDIT_BYTES;

function options(): NativeOptions {
  return {
    columns: createBatch().buffer,
    slab: new ArrayBuffer(SLAB_BYTES),
    shared: new ArrayBuffer(8 * (COUNTER_NAMES.length + VISIT_NAMES.length)),
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

/** What drain, send and granted throw after the memory was taken away. */
function afterLoss(name: Memory, lose: (memory: ArrayBuffer) => void, given = options()): string[] {
  return withQueue(given, (queue) => {
    lose(given[name]);
    // What was freed is used by others at once.
    Array.from({ length: 8 }, () => new ArrayBuffer(SLAB_BYTES));
    return [thrown(() => queue.drain()), thrown(() => queue.send(1)), thrown(() => queue.granted())];
  });
}

export const hostileScenarios: Record<string, () => Promise<unknown>> = {
  async lostMemory() {
    const transfer = (memory: ArrayBuffer): unknown => structuredClone(memory, { transfer: [memory] });
    const names: Memory[] = ['columns', 'slab', 'shared'];
    const transferred = names.map((name) => afterLoss(name, transfer));
    const resizable = { ...options(), slab: new ResizableBuffer(SLAB_BYTES, { maxByteLength: SLAB_BYTES }) };
    const resized = afterLoss('slab', (memory) => (memory as Resizable).resize(0), resizable);
    const given = options();
    const { columns, slab } = given;
    const get = (): ArrayBuffer => {
      transfer(columns);
      return slab;
    };
    const byGetter = thrown(() => withQueue(Object.defineProperty(given, 'slab', { get }), () => {}));
    return { transferred, resized, byGetter };
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
