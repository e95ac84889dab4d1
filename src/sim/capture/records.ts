/** The records of a capture, whatever the format of its file. */
import type { LinkLayer } from './links.ts';

/** Whether the capturing machine sent or received a packet, if the file says so. */
export const DIRECTION_UNKNOWN = 0;
export const DIRECTION_OUT = 1;
export const DIRECTION_IN = 2;

/** Longest frame that libpcap writes (MAXIMUM_SNAPLEN); a longer one comes from a damaged file. */
export const FRAME_BYTES_MAX = 262_144;

/** One frame. A reader fills the same object for every record. */
export interface CaptureRecord {
  /** Stamp of the frame: seconds and nanoseconds since 1970. `hasStamp` is false where the file has none. */
  sec: number;
  ns: number;
  hasStamp: boolean;
  link: LinkLayer;
  /** The frame's first byte, as an index in the reader's window. Valid until the next record is read. */
  at: number;
  capturedBytes: number;
  /** Length on the wire as the file says it; 0 where it says none. */
  wireBytes: number;
  direction: number;
}

/** Why the records ended before the file did. */
export interface CaptureTrouble {
  /** `cut`: the last record is not complete. `damaged`: there is no record where one should be. */
  readonly kind: 'cut' | 'damaged';
  /** Position in the file of the record that cannot be read. */
  readonly atByte: number;
}

export interface RecordReader {
  /**
   * Reads the next record into `record`. Returns false at the end; `trouble` then says if the end came early.
   */
  next(record: CaptureRecord): boolean;
  readonly trouble: CaptureTrouble | null;
}
