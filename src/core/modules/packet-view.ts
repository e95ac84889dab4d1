/**
 * The one view by which modules see packets: it reads columns and bytes of the row that it stands on, and
 * writes them where they lie. Setters check first and write then, so a value that is refused changes nothing.
 *
 * Packets that were not copied whole (longer than COPY_BYTES_MAX) are left as they are: what is set is not
 * written, and counts as an error of the module.
 */
import { shortText } from '../../base/short-text.ts';
import type { Handle, Hook, Packet, TcpHeader } from '../../modules/api/packet.ts';
import { addressText, addressWordsOf } from '../../packet/address-text.ts';
import { FRAGMENT_NONE } from '../../packet/parse.ts';
import { IPPROTO_TCP, readHalf, TCP_HEADER_BYTES } from '../../packet/tcp-header.ts';
import { IPPROTO_SCTP, setTrafficClass } from './mending.ts';
import { checkPacket, IPV4_BYTES, IPV6_BYTES, putHalf, sumRow } from './row-bytes.ts';
import { FLOW_UNKNOWN, type Rows } from './rows.ts';
import { checked, TcpView } from './tcp-view.ts';

/** By NF_INET_*. */
export const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** What the view asks of the stage. */
export interface ViewParts {
  readonly findFlow: (rows: Rows, p: number) => void;
  readonly nameOf: (ifIndex: number) => string;
  readonly hold: (rows: Rows, p: number) => Handle;
  /** What was set of a packet could not be written. */
  readonly refused: () => void;
  /** Mark bits that are the shaper's. */
  readonly markMask: number;
}

export class PacketView implements Packet {
  private readonly parts: ViewParts;
  /** A packet without anything. */
  private readonly none: Rows;
  private rows: Rows;
  private p = 0;
  /** Whether the module has asked for whole packets. */
  private hasPayload = false;
  private view: Uint8Array | null = null;
  private readonly tcpView: TcpView;
  private readonly words = new Uint32Array(4);
  /** A change has begun and not ended: code of a module that was ended from outside stood in it. */
  isBusy = false;

  /** `none` are rows of zeros. */
  constructor(none: Rows, parts: ViewParts) {
    this.none = none;
    this.rows = none;
    this.parts = parts;
    this.tcpView = new TcpView(this);
  }

  /** Shows packet `p` of `rows`. */
  show(rows: Rows, p: number, hasPayload: boolean): void {
    this.rows = rows;
    this.p = p;
    this.hasPayload = hasPayload;
    this.view = null;
  }

  /** Shows no packet: code that runs between batches must not touch one. */
  close(): void {
    this.rows = this.none;
    this.p = 0;
    this.view = null;
  }

  get hook(): Hook {
    return HOOKS[this.rows.arrivals.hook[this.p]] as Hook;
  }

  get length(): number {
    return this.rows.arrivals.lengthBytes[this.p];
  }

  /** The NFQUEUE of modules asks for no superpackets, so the kernel has cut them. */
  get segments(): number {
    return 1;
  }

  get family(): 4 | 6 | 0 {
    return this.rows.parsed.family[this.p] as 4 | 6 | 0;
  }

  get protocol(): number {
    return this.rows.parsed.protocol[this.p];
  }

  get src(): string {
    const { src0, src1, src2, src3 } = this.rows.parsed;
    return this.text(src0, src1, src2, src3);
  }

  set src(text: string) {
    this.setAddress(text, 'src', this.family === 4 ? 12 : 8);
  }

  get dst(): string {
    const { dst0, dst1, dst2, dst3 } = this.rows.parsed;
    return this.text(dst0, dst1, dst2, dst3);
  }

  set dst(text: string) {
    this.setAddress(text, 'dst', this.family === 4 ? 16 : 24);
  }

  get sport(): number {
    const { hasPorts, sport } = this.rows.parsed;
    return hasPorts[this.p] === 1 ? sport[this.p] : 0;
  }

  set sport(port: number) {
    this.setPort(port, 'sport', 0);
  }

  get dport(): number {
    const { hasPorts, dport } = this.rows.parsed;
    return hasPorts[this.p] === 1 ? dport[this.p] : 0;
  }

  set dport(port: number) {
    this.setPort(port, 'dport', 2);
  }

  get dscp(): number {
    return this.rows.parsed.dscp[this.p];
  }

  set dscp(value: number) {
    this.setClass(checked(value, 63, 'dscp'), this.ecn);
  }

  get ecn(): number {
    return this.rows.parsed.ecn[this.p];
  }

  set ecn(value: number) {
    this.setClass(this.dscp, checked(value, 3, 'ecn'));
  }

  get ttl(): number {
    const { family } = this;
    if (family === 0 || this.copied < (family === 4 ? IPV4_BYTES : IPV6_BYTES)) return 0;
    return this.rows.slab[this.start + (family === 4 ? 8 : 7)];
  }

  set ttl(value: number) {
    checked(value, 255, 'ttl');
    if (!this.mayChange('ttl') || value === this.ttl) return;
    const { slab } = this.rows;
    this.isBusy = true;
    if (this.family === 4) putHalf(this.rows, this.p, 8, (value << 8) | slab[this.start + 9], true, false);
    else slab[this.start + 7] = value;
    this.rows.changed(this.p, false);
    this.isBusy = false;
  }

  get tcp(): TcpHeader | null {
    return this.hasTcp ? this.tcpView : null;
  }

  get mark(): number {
    return (this.rows.arrivals.mark[this.p] & ~this.parts.markMask) >>> 0;
  }

  set mark(value: number) {
    const { arrivals } = this.rows;
    const { markMask } = this.parts;
    checked(value, 0xffffffff, 'mark');
    if ((value & markMask) !== 0)
      throw new RangeError(`mark ${hex(value)} has bits of the shaper's own mask ${hex(markMask)}`);
    if (value === this.mark) return;
    // Without its bytes a local packet could not be routed by the new mark and keep what its class asks for.
    if (!this.mayChange('mark')) return;
    arrivals.mark[this.p] = (arrivals.mark[this.p] & markMask) | value;
    this.rows.changed(this.p, true);
  }

  get iif(): string {
    return this.parts.nameOf(this.rows.arrivals.ifIndexIn[this.p]);
  }

  get oif(): string {
    return this.parts.nameOf(this.rows.arrivals.ifIndexOut[this.p]);
  }

  get flow(): number {
    this.findFlow();
    return this.rows.flow[this.p];
  }

  get direction(): 0 | 1 {
    this.findFlow();
    return this.rows.direction[this.p] as 0 | 1;
  }

  get bytes(): Uint8Array | null {
    if (!this.hasPayload) return null;
    this.view ??= this.rows.slab.subarray(this.start, this.start + this.copied);
    return this.view;
  }

  touched(): void {
    if (!this.mayChange('bytes')) return;
    this.isBusy = true;
    sumRow(this.rows, this.p);
    this.rows.readAgain(this.p);
    this.rows.changed(this.p, true);
    this.isBusy = false;
  }

  replace(bytes: Uint8Array): void {
    if (!this.hasPayload)
      throw new TypeError('replace() needs payload: true in the definition of the module');
    checkPacket(bytes, this.family);
    if (!this.mayChange('bytes')) return;
    const { arrivals, slab } = this.rows;
    if (bytes.length > this.rows.roomBytes(this.p)) {
      this.parts.refused();
      return;
    }
    this.isBusy = true;
    slab.set(bytes, this.start);
    arrivals.lengthBytes[this.p] = bytes.length;
    arrivals.copiedBytes[this.p] = bytes.length;
    this.view = null;
    this.rows.readAgain(this.p);
    this.rows.changed(this.p, true);
    this.isBusy = false;
  }

  hold(): Handle {
    return this.parts.hold(this.rows, this.p);
  }

  // For the view of the TCP header.

  /** Place of the packet's first byte in its slab. */
  get start(): number {
    return this.rows.arrivals.slabOffset[this.p];
  }

  get slab(): Uint8Array {
    return this.rows.slab;
  }

  /** Place of the transport header in the packet. */
  get l4Offset(): number {
    return this.rows.parsed.l4Offset[this.p];
  }

  get hasTcp(): boolean {
    const { parsed } = this.rows;
    const l4 = parsed.l4Offset[this.p];
    return parsed.protocol[this.p] === IPPROTO_TCP && l4 !== 0 && l4 + TCP_HEADER_BYTES <= this.copied;
  }

  /** Writes a half word of the transport header, `at` from its start, and mends the checksum. */
  putTransport(at: number, value: number): void {
    if (readHalf(this.slab, this.start + this.l4Offset + at) === value) return;
    this.isBusy = true;
    putHalf(this.rows, this.p, this.l4Offset + at, value, false, true);
    this.rows.changed(this.p, false);
    this.isBusy = false;
  }

  /** TCP flags are a column too. */
  flagsAre(flags: number): void {
    this.rows.parsed.tcpFlags[this.p] = flags;
  }

  /**
   * Whether the packet can be changed. If it is longer than what is copied, that counts as an error.
   * @throws TypeError if it is no IP packet with a whole header, which has no such field
   */
  mayChange(field: string): boolean {
    const { family } = this;
    if (family === 0 || this.copied < (family === 4 ? IPV4_BYTES : IPV6_BYTES))
      throw new TypeError(`the packet has no ${field}: it is no IP packet`);
    if (this.rows.isWhole(this.p)) return true;
    this.parts.refused();
    return false;
  }

  /** After a change that was cut off: checksums and columns fit the bytes again. */
  repair(): void {
    if (!this.isBusy) return;
    this.isBusy = false;
    sumRow(this.rows, this.p);
    this.rows.readAgain(this.p);
    this.rows.changed(this.p, true);
  }

  private get copied(): number {
    return this.rows.arrivals.copiedBytes[this.p];
  }

  private text(w0: Uint32Array, w1: Uint32Array, w2: Uint32Array, w3: Uint32Array): string {
    const { words, p, family } = this;
    if (family === 0) return '';
    words[0] = w0[p];
    words[1] = w1[p];
    words[2] = w2[p];
    words[3] = w3[p];
    return addressText(family, words);
  }

  private findFlow(): void {
    if (this.rows.flow[this.p] === FLOW_UNKNOWN) this.parts.findFlow(this.rows, this.p);
  }

  private setClass(dscp: number, ecn: number): void {
    if (!this.mayChange('dscp')) return;
    const { parsed, slab } = this.rows;
    const { start, p } = this;
    if (dscp === parsed.dscp[p] && ecn === parsed.ecn[p]) return;
    this.isBusy = true;
    setTrafficClass(slab, start, dscp, ecn);
    parsed.dscp[p] = dscp;
    parsed.ecn[p] = ecn;
    this.rows.changed(p, true);
    this.isBusy = false;
  }

  private setAddress(text: string, field: string, at: number): void {
    const words = typeof text === 'string' ? addressWordsOf(text) : null;
    if (words === null)
      throw new RangeError(`${field} ${shortText(text)} is no address, such as "192.0.2.1" or "2001:db8::1"`);
    if (!this.mayChange(field)) return;
    const { parsed } = this.rows;
    const { p } = this;
    if (words.length !== (parsed.family[p] === 4 ? 1 : 4))
      throw new RangeError(`${field} ${text} is of another family than the packet`);
    const isIpv4 = parsed.family[p] === 4;
    this.isBusy = true;
    for (let w = 0; w < words.length; w++) {
      putHalf(this.rows, this.p, at + 4 * w, words[w] >>> 16, isIpv4, true);
      putHalf(this.rows, this.p, at + 4 * w + 2, words[w] & 0xffff, isIpv4, true);
    }
    this.rows.readAgain(p);
    this.rows.changed(p, true);
    this.isBusy = false;
  }

  private setPort(port: number, field: string, at: number): void {
    const { parsed } = this.rows;
    checked(port, 0xffff, field);
    if (parsed.hasPorts[this.p] === 0) throw new TypeError(`the packet has no ${field}`);
    const isSctp = parsed.protocol[this.p] === IPPROTO_SCTP;
    if (isSctp && parsed.fragment[this.p] !== FRAGMENT_NONE)
      throw new TypeError(`${field} of a fragment of SCTP cannot be set: its checksum is over the whole`);
    if (!this.mayChange(field)) return;
    this.putTransport(at, port);
    if (isSctp) sumRow(this.rows, this.p);
    (at === 0 ? parsed.sport : parsed.dport)[this.p] = port;
    this.rows.flow[this.p] = FLOW_UNKNOWN;
  }
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}
