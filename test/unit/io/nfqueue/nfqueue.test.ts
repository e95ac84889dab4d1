import { describe, expect, test } from 'vitest';
import type { Addon, NativeOptions } from '../../../../src/io/nfqueue/addon.ts';
import {
  type NfqueueOptions,
  openNfqueue,
  slotBytesFor,
  unreadMessageBytes,
} from '../../../../src/io/nfqueue/nfqueue.ts';
import { explainFailure, hasNetAdmin, ownerOf } from '../../../../src/io/nfqueue/nfqueue-error.ts';
import { ATTRIBUTE_BYTES, EDIT_BYTES, SLOT_BYTES } from '../../../../src/limits.ts';

const OPTIONS: NfqueueOptions = {
  firstQueue: 100,
  count: 2,
  lengthPackets: 1024,
  copyBytes: [128, 128],
  gso: [false, true],
};

/** Records the options of the native class, opens nothing. */
function recordingAddon(failure?: object): { addon: Addon; calls: NativeOptions[] } {
  const calls: NativeOptions[] = [];
  class NativeQueue {
    constructor(options: NativeOptions) {
      calls.push(options);
      if (failure) throw Object.assign(new Error('refused'), failure);
    }
    granted() {
      return { gso: [false, false], rcvbufBytes: 1 };
    }
    drain() {
      new Float64Array(calls[0]!.counters).set([3, 10, 20, 30, 40, 50]);
      return 2;
    }
    socketDrops() {
      return 7;
    }
    close() {}
  }
  return { addon: { NativeQueue, layout: {} } as unknown as Addon, calls };
}

describe('openNfqueue', () => {
  test('hands over shared memory and plain values', () => {
    const { addon, calls } = recordingAddon();
    const port = openNfqueue(OPTIONS, addon);
    const { columns, slab, counters, ...rest } = calls[0]!;
    expect(columns).toBe(port.batch.buffer);
    expect(slab).toBe(port.slab.buffer);
    expect(counters.byteLength).toBe(48);
    expect(rest).toEqual({
      ...{ firstQueue: 100, count: 2, lengthPackets: 1024, receiveBufferBytes: 2 * 1024 * 1280 },
      ...{ slotBytes: 4224, timerLeewayNs: 100_000 },
      ...{ copyBytes: Uint32Array.of(128, 128), gso: Uint8Array.of(0, 1) },
    });
    expect(port.slab.length).toBe(256 * 4224 + EDIT_BYTES);
    expect(port.editOffset).toBe(256 * 4224);
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
    [{ count: 0 }, 'count must be a whole number from 1 to 64, not 0'],
    [{ count: 65 }, 'count'],
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

describe('explainFailure', () => {
  const queuesText = '  100   4711     0 2   128     0     0        0  1\n    7   42  0 2 128 0 0 0 1\n';
  const capable = 'Name:\tnode\nCapEff:\t0000000000001000\n';
  const incapable = 'Name:\tnode\nCapEff:\t0000000000000fff\n';
  const bind = (code: string) => ({ code, syscall: 'nfqueue bind', queue: 100 });

  test.each([
    ['owned by another', bind('EPERM'), { queuesText, statusText: capable }, 'EBUSY', /netlink port 4711/],
    ['owned, and we may not', bind('EPERM'), { queuesText, statusText: incapable }, 'EBUSY', /4711/],
    [
      'table unreadable, capable',
      bind('EPERM'),
      { queuesText: null, statusText: capable },
      'EBUSY',
      /another/,
    ],
    ['not capable', bind('EPERM'), { queuesText: '', statusText: incapable }, 'EPERM', /CAP_NET_ADMIN/],
    ['nothing known', bind('EPERM'), { queuesText: null, statusText: null }, 'EPERM', /CAP_NET_ADMIN/],
    [
      'ours already',
      bind('EBUSY'),
      { queuesText, statusText: capable },
      'EBUSY',
      /choose another nfqueue.first/,
    ],
    [
      'no nfnetlink',
      { ...bind('EPROTONOSUPPORT'), queue: -1 },
      { queuesText: null, statusText: capable },
      'EPROTONOSUPPORT',
      /modprobe/,
    ],
    [
      'no nfnetlink_queue',
      bind('EINVAL'),
      { queuesText: null, statusText: capable },
      'EPROTONOSUPPORT',
      /modprobe/,
    ],
    ['other refusal', bind('EINVAL'), { queuesText: '', statusText: capable }, 'EINVAL', /refused queue 100/],
  ])('%s', (_, failure, circumstances, code, hint) => {
    const error = explainFailure(failure, circumstances);
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(hint);
    expect(error.syscall).toBe(failure.syscall);
    expect(error.message).toBe(`cannot open the queues: ${failure.syscall}: ${code}`);
  });

  test('reads procfs', () => {
    expect(ownerOf(100, queuesText)).toBe(4711);
    expect(ownerOf(7, queuesText)).toBe(42);
    expect(ownerOf(10, queuesText)).toBe(0);
    expect(hasNetAdmin(capable)).toBe(true);
    expect(hasNetAdmin(incapable)).toBe(false);
    expect(hasNetAdmin('CapEff: junk')).toBe(null);
    expect(hasNetAdmin(null)).toBe(null);
  });
});
