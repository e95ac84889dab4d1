/** The TCP header (RFC 9293, 3.1): where its fields lie, its flags, and how they are read. */
export const IPPROTO_TCP = 6;

/** Without options. */
export const TCP_HEADER_BYTES = 20;

// Offsets from the start of the header.
export const SEQ_AT = 4;
export const ACK_AT = 8;
/** The high half of this byte has the length of the header in words. */
export const DATA_OFFSET_AT = 12;
export const FLAGS_AT = 13;
export const WINDOW_AT = 14;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const ECE = 0x40;
export const CWR = 0x80;

/** A field of 32 bits, signed: differences of sequence numbers are. */
export function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** A field of 16 bits. */
export function readHalf(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

/** Length of the header that begins at `bytes[at]`, with its options. */
export function headerBytesOf(bytes: Uint8Array, at: number): number {
  return (bytes[at + DATA_OFFSET_AT] >> 4) * 4;
}
