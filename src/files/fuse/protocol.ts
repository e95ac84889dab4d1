/**
 * Numbers of the FUSE protocol, as linux/fuse.h has them. Structures of the kernel are words of 32 bits in
 * the order of the machine; offsets and lengths here are in bytes.
 */
import { endianness } from 'node:os';

export const MAJOR = 7;
/** We speak this minor version, which Linux has had since 5.4, or an older one of the kernel. */
export const MINOR = 31;
/** From here on the answer to INIT has its present shape (Linux 3.15). */
export const MINOR_MIN = 23;

export const OP = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  rename2: 45,
} as const;

/** struct fuse_in_header: len, opcode, unique, nodeid, uid, gid, pid, lengths. */
export const IN_HEADER_BYTES = 40;
/** struct fuse_out_header: len, error, unique. */
export const OUT_HEADER_BYTES = 16;
export const ATTR_BYTES = 88;
/** struct fuse_entry_out without its attributes. */
export const ENTRY_BYTES = 40;
/** struct fuse_attr_out without its attributes. */
export const ATTR_OUT_BYTES = 16;
export const INIT_OUT_BYTES = 64;
export const OPEN_OUT_BYTES = 16;
export const WRITE_OUT_BYTES = 8;
export const STATFS_BYTES = 80;
/** struct fuse_dirent without its name. */
export const DIRENT_BYTES = 24;

/** The longest data of one WRITE that we ask for; the kernel splits a longer write(2). */
export const WRITE_BYTES_MAX = 1 << 17;
/** A read from the device must have room for the longest request. */
export const REQUEST_BYTES_MAX = WRITE_BYTES_MAX + 4096;
export const NAME_BYTES_MAX = 255;

/** Flags of INIT: reads at once, truncation by OPEN, long writes, requests inside a directory at once. */
export const INIT_FLAGS = (1 << 0) | (1 << 3) | (1 << 5) | (1 << 18);
/** Answer to OPEN: the kernel keeps no pages of the file, so sizes do not matter and reads are new. */
export const FOPEN_DIRECT_IO = 1;

/** Which fields SETATTR sets. */
export const SET = { mode: 1, uid: 2, gid: 4 } as const;
/** Flags of RENAME2. */
export const RENAME_NOREPLACE = 1;

export const ROOT_ID = 1;

/** Which of two words of a 64-bit number has its low bits. */
const LOW = endianness() === 'LE' ? 0 : 1;

/** Exact up to 2^53: our own ids, and the kernel's counters, stay below. */
export function read64(words: Uint32Array, at: number): number {
  return words[at + (1 - LOW)]! * 2 ** 32 + words[at + LOW]!;
}

export function write64(words: Uint32Array, at: number, value: number): void {
  words[at + LOW] = value >>> 0;
  words[at + (1 - LOW)] = Math.floor(value / 2 ** 32);
}
