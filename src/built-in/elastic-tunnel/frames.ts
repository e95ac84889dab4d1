/**
 * What crosses a connection. From the side that opened it: HELLO, then frames, each the length of a packet in
 * two bytes, high one first, and the packet. Back come receipts of four bytes: how many bytes of frames have
 * been read in all, without what exceeds 32 bits.
 */
export const HELLO = Buffer.from('itm-tunnel 1\n');
export const FRAME_HEADER_BYTES = 2;
export const RECEIPT_BYTES = 4;
const FRAME_BYTES_MAX = 65_535 + FRAME_HEADER_BYTES;
const IPV4_BYTES_MIN = 20;
const IPV6_BYTES_MIN = 40;

/** Cuts a stream into HELLO and packets, whatever the pieces in which it comes. */
export class FrameReader {
  /** Bytes of frames read so far, those of the beginning of one included. */
  frameBytes = 0;
  hasGreeted = false;
  private readonly rest = new Uint8Array(FRAME_BYTES_MAX);
  private restBytes = 0;

  /**
   * Gives the packets of `chunk` to `take`; each is valid until it returns.
   * @throws Error that says what is no tunnel
   */
  read(chunk: Uint8Array, take: (packet: Uint8Array) => void): void {
    let at = 0;
    if (!this.hasGreeted) {
      at = this.fill(chunk, 0, HELLO.length);
      const seen = this.rest.subarray(0, this.restBytes);
      if (HELLO.compare(seen, 0, this.restBytes, 0, this.restBytes) !== 0)
        throw new Error('the stream does not begin as one of elastic-tunnel does');
      if (this.restBytes < HELLO.length) return;
      this.hasGreeted = true;
      this.restBytes = 0;
    }
    this.frameBytes += chunk.length - at;
    while (at < chunk.length) at = this.readFrame(chunk, at, take);
  }

  private readFrame(chunk: Uint8Array, at: number, take: (packet: Uint8Array) => void): number {
    if (this.restBytes === 0 && chunk.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + lengthAt(chunk, at);
      if (end <= chunk.length) {
        take(checked(chunk.subarray(at + FRAME_HEADER_BYTES, end)));
        return end;
      }
    }
    let next = this.fill(chunk, at, FRAME_HEADER_BYTES);
    if (this.restBytes < FRAME_HEADER_BYTES) return next;
    const frameBytes = FRAME_HEADER_BYTES + lengthAt(this.rest, 0);
    next = this.fill(chunk, next, frameBytes);
    if (this.restBytes < frameBytes) return next;
    this.restBytes = 0;
    take(checked(this.rest.subarray(FRAME_HEADER_BYTES, frameBytes)));
    return next;
  }

  /** Copies from `chunk[at]` until the rest has `bytes` bytes or the chunk ends. Returns where it stopped. */
  private fill(chunk: Uint8Array, at: number, bytes: number): number {
    const end = Math.min(chunk.length, at + Math.max(0, bytes - this.restBytes));
    this.rest.set(chunk.subarray(at, end), this.restBytes);
    this.restBytes += end - at;
    return end;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  const length = (bytes[at] << 8) | bytes[at + 1];
  if (length < IPV4_BYTES_MIN) throw new Error(`a frame has ${length} bytes, and no IP packet is so short`);
  return length;
}

function checked(packet: Uint8Array): Uint8Array {
  const version = packet[0] >> 4;
  if (version === 4 || (version === 6 && packet.length >= IPV6_BYTES_MIN)) return packet;
  throw new Error('a frame holds no IP packet');
}

/** Receipts out of the stream that comes back. */
export class ReceiptReader {
  private value = 0;
  private digits = 0;

  /** The last whole receipt in `chunk`; -1: there is none. */
  read(chunk: Uint8Array): number {
    let last = -1;
    for (const byte of chunk) {
      this.value = ((this.value << 8) | byte) >>> 0;
      if (++this.digits < RECEIPT_BYTES) continue;
      last = this.value;
      this.value = 0;
      this.digits = 0;
    }
    return last;
  }
}
