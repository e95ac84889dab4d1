/**
 * Writes verdict rows, joins runs of them into one VERDICT_UP_TO, and notes them in the log, so that what was
 * counted and charged can be taken back if the kernel no longer had a packet (core/lost.ts).
 *
 * Joining: NFQNL_MSG_VERDICT_BATCH gives one verdict to every packet of an NFQUEUE up to an id, so it may
 * only be used while nothing older of that NFQUEUE waits. A run collects packets of one NFQUEUE, accepted
 * with one packet mark, while that NFQUEUE holds nothing. Drops of the same batch are written before the run,
 * so they are gone from the kernel when the run gets its verdict.
 *
 *   ids of an NFQUEUE:  41 accept  42 drop  43 accept  44 hold  45 accept
 *   rows written:       DROP 42,  ACCEPT up to 43 (run of two),  ACCEPT 45 by itself, because 44 waits now
 *
 * An edited packet has a verdict of its own, behind those of all older packets of its NFQUEUE in the run: a
 * batch verdict carries no new bytes.
 *
 * A verdict goes to the port that brought the packet, whichever port's batch runs then: an NFQUEUE belongs to
 * one socket.
 *
 * A flow keeps its order when it moves from one NFQUEUE to another of the same port. The port reads both in
 * order of arrival. Packets of a flow wait behind each other, whatever NFQUEUE they came by. The first packet
 * from the new NFQUEUE (FLAG_MOVED) closes all open runs, because a run may hold older packets of the flow.
 */
import { invariant } from '../../base/assert.ts';
import { NONE } from '../../base/none.ts';
import { COPY_BYTES_MAX, VERDICT_ROWS } from '../../limits.ts';
import {
  acceptUnrouted,
  NF_ACCEPT,
  NF_DROP,
  NF_INET_LOCAL_OUT,
  NF_REPEAT,
  VERDICT_SET_MARK,
  VERDICT_UP_TO,
  type Verdicts,
} from '../../packet/batch.ts';
import type { Port } from '../../packet/port.ts';
import { MARK_ASKS, MARK_CE, MARK_DSCPS_MAX, MARK_PACED, markBits } from '../../spec/mark-codes.ts';
import type { QueuePlan } from '../../spec/queue-plan.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import type { Steering } from '../flows/steering.ts';
import { ECN_CE, setTrafficClass } from '../modules/mending.ts';
import type { Edits } from '../packets/edits.ts';
import {
  FLAG_EDITED,
  FLAG_FETCH,
  FLAG_MARKED,
  FLAG_MOVED,
  FLAG_QUEUED,
  FLAG_STEER,
  FLAG_WHOLE,
  type HeldTable,
} from '../packets/held.ts';
import type { Ledger } from '../packets/ledger.ts';
import type { Trace } from '../trace/trace.ts';
import type { VerdictLog } from './verdict-log.ts';

/** A port and how many rows of its verdict columns are written but not sent. */
class Outbox {
  readonly port: Port;
  rows = 0;
  /** End of the new bytes in the port's edit area that belong to these rows. */
  editedTo: number;

  constructor(port: Port) {
    this.port = port;
    this.editedTo = port.editOffset;
  }

  send(): void {
    this.port.send(this.rows);
    this.rows = 0;
    this.editedTo = this.port.editOffset;
  }
}

export class VerdictWriter {
  /** By NFQUEUE: the port that its packets came by, which takes their verdicts too. */
  private readonly outboxOf: Outbox[] = [];
  /** Every port once. */
  private readonly outboxes: Outbox[] = [];
  /** By NFQUEUE: packets read that have no verdict yet. */
  private waiting = new Int32Array(0);
  private readonly markMask: number;
  private readonly foreignMask: number;
  private acceptOthers: number = NF_ACCEPT;
  /** Accepts a packet of this host that has another mark or new bytes. Signed, to stay a small integer. */
  private acceptLocal: number = NF_ACCEPT;
  /** What every verdict for a packet of this host asks for; 0 if its mark may stay. */
  private localBits = 0;
  private readonly ceBits: number;
  private readonly pacedBits: number;
  /** By number of a DSCP: the mark bits that ask for it; 0 for number 0. */
  private readonly remarkBits: Uint32Array;
  /** By NFQUEUE: the mark bits that ask to move a flow away from it. */
  private steerBits = new Uint32Array(0);
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly edits: Edits;
  private readonly ledger: Ledger;
  private readonly log: VerdictLog;
  private readonly steering: Steering;
  private readonly trace: Trace;
  // The open run of each NFQUEUE: packets in it, and the id, verdict, packet mark and tag of its last packet.
  private runPackets = new Int32Array(0);
  private runLastId = new Uint32Array(0);
  private runVerdict = new Int32Array(0);
  private runMark = new Uint32Array(0);
  private runTag = new Int32Array(0);

  constructor(
    markMask: number,
    held: HeldTable,
    flows: FlowTable,
    edits: Edits,
    ledger: Ledger,
    steering: Steering,
    log: VerdictLog,
    trace: Trace,
    plan: QueuePlan,
  ) {
    this.markMask = markMask;
    this.foreignMask = ~markMask >>> 0;
    this.ceBits = markBits(markMask, MARK_CE);
    this.pacedBits = markBits(markMask, MARK_PACED);
    this.remarkBits = Uint32Array.from({ length: MARK_DSCPS_MAX + 1 }, (_, number) =>
      number === 0 ? 0 : markBits(markMask, MARK_ASKS | number),
    );
    this.held = held;
    this.flows = flows;
    this.edits = edits;
    this.ledger = ledger;
    this.log = log;
    this.steering = steering;
    this.trace = trace;
    this.usePlan(plan);
  }

  /**
   * Goes by another plan, which the steering has already. An NFQUEUE that the plan has no more keeps its row,
   * because packets that came by it may wait.
   */
  usePlan(plan: QueuePlan): void {
    this.closeRuns();
    // A repeated chain must see that the packet has been here. The rule that does not route is its last.
    this.acceptOthers = plan.sharesChains ? NF_REPEAT : NF_ACCEPT;
    this.acceptLocal = plan.sharesChains ? NF_REPEAT : acceptUnrouted(plan.unreadNfqueue) | 0;
    this.localBits = plan.sharesChains ? markBits(this.markMask, MARK_ASKS) : 0;
    const { codes } = this.steering;
    this.steerBits = Uint32Array.from(codes, (code) => markBits(this.markMask, code));
    if (codes.length === this.waiting.length) return;
    const waiting = new Int32Array(codes.length);
    waiting.set(this.waiting);
    this.waiting = waiting;
    // No run is open.
    this.runPackets = new Int32Array(codes.length);
    this.runLastId = new Uint32Array(codes.length);
    this.runVerdict = new Int32Array(codes.length);
    this.runMark = new Uint32Array(codes.length);
    this.runTag = new Int32Array(codes.length);
  }

  /** Rows [0, rows) of the arrivals were read from `port`. Call before their packets are received. */
  connect(port: Port, rows: number): void {
    const { nfqueue } = port.batch.arrivals;
    for (let p = 0; p < rows; p++) {
      if (this.outboxOf[nfqueue[p]]?.port !== port) this.outboxOf[nfqueue[p]] = this.outboxFor(port);
    }
  }

  private outboxFor(port: Port): Outbox {
    const known = this.outboxes.find((one) => one.port === port);
    if (known) return known;
    const outbox = new Outbox(port);
    this.outboxes.push(outbox);
    return outbox;
  }

  /** Packet `h` is to have a verdict. */
  received(h: number): void {
    this.waiting[this.held.nfqueue(h)] += 1;
  }

  /** A packet of this NFQUEUE is to have a verdict behind newer ones. */
  receivedOf(nfqueue: number): void {
    this.waiting[nfqueue] += 1;
  }

  /** Accepts packet `h`, with its new bytes if it was edited, and gives its row back. */
  accept(h: number): void {
    const { held } = this;
    if ((held.flags[h] & FLAG_EDITED) !== 0) {
      this.acceptKept(h);
      return;
    }
    this.ledger.accepted(h);
    const nfqueue = held.nfqueue(h);
    const id = held.packetId[h];
    const tag = this.log.accept(h);
    const flags = held.flags[h];
    if ((flags & FLAG_MOVED) !== 0) this.closeRuns();
    // A verdict's mark replaces all bits: ours are cleared, others kept. At local output an accepted packet
    // with another mark would be routed again. There the mark stays, unless the verdict asks a rule for
    // something; then it is a verdict that does not route. A later rule clears our bits.
    const isLocal = this.staysOnRoute(h);
    const remark = held.remark(h);
    const asked =
      (isLocal ? this.localBits : 0) |
      ((flags & FLAG_MARKED) !== 0 ? this.ceBits : 0) |
      ((flags & FLAG_STEER) !== 0 ? this.steerBits[nfqueue] : 0) |
      // Its bits are those of both moves: it goes before them.
      ((flags & FLAG_FETCH) !== 0 ? this.pacedBits : 0) |
      this.remarkBits[remark];
    const setsMark = asked !== 0 || !isLocal;
    const accept = isLocal ? (asked !== 0 ? this.acceptLocal : NF_ACCEPT) : this.acceptOthers;
    const verdict = setsMark ? accept | VERDICT_SET_MARK : accept;
    const mark = setsMark ? ((held.mark[h] & this.foreignMask) | asked) >>> 0 : 0;
    this.waiting[nfqueue] = this.waiting[nfqueue] - 1;
    const inRun = this.runPackets[nfqueue];
    // Joins the run if every other packet read from the NFQUEUE has its verdict: then no older one waits.
    if (this.waiting[nfqueue] === 0) {
      if (inRun > 0 && (this.runVerdict[nfqueue] !== verdict || this.runMark[nfqueue] !== mark))
        this.closeRun(nfqueue);
      if (this.runPackets[nfqueue] > 0) this.log.join(tag, this.runTag[nfqueue]);
      this.runPackets[nfqueue] = this.runPackets[nfqueue] + 1;
      this.runLastId[nfqueue] = id;
      this.runVerdict[nfqueue] = verdict;
      this.runMark[nfqueue] = mark;
      this.runTag[nfqueue] = tag;
    } else {
      // The run holds older packets, perhaps of the same flow: they go first.
      if (inRun > 0) this.closeRun(nfqueue);
      this.write(nfqueue, id, verdict, mark, tag);
    }
    this.forget(h, held.lengthBytes[h]);
  }

  /** The slab from which the verdict of packet `h` takes new bytes. */
  slabOf(h: number): Uint8Array {
    return this.portOf(h).slab;
  }

  /**
   * Room for `bytes` new bytes of packet `h`: the place in slabOf(h) where it starts, valid until
   * acceptEdited(). Sends written verdicts first if the edit area is full of their bytes.
   */
  editRoom(h: number, bytes: number): number {
    const outbox = this.outboxOf[this.held.nfqueue(h)];
    if (outbox.editedTo + bytes > outbox.port.slab.length) outbox.send();
    invariant(outbox.editedTo + bytes <= outbox.port.slab.length, 'the edit area holds any packet');
    return outbox.editedTo;
  }

  /**
   * Accepts packet `h` with the `bytes` new bytes at `slabOf(h)[at]`: in its editRoom(), or, during the batch
   * that brought it, where it was copied to. They leave as they stand, so lengths and checksums must be
   * right.
   */
  acceptEdited(h: number, at: number, bytes: number): void {
    invariant((this.held.flags[h] & FLAG_WHOLE) !== 0, 'only a packet that was copied whole is edited');
    invariant(bytes > 0 && bytes <= COPY_BYTES_MAX, 'new bytes are a packet');
    const nfqueue = this.held.nfqueue(h);
    const isLocal = this.staysOnRoute(h);
    // With another packet that waits, accept() writes the open run and then a verdict for this packet alone.
    this.waiting[nfqueue] += 1;
    this.accept(h);
    this.waiting[nfqueue] -= 1;
    const outbox = this.outboxOf[nfqueue];
    const { payloadOffset, payloadBytes, verdict } = outbox.port.batch.verdicts;
    const flags = verdict[outbox.rows - 1] & VERDICT_SET_MARK;
    // New bytes may have another TOS, by which a local packet would be routed again.
    if (isLocal) verdict[outbox.rows - 1] = this.acceptLocal | flags;
    payloadOffset[outbox.rows - 1] = at;
    payloadBytes[outbox.rows - 1] = bytes;
    // If accept() sent the rows before, the room of this one is still taken.
    outbox.editedTo = Math.max(outbox.editedTo, at + bytes);
  }

  /** Accepts a packet whose new bytes edits.ts has. */
  private acceptKept(h: number): void {
    const { held } = this;
    const bytes = held.lengthBytes[h];
    let at = this.edits.takeFromSlab(h);
    if (at === NONE) {
      at = this.editRoom(h, bytes);
      this.edits.take(h, this.slabOf(h), at);
    }
    held.flags[h] &= ~FLAG_EDITED;
    if (held.isRerouted(h)) this.writeAsked(h, this.slabOf(h), at);
    this.acceptEdited(h, at, bytes);
  }

  /**
   * Whether packet `h` is one of this host that is not to be routed again. A module that changes addresses,
   * TOS or mark wants that.
   */
  private staysOnRoute(h: number): boolean {
    return this.held.hook(h) === NF_INET_LOCAL_OUT && !this.held.isRerouted(h);
  }

  /**
   * Writes into the packet at `slab[at]` what rules would be asked for: bits of the mark would change its
   * route or, where chains are shared, keep it from being routed.
   */
  private writeAsked(h: number, slab: Uint8Array, at: number): void {
    const { held } = this;
    if (held.remark(h) !== 0) setTrafficClass(slab, at, held.dscp(h), NONE);
    if ((held.flags[h] & FLAG_MARKED) !== 0) setTrafficClass(slab, at, NONE, ECN_CE);
    held.setRemark(h, 0, held.dscp(h));
    held.flags[h] &= ~(FLAG_MARKED | FLAG_STEER | FLAG_FETCH);
  }

  /**
   * Drops packet `h` for `reason` (DROP_* of the ledger) and gives its row back. Class `c` is its leaf, or
   * has the policer that drops it.
   */
  drop(h: number, reason: number, c: number): void {
    const { held } = this;
    this.ledger.dropped(h, reason);
    if (this.trace.isOn) this.trace.dropped(h, reason);
    this.flows.measures.packetDropped(held.flow[h], c, reason, held.lengthBytes[h]);
    const nfqueue = held.nfqueue(h);
    if ((held.flags[h] & FLAG_MOVED) !== 0) this.closeRuns();
    if ((held.flags[h] & FLAG_EDITED) !== 0) this.edits.forget(h);
    const tag = this.log.drop(h);
    this.waiting[nfqueue] = this.waiting[nfqueue] - 1;
    this.write(nfqueue, held.packetId[h], NF_DROP, 0, tag);
    this.forget(h, NONE);
  }

  /** Writes every open run. Packets accepted from now on join none of them. */
  closeRuns(): void {
    for (let nfqueue = 0; nfqueue < this.runPackets.length; nfqueue++) {
      if (this.runPackets[nfqueue] > 0) this.closeRun(nfqueue);
    }
  }

  /** Sends all written rows and open runs, and settles with the flows. Call at the end of a batch. */
  flush(): void {
    this.closeRuns();
    this.log.forgetOld();
    for (let n = 0; n < this.outboxes.length; n++) {
      if (this.outboxes[n].rows > 0) this.outboxes[n].send();
    }
    this.flows.settle();
    if (this.trace.isOn) this.trace.finish();
  }

  /** Packets of an NFQUEUE that were read and have no verdict yet. */
  waitingOf(nfqueue: number): number {
    return this.waiting[nfqueue] ?? 0;
  }

  private portOf(h: number): Port {
    return this.outboxOf[this.held.nfqueue(h)].port;
  }

  /** Packet `h` has a verdict, which is in the log. `passedBytes` is NONE if it was dropped. */
  private forget(h: number, passedBytes: number): void {
    const { held, flows } = this;
    const f = held.flow[h];
    const waits = (held.flags[h] & FLAG_QUEUED) !== 0;
    if (f === NONE) {
      // Verdicts are counted in their order, so those before come first.
      flows.settle();
      flows.hosts.flowlessVerdict(h, passedBytes);
    } else flows.verdictGiven(f, waits ? held.lengthBytes[h] : NONE, passedBytes);
    held.give(h);
  }

  private closeRun(nfqueue: number): void {
    const upTo = this.runPackets[nfqueue] > 1 ? VERDICT_UP_TO : 0;
    this.runPackets[nfqueue] = 0;
    const verdict = this.runVerdict[nfqueue] | upTo;
    this.write(nfqueue, this.runLastId[nfqueue], verdict, this.runMark[nfqueue], this.runTag[nfqueue]);
  }

  private write(nfqueue: number, id: number, verdict: number, mark: number, tag: number): void {
    const outbox = this.outboxOf[nfqueue];
    if (outbox.rows === VERDICT_ROWS) outbox.send();
    const columns: Verdicts = outbox.port.batch.verdicts;
    const row = outbox.rows++;
    columns.packetId[row] = id;
    columns.nfqueue[row] = nfqueue;
    columns.verdict[row] = verdict;
    columns.mark[row] = mark;
    columns.tag[row] = tag;
    columns.payloadBytes[row] = 0;
  }
}
