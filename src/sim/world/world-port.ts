/**
 * The shaper's place in the virtual world: a Port whose packets are rows of the packet table. It plays the
 * kernel's part: ids count up per NFQUEUE, an NFQUEUE holds at most so many undecided packets, VERDICT_UP_TO
 * decides every packet up to an id, new bytes replace a packet, and a mark that asks for CE sets it, as the
 * rules behind the NFQUEUE do.
 */
import { invariant } from '../../base/assert.ts';
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS, EDIT_BYTES } from '../../limits.ts';
import {
  type Batch,
  createBatch,
  NF_ACCEPT,
  NF_INET_FORWARD,
  VERDICT_SET_MARK,
  VERDICT_UP_TO,
} from '../../packet/batch.ts';
import type { Port } from '../../packet/port.ts';
import { IPPROTO_TCP } from '../../packet/tcp-header.ts';
import { MARK_CE, markAsks } from '../../spec/mark-codes.ts';
import { HEADER_STRIDE, tcpSum } from '../packets/headers.ts';
import { CE, PacketFifos, type PacketTable } from '../packets/packet-table.ts';
import { completePacket } from '../packets/whole.ts';

const VERDICT_CODE_MASK = 0xff;
const IDS_AT_START = 1024;

/** A way through the shaper: the devices a packet comes and leaves by, and its NFQUEUE. */
export interface ShaperRoute {
  readonly ifIndexIn: number;
  readonly ifIndexOut: number;
  /** Index of the NFQUEUE. */
  readonly nfqueue: number;
  /** NF_INET_FORWARD unless stated. */
  readonly hook?: number;
  /** Packets come whole: modules read and change them. */
  readonly isWhole?: boolean;
  /** The route of the same packets to classes alone, by its place in the list of routes. */
  readonly classStop?: number;
}

/** What a packet may need in the slab where it comes whole: no IP packet is longer. */
export const WHOLE_STRIDE = 1 << 16;

/** What the world does for the port. */
export interface PortOwner {
  /** Writes the first bytes of packet `p` at `slab[to]`; returns how many. */
  writeHeaders(p: number, to: number): number;
  /** Packet `p` has its verdict. The row is the owner's again. */
  verdictGiven(p: number, nfqueue: number, packetId: number, isAccepted: boolean): void;
}

export class WorldPort implements Port {
  readonly batch: Batch = createBatch();
  readonly slab: Uint8Array;
  readonly editOffset: number;
  readonly failureRows = 0;
  /** Instant asked for by the last arm(). */
  armedNs = Number.POSITIVE_INFINITY;
  /** Packets that came and were not read. */
  unread = 0;
  /** Packets the kernel refused because their NFQUEUE was full. */
  queueFullPackets = 0;
  /** Rows of the last drain. */
  private drained = 0;
  private readonly owner: PortOwner;
  private readonly packets: PacketTable;
  private readonly routes: readonly ShaperRoute[];
  private readonly lengthPackets: number;
  /** Room for each packet in the slab. */
  private readonly stride: number;
  /** New bytes of packets under way, by row of the packet table: those that modules have made. */
  private readonly changed = new Map<number, Uint8Array>();
  private readonly markMask: number;
  private readonly fifo: PacketFifos;
  // By NFQUEUE: packets without a verdict, the first id that may be one of them, the id after the last,
  // rows by id.
  private readonly waiting: Int32Array;
  private readonly oldestId: Int32Array;
  private readonly nextId: Int32Array;
  private readonly rowOfId: Int32Array[];
  /** By packet row; these two follow the packet table as it grows. */
  private idOf = new Uint32Array(0);
  private routeOf = new Uint16Array(0);

  /**
   * `slab` begins with room for ARRIVAL_ROWS packets, `stride` bytes each, and ends with the edit area of
   * EDIT_BYTES.
   */
  constructor(
    owner: PortOwner,
    packets: PacketTable,
    routes: readonly ShaperRoute[],
    slab: Uint8Array,
    nfqueue: { readonly count: number; readonly length: number; readonly markMask: number },
    stride = HEADER_STRIDE,
  ) {
    this.owner = owner;
    this.packets = packets;
    this.routes = routes;
    this.slab = slab;
    this.stride = stride;
    this.editOffset = slab.length - EDIT_BYTES;
    this.lengthPackets = nfqueue.length;
    this.markMask = nfqueue.markMask;
    this.fifo = new PacketFifos(1, packets);
    this.waiting = new Int32Array(nfqueue.count);
    this.oldestId = new Int32Array(nfqueue.count).fill(1);
    this.nextId = new Int32Array(nfqueue.count).fill(1);
    this.rowOfId = Array.from({ length: nfqueue.count }, () => new Int32Array(IDS_AT_START).fill(NONE));
  }

  /** Packet `p` comes by route `r`; false when its NFQUEUE is full. */
  arrive(p: number, r: number): boolean {
    const { nfqueue } = this.routes[r];
    if (this.waiting[nfqueue] >= this.lengthPackets) {
      this.queueFullPackets++;
      return false;
    }
    this.waiting[nfqueue] += 1;
    const id = this.nextId[nfqueue];
    this.nextId[nfqueue] = id + 1;
    if (id - this.oldestId[nfqueue] >= this.rowOfId[nfqueue].length) this.growIds(nfqueue, id);
    const rows = this.rowOfId[nfqueue];
    rows[id & (rows.length - 1)] = p;
    if (p >= this.idOf.length) this.growColumns();
    this.idOf[p] = id;
    this.routeOf[p] = r;
    this.fifo.push(0, p);
    this.unread++;
    return true;
  }

  drain(): number {
    const a = this.batch.arrivals;
    let row = 0;
    for (; row < ARRIVAL_ROWS && this.unread > 0; row++) {
      const p = this.fifo.shift(0);
      this.unread--;
      const route = this.routes[this.routeOf[p]];
      const offset = row * this.stride;
      a.packetId[row] = this.idOf[p];
      a.nfqueue[row] = route.nfqueue;
      a.hook[row] = route.hook ?? NF_INET_FORWARD;
      a.ifIndexIn[row] = route.ifIndexIn;
      a.ifIndexOut[row] = route.ifIndexOut;
      a.lengthBytes[row] = this.packets.lengthBytes[p];
      a.copiedBytes[row] = route.isWhole ? this.writeWhole(p, offset) : this.writeFirst(p, offset);
      a.slabOffset[row] = offset;
    }
    this.drained = row;
    return row;
  }

  /**
   * A packet begins its way: row `p` is not the packet any more that it was. Without `bytes` the owner
   * has them.
   */
  begins(p: number, bytes: Uint8Array | null = null): void {
    if (bytes !== null) this.changed.set(p, bytes.slice());
    else if (this.changed.size > 0) this.changed.delete(p);
  }

  /** The packet of the last drain that has these bytes; NONE if none has. */
  packetOf(bytes: Uint8Array): number {
    const { packetId, nfqueue, lengthBytes, slabOffset } = this.batch.arrivals;
    for (let row = 0; row < this.drained; row++) {
      if (lengthBytes[row] !== bytes.length || !this.hasBytes(slabOffset[row], bytes)) continue;
      const rows = this.rowOfId[nfqueue[row]];
      return rows[packetId[row] & (rows.length - 1)];
    }
    return NONE;
  }

  /** Where packet `p` would come to classes, but to no module; NONE if no rule brings it there. */
  classStopOf(p: number): number {
    return this.routes[this.routeOf[p]].classStop ?? NONE;
  }

  private hasBytes(at: number, bytes: Uint8Array): boolean {
    for (let n = 0; n < bytes.length; n++) if (this.slab[at + n] !== bytes[n]) return false;
    return true;
  }

  private writeFirst(p: number, to: number): number {
    const bytes = this.changed.get(p);
    if (bytes === undefined) return this.owner.writeHeaders(p, to);
    const count = Math.min(HEADER_STRIDE, bytes.length);
    this.slab.set(bytes.subarray(0, count), to);
    return count;
  }

  private writeWhole(p: number, to: number): number {
    const bytes = this.changed.get(p);
    if (bytes !== undefined) {
      this.slab.set(bytes, to);
      return bytes.length;
    }
    const lengthBytes = this.packets.lengthBytes[p];
    completePacket(this.slab, to, this.owner.writeHeaders(p, to), lengthBytes);
    return lengthBytes;
  }

  send(count: number): void {
    const { packetId, nfqueue, verdict, mark, payloadBytes, payloadOffset } = this.batch.verdicts;
    for (let row = 0; row < count; row++) {
      const q = nfqueue[row];
      const id = packetId[row];
      if (payloadBytes[row] > 0) this.edit(q, id, payloadOffset[row], payloadBytes[row]);
      const isAccepted = (verdict[row] & VERDICT_CODE_MASK) === NF_ACCEPT;
      const setsCe = (verdict[row] & VERDICT_SET_MARK) !== 0 && markAsks(this.markMask, mark[row], MARK_CE);
      if ((verdict[row] & VERDICT_UP_TO) === 0) {
        this.giveVerdict(q, id, isAccepted, setsCe);
        continue;
      }
      for (let older = this.oldestId[q]; older <= id; older = Math.max(older + 1, this.oldestId[q])) {
        const rows = this.rowOfId[q];
        if (rows[older & (rows.length - 1)] !== NONE) this.giveVerdict(q, older, isAccepted, setsCe);
      }
    }
  }

  arm(dueNs: number): void {
    this.armedNs = dueNs;
  }

  private giveVerdict(nfqueue: number, id: number, isAccepted: boolean, setsCe: boolean): void {
    const rows = this.rowOfId[nfqueue];
    const mask = rows.length - 1;
    const inWindow = id >= this.oldestId[nfqueue] && id < this.nextId[nfqueue];
    const p = inWindow ? rows[id & mask] : NONE;
    // The text of a message is made only if it is needed: it would cost as much as the rest.
    if (p === NONE)
      invariant(false, `a verdict for packet ${id} of nfqueue ${nfqueue}, which has none to come`);
    rows[id & mask] = NONE;
    this.waiting[nfqueue] -= 1;
    let oldest = this.oldestId[nfqueue];
    const next = this.nextId[nfqueue];
    while (oldest < next && rows[oldest & mask] === NONE) oldest++;
    this.oldestId[nfqueue] = oldest;
    if (setsCe) this.packets.ecn[p] = CE;
    this.owner.verdictGiven(p, nfqueue, id, isAccepted);
  }

  /**
   * The packet becomes the `bytes` bytes at `slab[at]`. Of these a row of the packet table has the length,
   * the ECN field and the window of TCP. Nothing else of TCP may change, and its checksum must be right,
   * unless modules may have changed it: its bytes are kept for who reads them next, and its ends go on by
   * the row.
   */
  private edit(nfqueue: number, id: number, at: number, bytes: number): void {
    const rows = this.rowOfId[nfqueue];
    const p = rows[id & (rows.length - 1)];
    invariant(p !== NONE && at + bytes <= this.slab.length, 'new bytes are for a packet, and in the slab');
    const isIpv4 = this.slab[at] >> 4 === 4;
    this.packets.lengthBytes[p] = bytes;
    this.packets.ecn[p] = (isIpv4 ? this.slab[at + 1] : this.slab[at + 1] >> 4) & 3;
    const protocol = this.slab[at + (isIpv4 ? 9 : 6)];
    if (this.stride === WHOLE_STRIDE) this.changed.set(p, this.slab.slice(at, at + bytes));
    else if (protocol === IPPROTO_TCP) this.takeWindow(p, at, isIpv4 ? 20 : 40, bytes);
  }

  private takeWindow(p: number, at: number, ipBytes: number, bytes: number): void {
    const { packets, slab } = this;
    const tcp = at + ipBytes;
    const field = (slab[tcp + 14] << 8) | slab[tcp + 15];
    const before = packets.windowField[p];
    invariant(tcpSum(slab, at, bytes) === 0xffff, 'the checksum of an edited segment is right');
    invariant(
      readUint32(slab, tcp + 4) === packets.firstByte[p] &&
        readUint32(slab, tcp + 8) === packets.ackByte[p] &&
        slab[tcp + 13] === packets.tcpFlags[p],
      'numbers and flags of an edited segment are as they were',
    );
    invariant(field <= before && (field > 0 || before === 0), 'no window is made larger, or closed');
    packets.windowField[p] = field;
  }

  /** The span of undecided ids has outgrown the ring. */
  private growIds(nfqueue: number, nextId: number): void {
    const from = this.rowOfId[nfqueue];
    const to = new Int32Array(2 * from.length).fill(NONE);
    for (let id = this.oldestId[nfqueue]; id < nextId; id++) {
      to[id & (to.length - 1)] = from[id & (from.length - 1)];
    }
    this.rowOfId[nfqueue] = to;
  }

  private growColumns(): void {
    const idOf = new Uint32Array(this.packets.rows);
    const routeOf = new Uint16Array(this.packets.rows);
    idOf.set(this.idOf);
    routeOf.set(this.routeOf);
    this.idOf = idOf;
    this.routeOf = routeOf;
  }
}

function readUint32(slab: Uint8Array, at: number): number {
  return (slab[at] << 24) | (slab[at + 1] << 16) | (slab[at + 2] << 8) | slab[at + 3];
}
