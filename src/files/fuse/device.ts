/**
 * The connection to the kernel: /dev/fuse. A read waits in a thread of libuv until a request comes, and only
 * the end of the mount ends it. So the process can end only after that.
 */
import { closeSync, read, writeSync } from 'node:fs';
import { isSystemError } from '../../base/system-error.ts';
import { REQUEST_BYTES_MAX } from './protocol.ts';
import type { SendResult } from './session.ts';

/** Before the mount there is nothing to read; the kernel says so with EPERM. */
const EARLY_MS = 2;

/** A request that its program gave up before we read it; a signal; nothing there. */
const AGAIN = new Set(['ENOENT', 'EINTR', 'EAGAIN']);

export class FuseDevice {
  readonly #fd: number;
  readonly #buffer = Buffer.from(new ArrayBuffer(REQUEST_BYTES_MAX));
  #isMounted = false;
  #isGivenUp = false;
  #isLast = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The mount stands: from now on EPERM is a failure. */
  mounted(): void {
    this.#isMounted = true;
  }

  /** There will be no mount. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  /** The next request gets no answer: the connection ends with it. */
  endWithNext(): void {
    this.#isLast = true;
  }

  /**
   * Hands on requests, one by one, until the mount ends. Their memory is used again after each call.
   * Rejects if the kernel refuses to be read.
   */
  serve(onRequest: (bytes: Uint8Array) => void): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const next = (): void => {
        read(this.#fd, this.#buffer, 0, REQUEST_BYTES_MAX, null, (error, length) => {
          if (error === null) {
            if (length === 0 || this.#isLast) return resolve();
            onRequest(this.#buffer.subarray(0, length));
            return next();
          }
          const code = error.code ?? '';
          if (AGAIN.has(code)) next();
          else if (code === 'EPERM' && this.#isGivenUp) resolve();
          else if (code === 'EPERM' && !this.#isMounted) setTimeout(next, EARLY_MS);
          // The mount has ended, or its connection was cut.
          else if (code === 'ENODEV' || code === 'ECONNABORTED') resolve();
          else reject(error);
        });
      };
      next();
    }).finally(() => closeSync(this.#fd));
  }

  /** Never waits: the kernel takes an answer at once, or not at all. */
  send(answer: Buffer): SendResult {
    try {
      writeSync(this.#fd, answer);
      return 'sent';
    } catch (error) {
      // The program has gone, or the whole mount; the reader finds that out.
      if (isSystemError(error)) return 'unwanted';
      throw error;
    }
  }
}
