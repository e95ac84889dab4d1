/** Requests of the kernel and their answers, byte by byte. The layouts are those of linux/fuse.h. */
import { constants } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FileError } from '../../../../src/files/fuse/filesystem.ts';
import { type SendResult, Session } from '../../../../src/files/fuse/session.ts';
import { MemoryFileSystem } from './memory-file-system.ts';
import { type Answered, answered, body, message, type Sent } from './messages.ts';

const { EBADF, EEXIST, EFBIG, EINTR, EINVAL, EIO, ENOENT, ENOSYS, EPERM, ETIMEDOUT } = constants.errno;
const [LOOKUP, FORGET, GETATTR, SETATTR, READLINK, SYMLINK] = [1, 2, 3, 4, 5, 6];
const [MKDIR, UNLINK, RMDIR, RENAME, OPEN, READ, WRITE, STATFS, RELEASE] = [
  9, 10, 11, 12, 14, 15, 16, 17, 18,
];
const [INIT, OPENDIR, READDIR, RELEASEDIR, CREATE, INTERRUPT] = [26, 27, 28, 29, 35, 36];
const [BATCH_FORGET, RENAME2] = [42, 45];

let fileSystem: MemoryFileSystem;
let session: Session;
let sent: Answered[];
let faults: unknown[];
let result: SendResult;
let isReady: boolean;
let lastUnique = 2;

beforeEach(() => {
  fileSystem = new MemoryFileSystem();
  sent = [];
  faults = [];
  result = 'sent';
  isReady = false;
  session = begin();
});
afterEach(() => {
  session.close();
  vi.useRealTimers();
});

function begin(): Session {
  return new Session({
    fileSystem,
    send: (bytes) => {
      sent.push(answered(Buffer.from(bytes)));
      return result;
    },
    onReady: () => {
      isReady = true;
    },
    onFault: (error) => faults.push(error),
  });
}

/** Sends a request and waits for its answer. The memory of the request is overwritten at once. */
async function ask(request: Sent): Promise<Answered> {
  lastUnique += 2;
  const own = lastUnique;
  const bytes = message({ unique: own, ...request });
  session.handle(bytes);
  bytes.fill(0xee);
  for (;;) {
    const answer = sent.find((one) => one.unique === own);
    if (answer) return answer;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const idOf = ({ data }: Answered): number => Number(data.readBigUInt64LE(0));
const lookUp = async (name: string, node = 1): Promise<number> =>
  idOf(await ask({ opcode: LOOKUP, node, body: body(name) }));
const openAt = async (node: number, flags = 0): Promise<bigint> =>
  (await ask({ opcode: OPEN, node, body: body(flags, 0) })).data.readBigUInt64LE(0);
const readAt = (node: number, handle: bigint, offset: number, size: number): Promise<Answered> =>
  ask({ opcode: READ, node, body: body(handle, BigInt(offset), size, 0, 0n, 0, 0) });
const writeAt = (
  node: number,
  handle: bigint,
  offset: number,
  text: string | Uint8Array,
): Promise<Answered> => {
  const data = Buffer.from(text);
  return ask({ opcode: WRITE, node, body: body(handle, BigInt(offset), data.length, 0, 0n, 0, 0, data) });
};

describe('the beginning', () => {
  test('an offer of 7.45 is answered with 7.31, long writes and no page cache', async () => {
    const { error, data } = await ask({
      opcode: INIT,
      body: body(7, 45, 0x20000, 0x73fffffb, ...Array(12).fill(0)),
    });
    expect([error, data.length, isReady]).toEqual([0, 64, true]);
    expect([data.readUInt32LE(0), data.readUInt32LE(4), data.readUInt32LE(20)]).toEqual([7, 31, 131_072]);
  });

  test('an older kernel is answered in its own version, one that is too old is refused', async () => {
    const old = await ask({ opcode: INIT, body: body(7, 27, 0, 0) });
    expect(old.data.readUInt32LE(4)).toBe(27);
    expect((await ask({ opcode: INIT, body: body(7, 22, 0, 0) })).error).toBeLessThan(0);
    expect((await ask({ opcode: INIT, body: body(8, 45, 0, 0) })).error).toBeLessThan(0);
  });

  test('what is no whole request is not answered', async () => {
    const torn = message({ opcode: LOOKUP, body: body('a') });
    session.handle(torn.subarray(0, 39));
    torn.writeUInt32LE(99, 0);
    session.handle(torn);
    await session.idle();
    expect(sent).toEqual([]);
  });

  test('unknown requests are answered with ENOSYS, files that nobody can make with EPERM', async () => {
    expect((await ask({ opcode: 22 })).error).toBe(-ENOSYS);
    expect((await ask({ opcode: 4711 })).error).toBe(-ENOSYS);
    expect((await ask({ opcode: CREATE, body: body(0, 0, 0, 0, 'x') })).error).toBe(-EPERM);
  });
});

describe('nodes', () => {
  test('an entry has number, times, kind, mode and owner', async () => {
    fileSystem.validMs = 1500;
    const { data } = await ask({ opcode: LOOKUP, body: body('bandwidth') });
    expect(data.length).toBe(128);
    expect([data.readBigUInt64LE(0), data.readBigUInt64LE(8)]).toEqual([2n, 0n]);
    // The entry and its attributes hold for 1.5 s.
    expect([data.readBigUInt64LE(16), data.readBigUInt64LE(24)]).toEqual([1n, 1n]);
    expect([data.readUInt32LE(32), data.readUInt32LE(36)]).toEqual([5e8, 5e8]);
    const attributes = data.subarray(40);
    expect([attributes.readBigUInt64LE(8), attributes.readBigUInt64LE(32)]).toEqual([6n, 1_700_000_000n]);
    expect(attributes.readUInt32LE(52)).toBe(123_000_000);
    expect([attributes.readUInt32LE(60), attributes.readUInt32LE(64)]).toEqual([0o100644, 1]);
    const root = await ask({ opcode: GETATTR, body: body(0, 0, 0n) });
    expect(root.data.length).toBe(104);
    expect(root.data.readUInt32LE(16 + 60)).toBe(0o40755);
  });

  test('a name that is not there is ENOENT, and so is a node that was removed', async () => {
    expect((await ask({ opcode: LOOKUP, body: body('nothing') })).error).toBe(-ENOENT);
    const made = await ask({ opcode: MKDIR, body: body(0o755, 0, 'a') });
    expect(made.error).toBe(0);
    expect((await ask({ opcode: RMDIR, body: body('a') })).error).toBe(0);
    expect((await ask({ opcode: GETATTR, node: idOf(made), body: body(0, 0, 0n) })).error).toBe(-ENOENT);
  });

  test('what the kernel forgets is forgotten, one by one or many at once', async () => {
    const first = await lookUp('bandwidth');
    await lookUp('bandwidth');
    const second = await lookUp('stat');
    expect(session.nodes).toBe(3);
    session.handle(message({ opcode: FORGET, node: first, body: body(1n) }));
    expect(session.nodes).toBe(3);
    session.handle(
      message({ opcode: BATCH_FORGET, body: body(2, 0, BigInt(first), 1n, BigInt(second), 1n) }),
    );
    expect(session.nodes).toBe(1);
    expect(sent.length).toBe(3);
  });

  test('an entry that the kernel does not want is not counted', async () => {
    result = 'unwanted';
    await ask({ opcode: LOOKUP, body: body('bandwidth') });
    expect(session.nodes).toBe(1);
  });

  test('a renamed directory takes along what is known of it, and an open file', async () => {
    const a = idOf(await ask({ opcode: MKDIR, body: body(0o755, 0, 'a') }));
    const file = await lookUp('bandwidth', a);
    const handle = await openAt(file);
    const b = idOf(await ask({ opcode: MKDIR, body: body(0o755, 0, 'b') }));
    expect((await ask({ opcode: RENAME, body: body(BigInt(b), 'a', 'inner') })).error).toBe(0);
    expect(fileSystem.changes).toEqual(['rename a b/inner']);
    expect((await writeAt(file, handle, 0, '9mbit\n')).error).toBe(0);
    expect(fileSystem.changes[1]).toBe('write b/inner/bandwidth "9mbit\\n" by 0');
  });

  test('a rename that must not replace finds what is there; names are not exchanged', async () => {
    await ask({ opcode: MKDIR, body: body(0o755, 0, 'a') });
    await ask({ opcode: MKDIR, body: body(0o755, 0, 'b') });
    const rename2 = (flags: number, to: string): Promise<Answered> =>
      ask({ opcode: RENAME2, body: body(1n, flags, 0, 'a', to) });
    expect((await rename2(1, 'b')).error).toBe(-EEXIST);
    expect((await rename2(2, 'b')).error).toBe(-EINVAL);
    expect((await rename2(1, 'c')).error).toBe(0);
  });

  test('links are made, read and removed', async () => {
    const link = await ask({ opcode: SYMLINK, body: body('l', '../a b') });
    expect(link.data.readUInt32LE(40 + 60)).toBe(0o120777);
    const { data } = await ask({ opcode: READLINK, node: idOf(link) });
    expect(data.toString()).toBe('../a b');
    expect((await ask({ opcode: UNLINK, body: body('l') })).error).toBe(0);
    expect((await ask({ opcode: LOOKUP, body: body('l') })).error).toBe(-ENOENT);
  });

  test('chmod and chown arrive, sizes and times do not', async () => {
    const set = vi.spyOn(fileSystem, 'setAttributes');
    const setattr = (valid: number): Promise<Answered> =>
      ask({
        opcode: SETATTR,
        uid: 7,
        body: body(valid, 0, 0n, 0n, 0n, 0n, 0n, 0n, 0, 0, 0, 0o40700, 0, 1000, 1001, 0),
      });
    expect((await setattr(8 | 16 | 32)).error).toBe(0);
    expect(set).not.toHaveBeenCalled();
    const { data } = await setattr(1 | 2 | 4);
    expect(set).toHaveBeenCalledWith('', { mode: 0o700, uid: 1000, gid: 1001 }, { uid: 7, gid: 7, pid: 77 });
    expect([data.readUInt32LE(16 + 60), data.readUInt32LE(16 + 68)]).toEqual([0o40700, 1000]);
  });
});

describe('files', () => {
  test('the text is taken at the beginning, and again at the next beginning', async () => {
    const node = await lookUp('stat');
    const handle = await openAt(node);
    expect((await readAt(node, handle, 0, 4)).data.toString()).toBe('pack');
    fileSystem.root.children.get('stat')!.text = 'other';
    expect((await readAt(node, handle, 4, 4096)).data.toString()).toBe('ets 12\nbytes 3456\n');
    expect((await readAt(node, handle, 22, 4096)).data.length).toBe(0);
    expect((await readAt(node, handle, 0, 4096)).data.toString()).toBe('other');
  });

  test('a write is seen by the next read of the same open file', async () => {
    const node = await lookUp('bandwidth');
    const handle = await openAt(node, 2);
    await readAt(node, handle, 0, 10);
    const { data } = await writeAt(node, handle, 0, '7mbit\n');
    expect(data.readUInt32LE(0)).toBe(6);
    expect((await readAt(node, handle, 2, 10)).data.toString()).toBe('bit\n');
  });

  test('each write is one change with its whole text', async () => {
    const node = await lookUp('bandwidth');
    const handle = await openAt(node, 1);
    await writeAt(node, handle, 0, '5mbit\n');
    await writeAt(node, handle, 6, '6mbit\n');
    await writeAt(node, handle, 0, '7mbit');
    await writeAt(node, handle, 0, '8mbit');
    expect(fileSystem.changes.map((line) => line.split(' ')[2])).toEqual(
      ['5mbit\n', '6mbit\n', '7mbit', '8mbit'].map((text) => JSON.stringify(text)),
    );
  });

  test('a line that was not ended is gone on with, byte by byte and within a letter', async () => {
    const node = await lookUp('bandwidth');
    const handle = await openAt(node, 1);
    for (const [i, letter] of ['2', '5', '\n'].entries()) await writeAt(node, handle, i, letter);
    expect(fileSystem.changes.at(-1)).toBe('write bandwidth "25\\n" by 0');
    const [high, low] = Buffer.from('é');
    expect((await writeAt(node, handle, 3, Uint8Array.of(high!))).error).toBe(-EINVAL);
    expect((await writeAt(node, handle, 3, Uint8Array.of(high!, low!, 10))).error).toBe(0);
    expect(fileSystem.changes.at(-1)).toBe('write bandwidth "é\\n" by 0');
  });

  test('a bad value is the errno of its write, and begins nothing', async () => {
    const node = await lookUp('bandwidth');
    const handle = await openAt(node, 1);
    expect((await writeAt(node, handle, 0, 'bad')).error).toBe(-EINVAL);
    await writeAt(node, handle, 3, '6mbit\n');
    expect(fileSystem.changes.at(-1)).toBe('write bandwidth "6mbit\\n" by 0');
  });

  test('with O_APPEND the offset says nothing', async () => {
    const node = await lookUp('bandwidth');
    const handle = await openAt(node, 0o2001);
    await writeAt(node, handle, 4096, '4');
    await writeAt(node, handle, 4096, '2\n');
    expect(fileSystem.changes.at(-1)).toBe('write bandwidth "42\\n" by 0');
  });

  test('what is too long for a value changes nothing', async () => {
    const node = await lookUp('bandwidth');
    const handle = await openAt(node, 1);
    expect((await writeAt(node, handle, 0, 'x'.repeat(65_536))).error).toBe(0);
    expect((await writeAt(node, handle, 65_536, 'x')).error).toBe(-EFBIG);
    expect((await writeAt(node, handle, 0, 'x'.repeat(131_072))).error).toBe(-EFBIG);
    expect(fileSystem.changes.length).toBe(1);
  });

  test('a handle that was released is no handle', async () => {
    const node = await lookUp('bandwidth');
    const handle = await openAt(node);
    expect((await ask({ opcode: RELEASE, node, body: body(handle, 0, 0, 0n) })).error).toBe(0);
    expect((await readAt(node, handle, 0, 10)).error).toBe(-EBADF);
    const directory = (await ask({ opcode: OPENDIR, body: body(0, 0) })).data.readBigUInt64LE(0);
    expect((await readAt(1, directory, 0, 10)).error).toBe(-EBADF);
  });

  test('the size of the file system is nothing', async () => {
    const { data } = await ask({ opcode: STATFS });
    expect([data.length, data.readBigUInt64LE(0), data.readUInt32LE(44)]).toEqual([80, 0n, 255]);
  });
});

describe('lists', () => {
  interface Listed {
    readonly name: string;
    readonly type: number;
    readonly next: number;
  }

  function entries(data: Buffer): Listed[] {
    const found: Listed[] = [];
    for (let at = 0; at < data.length; ) {
      const length = data.readUInt32LE(at + 16);
      const name = data.subarray(at + 24, at + 24 + length).toString();
      found.push({ name, type: data.readUInt32LE(at + 20), next: Number(data.readBigUInt64LE(at + 8)) });
      at += (24 + length + 7) & ~7;
    }
    return found;
  }

  async function listAll(size: number): Promise<Listed[][]> {
    const handle = (await ask({ opcode: OPENDIR, body: body(0, 0) })).data.readBigUInt64LE(0);
    const chunks: Listed[][] = [];
    for (let offset = 0; ; ) {
      const request = body(handle, BigInt(offset), size, 0, 0n, 0, 0);
      const { data } = await ask({ opcode: READDIR, body: request });
      expect(data.length).toBeLessThanOrEqual(size);
      if (data.length === 0) break;
      chunks.push(entries(data));
      offset = chunks.at(-1)!.at(-1)!.next;
      // What comes meanwhile does not tear the list.
      await fileSystem.makeDirectory(`late-${chunks.length}`, 0o755, { uid: 0, gid: 0, pid: 1 });
    }
    await ask({ opcode: RELEASEDIR, body: body(handle, 0, 0, 0n) });
    return chunks;
  }

  test('thousands of entries come in bounded chunks, each once', async () => {
    const made = Array.from({ length: 3000 }, (_, i) => `class-${i}`);
    for (const name of made) await fileSystem.makeDirectory(name, 0o755, { uid: 0, gid: 0, pid: 1 });
    const chunks = await listAll(4096);
    expect(chunks.length).toBeGreaterThan(20);
    const names = chunks.flat().map(({ name }) => name);
    expect(names).toEqual(['.', '..', 'bandwidth', 'stat', ...made]);
  });

  test('an entry says its kind; too little room gives nothing', async () => {
    const [chunk] = await listAll(4096);
    expect(chunk!.map(({ type }) => type)).toEqual([4, 4, 8, 8]);
    expect(await listAll(31)).toEqual([]);
  });
});

describe('trouble', () => {
  test('one that waits keeps no other waiting', async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    fileSystem.before = (_, path) => (path === 'stat' ? gate : Promise.resolve());
    const slow = ask({ opcode: LOOKUP, body: body('stat') });
    expect(await lookUp('bandwidth')).toBe(2);
    let isIdle = false;
    void session.idle().then(() => {
      isIdle = true;
    });
    expect(isIdle).toBe(false);
    go();
    expect(idOf(await slow)).toBe(3);
    await vi.waitFor(() => expect(isIdle).toBe(true));
  });

  test('a fault is EIO and told, a FileError is its errno and not told', async () => {
    fileSystem.before = async (_, path) => {
      if (path === 'stat') throw new TypeError('a fault of ours');
      throw new FileError('EPERM');
    };
    expect((await ask({ opcode: LOOKUP, body: body('stat') })).error).toBe(-EIO);
    expect((await ask({ opcode: LOOKUP, body: body('bandwidth') })).error).toBe(-EPERM);
    // The same again within seconds is not told again.
    await ask({ opcode: LOOKUP, body: body('stat') });
    expect(faults).toEqual([new TypeError('a fault of ours')]);
  });

  test('after a signal an answer has a second; what comes later is taken back', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    session.close();
    session = begin();
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    fileSystem.before = () => gate;
    session.handle(message({ opcode: LOOKUP, unique: 100, body: body('stat') }));
    session.handle(message({ opcode: LOOKUP, unique: 102, body: body('bandwidth') }));
    session.handle(message({ opcode: INTERRUPT, unique: 101, body: body(100n) }));
    session.handle(message({ opcode: INTERRUPT, unique: 107, body: body(106n) }));
    vi.advanceTimersByTime(900);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(1100);
    expect(sent.map(({ unique, error }) => [unique, error])).toEqual([[100, -EINTR]]);
    vi.advanceTimersByTime(36_000);
    expect(sent.map(({ unique, error }) => [unique, error])).toEqual([
      [100, -EINTR],
      [102, -ETIMEDOUT],
    ]);
    go();
    await new Promise((resolve) => setImmediate(resolve));
    expect([sent.length, session.nodes]).toEqual([2, 1]);
  });
});
