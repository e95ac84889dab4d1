/** The TCP header of the packet that the view shows. */
import { shortText } from '../../base/short-text.ts';
import type { TcpHeader } from '../../modules/api/packet.ts';
import {
  ACK_AT,
  FLAGS_AT,
  headerBytesOf,
  readHalf,
  readWord,
  SEQ_AT,
  WINDOW_AT,
} from '../../packet/tcp-header.ts';

/** What a header needs of its packet. */
export interface TcpPacket {
  readonly slab: Uint8Array;
  readonly start: number;
  readonly l4Offset: number;
  readonly length: number;
  readonly hasTcp: boolean;
  mayChange(field: string): boolean;
  putTransport(at: number, value: number): void;
  flagsAre(flags: number): void;
}

export class TcpView implements TcpHeader {
  private readonly packet: TcpPacket;

  constructor(packet: TcpPacket) {
    this.packet = packet;
  }

  get flags(): number {
    return this.packet.hasTcp ? this.packet.slab[this.at + FLAGS_AT] : 0;
  }

  set flags(value: number) {
    checked(value, 0xff, 'flags');
    if (!this.mayChange('flags')) return;
    const { packet } = this;
    const offset = packet.slab[this.at + FLAGS_AT - 1];
    packet.putTransport(FLAGS_AT - 1, (offset << 8) | value);
    packet.flagsAre(value);
  }

  get seq(): number {
    return this.word(SEQ_AT);
  }

  set seq(value: number) {
    this.setWord(SEQ_AT, value, 'seq');
  }

  get ack(): number {
    return this.word(ACK_AT);
  }

  set ack(value: number) {
    this.setWord(ACK_AT, value, 'ack');
  }

  get window(): number {
    return this.packet.hasTcp ? readHalf(this.packet.slab, this.at + WINDOW_AT) : 0;
  }

  set window(value: number) {
    checked(value, 0xffff, 'window');
    if (this.mayChange('window')) this.packet.putTransport(WINDOW_AT, value);
  }

  get dataBytes(): number {
    const { packet } = this;
    if (!packet.hasTcp) return 0;
    return Math.max(0, packet.length - packet.l4Offset - headerBytesOf(packet.slab, this.at));
  }

  /** Place of the header in the slab. */
  private get at(): number {
    return this.packet.start + this.packet.l4Offset;
  }

  private word(at: number): number {
    return this.packet.hasTcp ? readWord(this.packet.slab, this.at + at) >>> 0 : 0;
  }

  private setWord(at: number, value: number, field: string): void {
    checked(value, 0xffffffff, field);
    if (!this.mayChange(field)) return;
    this.packet.putTransport(at, value >>> 16);
    this.packet.putTransport(at + 2, value & 0xffff);
  }

  /** A module may keep this view until a packet comes that has no TCP header. */
  private mayChange(field: string): boolean {
    if (!this.packet.hasTcp) throw new TypeError(`the packet has no TCP header, and so no ${field}`);
    return this.packet.mayChange(field);
  }
}

/** @throws RangeError unless `value` is a whole number from 0 to `max` */
export function checked(value: number, max: number, field: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(`${field} ${shortText(value)} is no whole number from 0 to ${max}`);
}
