/** Requests as the kernel writes them, made by hand, and readers of answers. Little endian, as x86. */

export interface Sent {
  readonly opcode: number;
  readonly unique?: number;
  readonly node?: number;
  readonly uid?: number;
  readonly body?: Uint8Array;
}

const HEADER_BYTES = 40;
const NOTHING = new Uint8Array();

/** struct fuse_in_header and the body behind it, in memory that begins at a multiple of 8. */
export function message({ opcode, unique = 2, node = 1, uid = 0, body: data = NOTHING }: Sent): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(HEADER_BYTES + data.length));
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(opcode, 4);
  bytes.writeBigUInt64LE(BigInt(unique), 8);
  bytes.writeBigUInt64LE(BigInt(node), 16);
  bytes.writeUInt32LE(uid, 24);
  bytes.writeUInt32LE(uid, 28);
  bytes.writeUInt32LE(77, 32);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

/** Words of 32 bits, numbers of 64 bits as bigint, texts with a zero behind them. */
export function body(...parts: readonly (number | bigint | string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (part instanceof Uint8Array) return part;
      if (typeof part === 'string') return Buffer.from(`${part}\0`);
      const bytes = Buffer.alloc(typeof part === 'bigint' ? 8 : 4);
      if (typeof part === 'bigint') bytes.writeBigUInt64LE(part);
      else bytes.writeUInt32LE(part);
      return bytes;
    }),
  );
}

export interface Answered {
  readonly unique: number;
  /** As the kernel wants it: 0 or a negative errno. */
  readonly error: number;
  readonly data: Buffer;
}

export function answered(bytes: Buffer): Answered {
  if (bytes.readUInt32LE(0) !== bytes.length) throw new Error('the length of an answer is wrong');
  return {
    unique: Number(bytes.readBigUInt64LE(8)),
    error: bytes.readInt32LE(4),
    data: bytes.subarray(16),
  };
}
