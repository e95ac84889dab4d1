import { expect, it } from 'vitest';
import { openRawSender, RawSendError } from '../../../../src/io/modules/raw-sender.ts';
import { type Addon, findAddon, loadAddon } from '../../../../src/io/nfqueue/addon.ts';

/** An addon whose socket answers with these numbers. */
function answering(numbers: number[], opened: number[] = []): Addon {
  class NativeRawSender {
    constructor(priority: number) {
      opened.push(priority);
    }
    send(): number {
      return numbers.shift() ?? 0;
    }
    close(): void {
      numbers.splice(0, numbers.length, 9);
    }
  }
  return { NativeRawSender } as unknown as Addon;
}

const BYTES = new Uint8Array(20);

it('tells packets that are lost from those that cannot be', () => {
  const opened: number[] = [];
  const sender = openRawSender(answering([0, 11, 101, 113, 22], opened));
  expect(opened).toEqual([0x53480000]);
  expect([sender.send(BYTES), sender.send(BYTES), sender.send(BYTES), sender.send(BYTES)]).toEqual([
    ...[true, false, false, false],
  ]);
  expect(() => sender.send(BYTES)).toThrow(RawSendError);
  sender.close();
  expect(() => sender.send(BYTES)).toThrow('EBADF');
});

it('says what is missing', () => {
  class NativeRawSender {
    constructor() {
      throw Object.assign(new Error('socket SOCK_RAW: Operation not permitted'), { code: 'EPERM' });
    }
  }
  const open = (): unknown => openRawSender({ NativeRawSender } as unknown as Addon);
  expect(open).toThrow('modules cannot send packets: socket SOCK_RAW');
  expect(open).toThrow(expect.objectContaining({ hint: expect.stringContaining('CAP_NET_RAW') }));
});

it('takes whole IP packets alone', ({ skip }) => {
  if (findAddon() === undefined) skip('the native addon is not built');
  if (process.getuid?.() !== 0) skip('not root');
  const sender = openRawSender(loadAddon());
  const ip4 = (bytes: number, more: Record<number, number> = {}): Uint8Array =>
    Object.assign(new Uint8Array(bytes), {
      0: 0x45,
      2: bytes >> 8,
      3: bytes & 255,
      8: 64,
      9: 253,
      16: 127,
      19: 1,
      ...more,
    });
  const ip6 = (bytes: number, more: Record<number, number> = {}): Uint8Array =>
    Object.assign(new Uint8Array(bytes), { 0: 0x60, 5: bytes - 40, 6: 59, 7: 64, 39: 1, ...more });
  for (const wrong of [
    ...[
      new Uint8Array(0),
      ip4(19),
      ip4(28, { 3: 27 }),
      ip4(28, { 0: 0x44 }),
      ip4(28, { 0: 0x4f }),
      ip4(28, { 0: 0x55 }),
    ],
    ...[ip6(39), ip6(48, { 5: 9 }), [] as never, 'x' as never, new Uint16Array(20) as never],
  ]) {
    expect(() => sender.send(wrong)).toThrow(TypeError);
  }
  expect(sender.send(ip4(28))).toBe(true);
  sender.close();
  expect(() => sender.send(ip4(28))).toThrow('EBADF');
});
