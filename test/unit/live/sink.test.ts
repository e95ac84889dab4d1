import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nonBlockingWriter, Sink, type TryWrite } from '../../../src/live/sink.ts';

/** A reader that takes `room` bytes more, and null for a full disk. */
function reader() {
  const state: { room: number | null; text: string } = { room: 0, text: '' };
  const tryWrite: TryWrite = (bytes) => {
    if (state.room === null) return null;
    const taken = Math.min(state.room, bytes.length);
    state.room -= taken;
    state.text += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  };
  return { state, sink: new Sink({ tryWrite, lineOfDropped: (lines) => `dropped ${lines}\n` }) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the sink of log lines', () => {
  it('keeps the order through a reader that stops in the middle of a line', () => {
    const { state, sink } = reader();
    state.room = 3;
    sink.write('one\n');
    sink.write('two\n');
    expect(state.text).toBe('one');
    state.room = 100;
    vi.advanceTimersByTime(100);
    expect(state.text).toBe('one\ntwo\n');
  });

  it('keeps at most 256 KiB, counts the rest, and says so when the reader goes on', () => {
    const { state, sink } = reader();
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 10_000; i++) sink.write(line);
    state.room = 1e9;
    vi.advanceTimersByTime(100);
    expect(state.text).toBe(`${line.repeat(256)}dropped 9744\n`);
  });

  it('counts lines that a full disk loses', () => {
    const { state, sink } = reader();
    state.room = null;
    sink.write('lost\n');
    sink.write('lost\n');
    state.room = 100;
    sink.write('back\n');
    expect(state.text).toBe('back\ndropped 2\n');
  });

  it('drain: ends with the deadline, or when all is taken', async () => {
    vi.useRealTimers();
    const { state, sink } = reader();
    sink.write('late\n');
    const before = performance.now();
    await sink.drain(60);
    expect(performance.now() - before).toBeGreaterThanOrEqual(60);
    state.room = 100;
    await sink.drain(1e6);
    expect(state.text).toBe('late\n');
  });
});

describe('a writer that never waits', () => {
  const path = join(tmpdir(), `shaper-sink-${process.pid}`);
  afterEach(() => rmSync(path, { force: true }));
  const on = (fd: number): TryWrite => nonBlockingWriter({ fd } as Writable & { fd: number });

  it('to a pipe: takes what fits, 0 when it is full, null without a reader', () => {
    execFileSync('mkfifo', [path]);
    const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    // Blocking, as a shell makes it.
    const fd = openSync(path, constants.O_WRONLY);
    const write = on(fd);
    let taken = 0;
    for (let n = write(Buffer.alloc(4096)); n; n = write(Buffer.alloc(4096))) taken += n;
    expect(taken).toBe(65_536);
    expect(write(Buffer.from('x'))).toBe(0);
    closeSync(readEnd);
    expect(write(Buffer.from('x'))).toBe(null);
    closeSync(fd);
  });

  it('to a full disk: null', () => {
    const fd = openSync('/dev/full', 'w');
    expect(on(fd)(Buffer.from('x'))).toBe(null);
    closeSync(fd);
  });

  it('to a file: at the place where its other writers are', () => {
    const fd = openSync(path, 'w');
    writeSync(fd, 'a');
    expect(on(fd)(Buffer.from('b'))).toBe(1);
    writeSync(fd, 'c');
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe('abc');
  });

  it('to a socket, which cannot be opened again: through its stream, one line at a time', async () => {
    vi.useRealTimers();
    const server = createServer((accepted) => accepted.pause());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const socket = connect(path);
    await new Promise((resolve) => socket.once('connect', resolve));
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    const write = nonBlockingWriter(Object.assign(socket, { fd }));
    let waits = false;
    for (let i = 0; i < 1000 && !waits; i++) waits = write(Buffer.alloc(65_536)) === 0;
    expect(waits).toBe(true);
    expect(socket.writableLength).toBeLessThanOrEqual(65_536);
    socket.destroy();
    expect(write(Buffer.from('x'))).toBe(null);
    server.close();
  });
});
