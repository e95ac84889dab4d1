/**
 * Takes lines for a file descriptor and never waits for its reader: a terminal stopped by Ctrl-S, a pipe that
 * nobody reads, a full disk. Lines wait in bounded memory. Further lines are dropped, and counted in a line
 * of their own as soon as the reader takes lines again.
 *
 * Neither Node's streams nor a thread will do. Streams write to terminals synchronously, and the process
 * cannot end while a thread is blocked in write().
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { isSystemError } from '../base/system-error.ts';
import { terminalDevice } from './terminal.ts';

/** Lines of an hour of trouble. A terminal takes 4 KiB at a time, a pipe 64. */
const WAITING_BYTES_MAX = 256 * 1024;
/** A reader that goes on sees its lines this late. */
const RETRY_MS = 50;

/**
 * Takes bytes without waiting. Returns how many it took, or null if they are lost: a full disk, no reader.
 */
export type TryWrite = (bytes: Uint8Array) => number | null;

export interface SinkOptions {
  readonly tryWrite: TryWrite;
  /** The line that tells of dropped ones. */
  readonly lineOfDropped: (lines: number) => string;
}

export class Sink {
  private readonly options: SinkOptions;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private unreported = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(options: SinkOptions) {
    this.options = options;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.unreported++;
      return;
    }
    this.append(bytes);
    if (this.timer === null) this.proceed();
  }

  /** Resolves when all lines are taken, or after `deadlineMs`. */
  async drain(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    while (this.waiting.length > 0 && performance.now() < endMs) await sleep(RETRY_MS / 5, this.proceed());
  }

  private append(bytes: Buffer): void {
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
  }

  /** Writes what the reader takes now, and comes again for the rest. */
  private proceed(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    while (this.waiting.length > 0) {
      const bytes = this.waiting[0] as Buffer;
      const taken = this.options.tryWrite(bytes);
      if (taken === null) this.unreported++;
      this.waitingBytes -= taken ?? bytes.length;
      if (taken === null || taken === bytes.length) this.waiting.shift();
      else {
        this.waiting[0] = bytes.subarray(taken);
        this.timer = setTimeout(() => this.proceed(), RETRY_MS);
        this.timer.unref();
        return;
      }
      if (taken !== null) this.report();
    }
  }

  /** The reader takes lines: tells it of those that it missed. */
  private report(): void {
    if (this.unreported === 0 || this.waiting.length > 0) return;
    const line = this.options.lineOfDropped(this.unreported);
    this.unreported = 0;
    this.append(Buffer.from(line));
  }
}

/** A writer to the descriptor of the stream that never waits, whatever the descriptor is. */
export function nonBlockingWriter(stream: Writable & { readonly fd: number }): TryWrite {
  const { fd } = stream;
  // A regular file never makes its writer wait for a reader, and if opened again it would have a second
  // place.
  if (fstatSync(fd).isFile()) return (bytes) => writeNow(fd, bytes);
  const own = openAgain(fd);
  if (own !== null) return (bytes) => writeNow(own, bytes);
  // Node writes to a terminal synchronously. Lost lines are better than packets that wait.
  return isatty(fd) ? () => null : (bytes) => writeStream(stream, bytes);
}

/**
 * Opened again the descriptor has flags of its own, so that the other users of a terminal or a pipe notice
 * nothing. After sudo or setpriv the terminal is another user's, but /dev/tty opens it for everybody whose
 * terminal it is. Null if it cannot be opened.
 */
function openAgain(fd: number): number | null {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  const isOwnTerminal = isatty(fd) && fstatSync(fd).rdev === terminalDevice();
  for (const path of [`/proc/self/fd/${fd}`, ...(isOwnTerminal ? ['/dev/tty'] : [])]) {
    try {
      return openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }
  return null;
}

function writeNow(fd: number, bytes: Uint8Array): number | null {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return error.code === 'EAGAIN' || error.code === 'EINTR' ? 0 : null;
  }
}

/**
 * For sockets (journald), which cannot be opened again. Node writes to them, and to pipes, asynchronously.
 */
function writeStream(stream: Writable, bytes: Uint8Array): number | null {
  if (stream.destroyed) return null;
  if (stream.writableLength > 0) return 0;
  stream.write(bytes);
  return bytes.length;
}
