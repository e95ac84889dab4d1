import { describe, expect, test } from 'vitest';
import {
  type Addon,
  AddonError,
  COUNTER_NAMES,
  EXPECTED_LAYOUT,
  findAddon,
  loadAddon,
} from '../../../../src/io/nfqueue/addon.ts';
import { type NfqueueOptions, openNfqueue } from '../../../../src/io/nfqueue/nfqueue.ts';
import { explainFailure, hasNetAdmin, ownerOf } from '../../../../src/io/nfqueue/nfqueue-error.ts';
import { createBatch } from '../../../../src/packet/batch.ts';

const OPTIONS: NfqueueOptions = {
  firstQueue: 100,
  count: 2,
  lengthPackets: 1024,
  copyBytes: 128,
  gso: [false, true],
  uidGid: true,
};

/** Records what the native class is given, opens nothing. */
function recordingAddon(failure?: object): { addon: Addon; calls: unknown[][] } {
  const calls: unknown[][] = [];
  class NativeQueue {
    constructor(...args: unknown[]) {
      calls.push(args);
      if (failure) throw Object.assign(new Error('refused'), failure);
    }
    granted(count: number) {
      return { gso: new Array(count).fill(false), uidGid: false, rcvbufBytes: 1 };
    }
    drain() {
      new Float64Array(calls[0]![2] as ArrayBuffer).set([3, 10, 20, 30, 40, 50]);
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
    const [columns, slab, , ...rest] = calls[0]!;
    expect(columns).toBe(port.batch.buffer);
    expect(slab).toBe(port.slab.buffer);
    expect(rest).toEqual([100, 2, 1024, 128, 2 * 1024 * 1280, Uint8Array.of(0, 1), true, 100_000]);
  });

  test('asks for no more than 256 MiB of socket memory', () => {
    const { addon, calls } = recordingAddon();
    openNfqueue({ ...OPTIONS, count: 64, gso: new Array(64).fill(false), lengthPackets: 65536 }, addon);
    expect(calls[0]![7]).toBe(256 * 1024 * 1024);
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
    [{ copyBytes: 129 }, 'copyBytes'],
    [{ gso: [true] }, 'one entry per queue'],
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

describe('loadAddon', () => {
  test('SHAPER_ADDON goes first', () => {
    expect(findAddon({ SHAPER_ADDON: '/elsewhere.node' })).toBe('/elsewhere.node');
  });

  const NOT_BUILT = 'the addon is not built (npm run build:native)';

  test('columns and sizes agree with native/columns.h', ({ skip }) => {
    if (findAddon() === undefined) skip(NOT_BUILT);
    const { layout } = loadAddon();
    const batch = createBatch();
    expect(layout).toMatchObject(EXPECTED_LAYOUT);
    expect(layout.arrivals).toEqual(Object.keys(batch.arrivals));
    expect(layout.verdicts).toEqual(Object.keys(batch.verdicts));
    expect(layout.failures).toEqual(Object.keys(batch.failures));
    expect(layout.counters).toEqual([...COUNTER_NAMES]);
  });

  test('native code refuses memory of another size', ({ skip }) => {
    if (findAddon() === undefined) skip(NOT_BUILT);
    const { NativeQueue, layout } = loadAddon();
    const memory = (bytes: number) => new ArrayBuffer(bytes);
    const open = (columnsBytes: number, slabBytes: number, countersBytes: number) => () => {
      const parts = [memory(columnsBytes), memory(slabBytes), memory(countersBytes)] as const;
      return new NativeQueue(...parts, 1, 1, 1, 128, 1000, Uint8Array.of(0), false, 0);
    };
    const { columnsBytes: columns, slabBytes: slab } = layout;
    const counters = 8 * COUNTER_NAMES.length;
    expect(open(columns - 4, slab, counters)).toThrow(/argument 0 must be .*rebuild/);
    expect(open(columns, slab + 1, counters)).toThrow(/argument 1/);
    expect(open(columns, slab, counters - 8)).toThrow(/argument 2/);
  });

  test('says what to do when nothing is built or the build is broken', () => {
    expect(() => loadAddon('/nonexistent/shaper.node')).toThrow(/Cannot find module/);
    expect(new AddonError('x').name).toBe('AddonError');
  });
});
