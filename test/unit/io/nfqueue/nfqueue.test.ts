import { describe, expect, test } from 'vitest';
import {
  type Addon,
  COUNTER_NAMES,
  type NativeOptions,
  VISIT_NAMES,
} from '../../../../src/io/nfqueue/addon.ts';
import {
  type NfqueueOptions,
  openNfqueue,
  slotBytesFor,
  unreadMessageBytes,
} from '../../../../src/io/nfqueue/nfqueue.ts';
import { ATTRIBUTE_BYTES, EDIT_BYTES, SLOT_BYTES } from '../../../../src/limits.ts';
import { createBatch } from '../../../../src/packet/batch.ts';

const OPTIONS: NfqueueOptions = {
  firstQueue: 100,
  count: 2,
  lengthPackets: 1024,
  copyBytes: [128, 128],
  gso: [false, true],
};

/** Records the options of the native class, opens nothing. */
function recordingAddon(
  failure?: object,
  refused = -1,
): { addon: Addon; calls: NativeOptions[]; asked: string[]; shared: ArrayBuffer } {
  const shared = new ArrayBuffer(8 * (COUNTER_NAMES.length + VISIT_NAMES.length));
  const calls: NativeOptions[] = [];
  const asked: string[] = [];
  class NativeQueue {
    readonly columns = createBatch().buffer;
    readonly slab: ArrayBuffer;
    readonly shared = shared;
    constructor(options: NativeOptions) {
      calls.push(options);
      this.slab = new ArrayBuffer(256 * options.slotBytesMost + EDIT_BYTES);
      if (failure) throw Object.assign(new Error('refused'), failure);
    }
    granted() {
      return { gso: [false, false], rcvbufBytes: 1 };
    }
    setUp(nfqueue: number, lengthPackets: number, _copyBytes: number, gso: boolean) {
      asked.push(`${nfqueue}: ${lengthPackets}${gso ? ' gso' : ''}`);
      if (nfqueue === refused)
        throw Object.assign(new Error('refused'), { code: 'EBUSY', syscall: 'bind', queue: 3 });
      return gso;
    }
    unbind(nfqueue: number) {
      asked.push(`${nfqueue}: closed`);
    }
    growSlots(slotBytes: number) {
      asked.push(`slots of ${slotBytes}`);
    }
    setReceiveBuffer(bytes: number) {
      asked.push(`${bytes} bytes`);
      return bytes;
    }
    arm(dueNs: number) {
      asked.push(`armed for ${dueNs}`);
    }
    drain() {
      new Float64Array(shared).set([3, 10, 20, 30, 40, 50]);
      return 2;
    }
    socketDrops() {
      return 7;
    }
    close() {}
  }
  return { addon: { NativeQueue, layout: {} } as unknown as Addon, calls, asked, shared };
}

describe('openNfqueue', () => {
  test('hands over plain values, and works in the memory of native code', () => {
    const { addon, calls } = recordingAddon();
    const port = openNfqueue(OPTIONS, addon);
    expect(calls[0]).toEqual({
      ...{ firstQueue: 100, count: 2, lengthPackets: 1024, receiveBufferBytes: 2 * 1024 * 1280 },
      ...{ slotBytes: 4224, slotBytesMost: 4224 + 65536, timerLeewayNs: 100_000 },
      ...{ copyBytes: Uint32Array.of(128, 128), gso: Uint8Array.of(0, 1) },
    });
    // Slots may grow to whole packets.
    expect(port.slab.length).toBe(256 * (4224 + 65536) + EDIT_BYTES);
    expect(port.editOffset).toBe(256 * (4224 + 65536));
  });

  test('the longest copy sizes every slot, each copy its share of the socket', () => {
    const { addon, calls } = recordingAddon();
    const port = openNfqueue({ ...OPTIONS, copyBytes: [128, 65531] }, addon);
    const { copyBytes, slotBytes, receiveBufferBytes } = calls[0]!;
    expect([...copyBytes]).toEqual([128, 65531]);
    expect(slotBytes).toBe(4224 + 65536);
    expect(port.slab.length).toBe(256 * slotBytes + EDIT_BYTES);
    expect(receiveBufferBytes).toBe(1024 * (1280 + 1280 + 65531 - 128));
  });

  test('a slot has room for its copy, and starts spread over the cache', () => {
    for (const copyBytes of [1, 128, 129, 4224, 4225, 65531]) {
      const bytes = slotBytesFor(copyBytes);
      expect(bytes).toBeGreaterThanOrEqual(ATTRIBUTE_BYTES + copyBytes);
      expect(bytes % 4096).toBe(SLOT_BYTES % 4096);
    }
    expect([unreadMessageBytes(1), unreadMessageBytes(128), unreadMessageBytes(129)]).toEqual([
      1280, 1280, 1281,
    ]);
  });

  test('asks for no more than 256 MiB of socket memory', () => {
    const { addon, calls } = recordingAddon();
    const all = { count: 64, gso: new Array(64).fill(false), copyBytes: new Array(64).fill(128) };
    openNfqueue({ ...OPTIONS, ...all, lengthPackets: 65536 }, addon);
    expect(calls[0]!.receiveBufferBytes).toBe(256 * 1024 * 1024);
  });

  test('a wake-up brings its time and its packets, and takes the timer', () => {
    const { addon, asked, shared: memory } = recordingAddon();
    const port = openNfqueue(OPTIONS, addon);
    const shared = new Float64Array(memory);
    port.arm(7);
    expect(asked).toEqual(['armed for 7']);
    // Native code begins a visit with five packets.
    shared.set([1, 1000, 5, -1], 6);
    expect([port.visitNs, port.drain(), port.drain()]).toEqual([1000, 5, 2]);
    port.arm(2000);
    port.arm(-1);
    port.arm(1500);
    expect(asked).toEqual(['armed for 7']);
    expect([...shared.slice(6)]).toEqual([1, 1000, -1, 1500]);
  });

  test('reads the shared counters by position', () => {
    const port = openNfqueue(OPTIONS, recordingAddon().addon);
    expect(port.drain()).toBe(2);
    expect(port.failureRows).toBe(3);
    const counters = { enobufs: 17, truncated: 20, malformed: 30, verdictErrors: 40, sendErrors: 50 };
    expect(port.counters()).toEqual(counters);
    port.close();
    expect(port.counters()).toEqual(counters);
  });

  test.each([
    [{ count: 0 }, 'count must be a whole number from 1 to 65, not 0'],
    [{ count: 66 }, 'count'],
    [{ firstQueue: 65535 }, 'firstQueue must be a whole number from 0 to 65534, not 65535'],
    [{ firstQueue: -1 }, 'firstQueue'],
    [{ firstQueue: 1.5 }, 'firstQueue'],
    [{ lengthPackets: 65537 }, 'lengthPackets'],
    [{ copyBytes: [128, 65532] }, 'copyBytes must be a whole number from 1 to 65531, not 65532'],
    [{ copyBytes: [0, 128] }, 'copyBytes'],
    [{ copyBytes: [128] }, 'one entry per NFQUEUE'],
    [{ gso: [true] }, 'one entry per NFQUEUE'],
  ])('refuses %j', (change, message) => {
    const { addon, calls } = recordingAddon();
    expect(() => openNfqueue({ ...OPTIONS, ...change }, addon)).toThrow(message);
    expect(calls).toEqual([]);
  });

  test('explains a failed system call and passes other errors on', () => {
    const failure = { code: 'EMFILE', syscall: 'socket', queue: -1 };
    expect(() => openNfqueue(OPTIONS, recordingAddon(failure).addon)).toThrow(
      /^cannot open the queues: socket: EMFILE$/,
    );
    expect(() => openNfqueue(OPTIONS, recordingAddon({ other: 1 }).addon)).toThrow(/^refused$/);
  });
});

describe('setUp', () => {
  const setup = (count: number, lengthPackets = 1024, gso = false) => ({
    ...{ count, lengthPackets, copyBytes: new Array(count).fill(128), gso: new Array(count).fill(gso) },
  });

  test('asks only for what differs, with memory before NFQUEUEs', () => {
    const { addon, asked } = recordingAddon();
    const port = openNfqueue({ ...OPTIONS, gso: [false, false] }, addon);
    port.setUp({ ...setup(3), gso: [false, true, true] });
    expect(asked.splice(0)).toEqual([`${3 * 1024 * 1280} bytes`, '1: 1024 gso', '2: 1024 gso']);
    expect(port.granted).toEqual({ gso: [false, true, true], rcvbufBytes: 3 * 1024 * 1280 });
    port.setUp({ ...setup(3), gso: [false, true, true] });
    expect(asked).toEqual([]);
    port.setUp(setup(2, 512));
    expect(asked.splice(0)).toEqual(['0: 512', '1: 512']);
    expect(port.open).toEqual([0, 1, 2]);
    port.closeNfqueue(2);
    expect(asked.splice(0)).toEqual(['2: closed']);
    expect(port.open).toEqual([0, 1]);
  });

  test('slots grow before longer copies come, and stay', () => {
    const { addon, asked } = recordingAddon();
    const port = openNfqueue({ ...OPTIONS, gso: [false, false] }, addon);
    port.setUp({ ...setup(3), copyBytes: [128, 128, 65531] });
    expect(asked.splice(0)).toEqual([
      ...['slots of 69760', `${2 * 1024 * 1280 + 1024 * (1280 + 65531 - 128)} bytes`, '2: 1024'],
    ]);
    port.setUp({ ...setup(3), copyBytes: [128, 128, 128] });
    expect(asked.splice(0)).toEqual(['2: 1024']);
  });

  test('after a refusal all is as it was', () => {
    const { addon, asked } = recordingAddon(undefined, 3);
    const port = openNfqueue({ ...OPTIONS, gso: [false, false] }, addon);
    const granted = port.granted;
    expect(() => port.setUp(setup(4, 8, true))).toThrow('EBUSY');
    expect(asked.slice(-5)).toEqual(['2: 8 gso', '3: 8 gso', '0: 1024', '1: 1024', '2: closed']);
    expect(port.open).toEqual([0, 1]);
    expect(port.granted).toBe(granted);
  });

  test('a refusal half way through an NFQUEUE that was open gives it its length back', () => {
    const { addon, asked } = recordingAddon(undefined, 1);
    const port = openNfqueue({ ...OPTIONS, gso: [false, false] }, addon);
    expect(() => port.setUp(setup(2, 8, true))).toThrow('EBUSY');
    expect(asked.slice(-4)).toEqual(['0: 8 gso', '1: 8 gso', '0: 1024', '1: 1024']);
  });

  test('refuses counts, lengths and copies that cannot be', () => {
    const { addon } = recordingAddon();
    const port = openNfqueue({ ...OPTIONS, firstQueue: 65530 }, addon);
    expect(() => port.setUp(setup(7))).toThrow(RangeError);
    expect(() => port.setUp(setup(2, 0))).toThrow(RangeError);
    expect(() => port.setUp({ ...setup(2), copyBytes: [128, 65532] })).toThrow(RangeError);
  });
});
