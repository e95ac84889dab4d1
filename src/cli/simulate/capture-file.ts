/**
 * Opens capture files of any size: plain files in place, standard input and packed files through a temporary
 * one.
 */
import { createReadStream, createWriteStream, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { reasonOf } from '../../base/system-error.ts';
import type { ReadAt } from '../../sim/capture/window.ts';

const STANDARD_INPUT = '-';
const GZIP_MAGIC = [0x1f, 0x8b] as const;

export interface OpenCapture {
  readonly name: string;
  readonly readAt: ReadAt;
  readonly sizeBytes: number;
}

/** Throws OperatingError if the file cannot be read or unpacked. `-` is standard input. */
export async function openCapture(file: string): Promise<OpenCapture> {
  const isStandardInput = file === STANDARD_INPUT;
  const name = isStandardInput ? 'standard input' : file.slice(file.lastIndexOf('/') + 1);
  try {
    let fd = isStandardInput ? await spooled(process.stdin) : openSync(file, 'r');
    if (!fstatSync(fd).isFile()) fd = await spooled(createReadStream('', { fd }));
    if (isGzip(fd)) fd = await spooled(createReadStream('', { fd, start: 0 }).pipe(createGunzip()));
    const readAt: ReadAt = (into, position) => readSync(fd, into, 0, into.length, position);
    return { name, readAt, sizeBytes: fstatSync(fd).size };
  } catch (error) {
    const reason = reasonOf(error, {
      ENOENT: 'no such file',
      EACCES: 'not ours to read',
      ENOSPC: `no room for a temporary file in ${tmpdir()} (TMPDIR names another place)`,
      Z_DATA_ERROR: 'damaged gzip data',
      Z_BUF_ERROR: 'the gzip data ends too early',
    });
    throw new OperatingError(EXIT_USAGE, `cannot read ${file}: ${reason}`);
  }
}

function isGzip(fd: number): boolean {
  const start = new Uint8Array(GZIP_MAGIC.length);
  readSync(fd, start, 0, start.length, 0);
  return GZIP_MAGIC.every((byte, i) => start[i] === byte);
}

/** Copies a stream into a temporary file that has no name any more: it goes with the process. */
async function spooled(source: NodeJS.ReadableStream): Promise<number> {
  const path = join(await mkdtemp(join(tmpdir(), 'shaper-')), 'capture');
  try {
    await pipeline(source, createWriteStream(path, { mode: 0o600 }));
    return openSync(path, 'r');
  } finally {
    unlinkSync(path);
    await rmdir(dirname(path));
  }
}
