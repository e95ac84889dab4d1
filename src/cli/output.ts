/**
 * Output that a slow reader gets whole. Writes to a pipe are asynchronous in Node, and a pipe takes 64 KiB at a time: a process that
 * ends before its reader has taken the rest would cut it off.
 */
import type { Writable } from 'node:stream';

/** A reader that goes away (`| head`) is no fault of the program: what it no longer takes is discarded. */
export function toleratesLostReader(stream: Writable): void {
  stream.on('error', () => stream.destroy());
}

/** Resolves when the stream has passed on everything written so far, or its reader has gone. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) return resolve();
    stream.once('close', resolve);
    stream.write('', () => resolve());
  });
}
