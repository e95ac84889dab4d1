/**
 * Reads time stamps and window scale out of TCP options (RFC 7323). Nearly all segments have their time
 * stamps in one place, behind two NOPs, as appendix A of the RFC recommends: that is one comparison.
 */
import { NONE } from '../base/none.ts';
import { headerBytesOf, readWord, TCP_HEADER_BYTES } from './tcp-header.ts';

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_SCALE = 3;
const OPTION_TIMESTAMPS = 8;
const OPTION_MD5 = 19;
const OPTION_AO = 29;
const SCALE_BYTES = 3;
const TIMESTAMPS_BYTES = 10;
/** NOP, NOP, kind and length of time stamps. */
const USUAL_LAYOUT = 0x0101080a;

export class TcpOptions {
  // What the last read() has found.
  hasStamp = false;
  /** TSval and TSecr, signed. */
  stamp = 0;
  echo = 0;
  /** NONE without the option; it has a meaning in a SYN only. */
  scale = NONE;

  /**
   * Reads the options of the header that begins at `slab[at]` and ends at `slab[end]`, or whose copy ends
   * there. Whether the header `isSyn` decides if a scale is looked for.
   */
  read(slab: Uint8Array, at: number, end: number, isSyn: boolean): void {
    this.hasStamp = false;
    this.scale = NONE;
    const first = at + TCP_HEADER_BYTES;
    if (first + 2 + TIMESTAMPS_BYTES <= end && readWord(slab, first) === USUAL_LAYOUT)
      this.takeStamps(slab, first + 2);
    else if (first < end) this.walk(slab, first, end, isSyn);
  }

  private walk(slab: Uint8Array, first: number, end: number, isSyn: boolean): void {
    let bytes = 1;
    for (let at = first; at < end; at += bytes) {
      const kind = slab[at];
      if (kind === OPTION_END) return;
      bytes = 1;
      if (kind === OPTION_NOP) continue;
      if (at + 2 > end) return;
      bytes = slab[at + 1];
      if (bytes < 2 || at + bytes > end) return;
      if (kind === OPTION_TIMESTAMPS && bytes === TIMESTAMPS_BYTES) this.takeStamps(slab, at);
      else if (isSyn && kind === OPTION_SCALE && bytes === SCALE_BYTES) this.scale = slab[at + 2];
    }
  }

  private takeStamps(slab: Uint8Array, at: number): void {
    this.hasStamp = true;
    this.stamp = readWord(slab, at + 2);
    this.echo = readWord(slab, at + 6);
  }
}

/** Bytes of a header with nothing but time stamps in their usual place. */
const USUAL_HEADER_BYTES = TCP_HEADER_BYTES + 2 + TIMESTAMPS_BYTES;

/**
 * Whether the segment whose header begins at `slab[at]` is signed (RFC 2385, RFC 5925), or might be because
 * its options were not copied whole or are malformed: nothing of it may be changed then.
 */
export function isSigned(slab: Uint8Array, at: number, end: number): boolean {
  const headerBytes = headerBytesOf(slab, at);
  const first = at + TCP_HEADER_BYTES;
  const headerEnd = at + headerBytes;
  if (headerEnd > end || headerEnd < first) return true;
  if (headerEnd === first) return false;
  if (headerBytes === USUAL_HEADER_BYTES && readWord(slab, first) === USUAL_LAYOUT) return false;
  let bytes = 1;
  for (let o = first; o < headerEnd; o += bytes) {
    const kind = slab[o];
    if (kind === OPTION_END) return false;
    bytes = 1;
    if (kind === OPTION_NOP) continue;
    if (o + 2 > headerEnd) return true;
    bytes = slab[o + 1];
    if (bytes < 2 || o + bytes > headerEnd || kind === OPTION_MD5 || kind === OPTION_AO) return true;
  }
  return false;
}
