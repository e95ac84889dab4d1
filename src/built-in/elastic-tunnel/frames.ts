/**
 * What crosses a connection. From the side that opened it: HELLO and the four bytes of a session, then
 * frames. A frame is six bytes and a packet: its length, its flow, and its number in that flow, each two
 * bytes, high one first. Back come receipts of four bytes: how many bytes of frames have been read in all,
 * without what exceeds 32 bits. Connections of one session number the packets of a flow together.
 */
export const HELLO = Buffer.from('itm-tunnel 1\n');
export const SESSION_BYTES = 4;
export const FRAME_HEADER_BYTES = 6;
/** The flow of packets that belong to none that is known: they have no order. */
export const NO_FLOW = 0xffff;
export const RECEIPT_BYTES = 4;
const FRAME_BYTES_MAX = 65_535 + FRAME_HEADER_BYTES;
const IPV4_BYTES_MIN = 20;
const IPV6_BYTES_MIN = 40;

export type TakePacket = (packet: Uint8Array, flow: number, number: number) => void;

/** Cuts a stream into HELLO and packets, whatever the pieces in which it comes. */
export class FrameReader {
  /** Bytes of frames read so far, those of the beginning of one included. */
  frameBytes = 0;
  hasGreeted = false;
  /** Once it has greeted. */
  session = 0;
  private readonly rest = new Uint8Array(FRAME_BYTES_MAX);
  private restBytes = 0;

  /**
   * Gives the packets of `chunk` to `take`; each is valid until it returns.
   * @throws Error that says what is no tunnel
   */
  read(chunk: Uint8Array, take: TakePacket): void {
    let at = 0;
    if (!this.hasGreeted) {
      at = this.fill(chunk, 0, HELLO.length + SESSION_BYTES);
      const seen = Math.min(this.restBytes, HELLO.length);
      if (HELLO.compare(this.rest, 0, seen, 0, seen) !== 0)
        throw new Error('the stream does not begin as one of elastic-tunnel does');
      if (this.restBytes < HELLO.length + SESSION_BYTES) return;
      this.session = halfAt(this.rest, HELLO.length) * 0x10000 + halfAt(this.rest, HELLO.length + 2);
      this.hasGreeted = true;
      this.restBytes = 0;
    }
    this.frameBytes += chunk.length - at;
    while (at < chunk.length) at = this.readFrame(chunk, at, take);
  }

  private readFrame(chunk: Uint8Array, at: number, take: TakePacket): number {
    if (this.restBytes === 0 && chunk.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + lengthAt(chunk, at);
      if (end <= chunk.length) {
        give(chunk.subarray(at, end), take);
        return end;
      }
    }
    let next = this.fill(chunk, at, FRAME_HEADER_BYTES);
    if (this.restBytes < FRAME_HEADER_BYTES) return next;
    const frameBytes = FRAME_HEADER_BYTES + lengthAt(this.rest, 0);
    next = this.fill(chunk, next, frameBytes);
    if (this.restBytes < frameBytes) return next;
    this.restBytes = 0;
    give(this.rest.subarray(0, frameBytes), take);
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

const halfAt = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];

function lengthAt(bytes: Uint8Array, at: number): number {
  const length = halfAt(bytes, at);
  if (length < IPV4_BYTES_MIN) throw new Error(`a frame has ${length} bytes, and no IP packet is so short`);
  return length;
}

function give(frame: Uint8Array, take: TakePacket): void {
  const packet = frame.subarray(FRAME_HEADER_BYTES);
  const version = packet[0] >> 4;
  if (version !== 4 && (version !== 6 || packet.length < IPV6_BYTES_MIN))
    throw new Error('a frame holds no IP packet');
  take(packet, halfAt(frame, 2), halfAt(frame, 4));
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
