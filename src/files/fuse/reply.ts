/** Answers to the kernel, as bytes. Each has its header in front already, which `seal` fills. */
import type { Attributes, FileKind } from './filesystem.ts';
import {
  ATTR_BYTES,
  ATTR_OUT_BYTES,
  DIRENT_BYTES,
  ENTRY_BYTES,
  FOPEN_DIRECT_IO,
  INIT_FLAGS,
  INIT_OUT_BYTES,
  MAJOR,
  MINOR,
  NAME_BYTES_MAX,
  OPEN_OUT_BYTES,
  OUT_HEADER_BYTES,
  STATFS_BYTES,
  WRITE_BYTES_MAX,
  WRITE_OUT_BYTES,
  write64,
} from './protocol.ts';

/** Bits of st_mode, and DT_ of a directory entry, which are the same shifted by 12. */
const KIND_BITS: Readonly<Record<FileKind, number>> = { dir: 0o040000, file: 0o100000, link: 0o120000 };
/** Files say that they have a page, as those of sysfs do. */
const FILE_BYTES = 4096;
const BLOCK_BYTES = 512;
const NS_PER_MS = 1e6;

/** An answer in the making: words behind the header. */
class Words {
  readonly bytes: Buffer;
  readonly words: Uint32Array;

  constructor(bodyBytes: number) {
    const memory = new ArrayBuffer(OUT_HEADER_BYTES + bodyBytes);
    this.bytes = Buffer.from(memory);
    this.words = new Uint32Array(memory, OUT_HEADER_BYTES, bodyBytes >> 2);
  }
}

/** Writes the header. Returns the same bytes. */
export function seal(answer: Buffer, unique: number, errno = 0): Buffer {
  const header = new Uint32Array(answer.buffer, answer.byteOffset, OUT_HEADER_BYTES / 4);
  header[0] = answer.length;
  header[1] = -errno;
  write64(header, 2, unique);
  return answer;
}

export function emptyReply(): Buffer {
  return new Words(0).bytes;
}

/** `minor`: that of the kernel. */
export function initReply(minor: number): Buffer {
  const { bytes, words } = new Words(INIT_OUT_BYTES);
  words[0] = MAJOR;
  words[1] = Math.min(minor, MINOR);
  words[3] = INIT_FLAGS;
  words[5] = WRITE_BYTES_MAX;
  // Times are exact to 1 ns.
  words[6] = 1;
  return bytes;
}

export interface ReplyNode {
  readonly attributes: Attributes;
  readonly inode: number;
}

/** `id` of a node is never given again, so its generation is always 0. */
export function entryReply(id: number, node: ReplyNode): Buffer {
  const { bytes, words } = new Words(ENTRY_BYTES + ATTR_BYTES);
  const { validMs = 0 } = node.attributes;
  write64(words, 0, id);
  write64(words, 4, Math.floor(validMs / 1000));
  write64(words, 6, Math.floor(validMs / 1000));
  words[8] = (validMs % 1000) * NS_PER_MS;
  words[9] = (validMs % 1000) * NS_PER_MS;
  writeAttributes(words, ENTRY_BYTES / 4, node);
  return bytes;
}

export function attributesReply(node: ReplyNode): Buffer {
  const { bytes, words } = new Words(ATTR_OUT_BYTES + ATTR_BYTES);
  const { validMs = 0 } = node.attributes;
  write64(words, 0, Math.floor(validMs / 1000));
  words[2] = (validMs % 1000) * NS_PER_MS;
  writeAttributes(words, ATTR_OUT_BYTES / 4, node);
  return bytes;
}

function writeAttributes(words: Uint32Array, at: number, { attributes, inode }: ReplyNode): void {
  const { kind, mode, uid, gid, changedMs, links = 1, sizeBytes } = attributes;
  const bytes = sizeBytes ?? (kind === 'file' ? FILE_BYTES : 0);
  const seconds = Math.floor(changedMs / 1000);
  write64(words, at, inode);
  write64(words, at + 2, bytes);
  write64(words, at + 4, Math.ceil(bytes / BLOCK_BYTES));
  for (let time = 0; time < 3; time++) {
    write64(words, at + 6 + 2 * time, seconds);
    words[at + 12 + time] = Math.floor((changedMs - 1000 * seconds) * NS_PER_MS);
  }
  words[at + 15] = KIND_BITS[kind] | (mode & 0o7777);
  words[at + 16] = links;
  words[at + 17] = uid;
  words[at + 18] = gid;
  words[at + 20] = FILE_BYTES;
}

export function openReply(handle: number, kind: 'dir' | 'file'): Buffer {
  const { bytes, words } = new Words(OPEN_OUT_BYTES);
  write64(words, 0, handle);
  words[2] = kind === 'file' ? FOPEN_DIRECT_IO : 0;
  return bytes;
}

export function writeReply(writtenBytes: number): Buffer {
  const { bytes, words } = new Words(WRITE_OUT_BYTES);
  words[0] = writtenBytes;
  return bytes;
}

/** A file system without blocks: `df` leaves it out, as it does with proc and sysfs. */
export function statfsReply(): Buffer {
  const { bytes, words } = new Words(STATFS_BYTES);
  words[10] = FILE_BYTES;
  words[11] = NAME_BYTES_MAX;
  words[12] = FILE_BYTES;
  return bytes;
}

export function dataReply(data: Uint8Array): Buffer {
  const { bytes } = new Words(data.length);
  bytes.set(data, OUT_HEADER_BYTES);
  return bytes;
}

export interface DirEntry {
  readonly inode: number;
  readonly kind: FileKind;
  readonly name: Uint8Array;
}

/** Entries from number `from` on, as many as fit. The offset of each is the number of the one behind it. */
export function listReply(entries: readonly DirEntry[], from: number, sizeMax: number): Buffer {
  let size = 0;
  let end = from;
  for (; end < entries.length; end++) {
    const next = size + direntBytes(entries[end]!);
    if (next > sizeMax) break;
    size = next;
  }
  const { bytes, words } = new Words(size);
  let at = 0;
  for (let i = from; i < end; i++) {
    const entry = entries[i]!;
    const word = at >> 2;
    write64(words, word, entry.inode);
    write64(words, word + 2, i + 1);
    words[word + 4] = entry.name.length;
    words[word + 5] = KIND_BITS[entry.kind] >> 12;
    bytes.set(entry.name, OUT_HEADER_BYTES + at + DIRENT_BYTES);
    at += direntBytes(entry);
  }
  return bytes;
}

function direntBytes({ name }: DirEntry): number {
  return (DIRENT_BYTES + name.length + 7) & ~7;
}
