/**
 * Output that reaches a slow reader completely. Node writes to a pipe asynchronously, and a pipe takes 64
 * KiB at a time, so a process that ends before its reader has taken the rest would cut the output off.
 */
import type { Writable } from 'node:stream';

/**
 * A reader that goes away (`| head`) is no fault of the program. Output that it no longer takes is discarded.
 */
export function toleratesLostReader(stream: Writable): void {
  stream.on('error', () => stream.destroy());
}

/** Resolves when the stream has passed on all its output, or its reader has gone. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) return resolve();
    stream.once('close', resolve);
    stream.write('', () => resolve());
  });
}
