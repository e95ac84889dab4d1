/**
 * The live port: real packets from NFQUEUE as columns, verdicts from columns, one wake-up for packets and
 * time. The fast work is done in native/; this file validates options and explains errors.
 */

import { equal } from '../../base/equal.ts';
import { NONE } from '../../base/none.ts';
import {
  COPY_BYTES,
  COPY_BYTES_MAX,
  EDIT_BYTES,
  NFQUEUES_MAX,
  QUEUE_LENGTH_MAX,
  RELEASE_SLACK_NS,
  SLOT_BYTES,
  VERDICT_ROWS,
} from '../../limits.ts';
import { type Batch, createBatch } from '../../packet/batch.ts';
import type { Port } from '../../packet/port.ts';
import {
  type Addon,
  COUNTER_NAMES,
  loadAddon,
  type NativeOptions,
  type NativeQueue,
  NO_ROWS,
  type Promptness,
} from './addon.ts';
import { Courtesy } from './courtesy.ts';
import { explainFailure, isSystemFailure, NfqueueError, readCircumstances } from './nfqueue-error.ts';

export { AddonError, type Promptness } from './addon.ts';
export { NfqueueError } from './nfqueue-error.ts';

/**
 * Socket memory that one unread message occupies, its truesize, with at most COPY_BYTES of packet: measured
 * on Linux 6.18 as 832, or 1280 when a timestamp makes it fall into the next size class.
 */
const UNREAD_MESSAGE_BYTES = 1280;
/** No socket is asked for more than this, whatever the queues may hold. */
const RCVBUF_BYTES_MAX = 256 * 1024 * 1024;
/** Slots grow in pages, so that their starts spread over the sets of the cache as those of SLOT_BYTES do. */
const PAGE_BYTES = 4096;

/** Places in the shared memory: see VISIT_NAMES. */
const VISIT_IS_ON = COUNTER_NAMES.length;
const VISIT_NOW_NS = VISIT_IS_ON + 1;
const VISIT_ROWS = VISIT_IS_ON + 2;
const VISIT_DUE_NS = VISIT_IS_ON + 3;

/** Socket memory that one unread message occupies at most, with a copy of this length. */
export function unreadMessageBytes(copyBytes: number): number {
  return UNREAD_MESSAGE_BYTES + Math.max(0, copyBytes - COPY_BYTES);
}

/** Bytes of slab per arrival row when no copy is longer: any slot may receive a packet of any NFQUEUE. */
export function slotBytesFor(copyBytes: number): number {
  return SLOT_BYTES + PAGE_BYTES * Math.ceil(Math.max(0, copyBytes - COPY_BYTES) / PAGE_BYTES);
}

/** What NFQUEUEs are opened with, and may be changed to. */
export interface NfqueueSetup {
  readonly count: number;
  /** Packets that may wait for a verdict, per NFQUEUE; beyond it the kernel drops. */
  readonly lengthPackets: number;
  /**
   * By nfqueue: bytes of each packet to copy, at most COPY_BYTES_MAX. The longest
   * copy sizes the slots: with COPY_BYTES they lie in the first 1.3 MB of the slab.
   * Whole packets have them spread over all its 18 MB, of which the kernel provides
   * the pages that packets have filled.
   */
  readonly copyBytes: readonly number[];
  /** By nfqueue: ask for unsegmented superpackets (NFQA_CFG_F_GSO). */
  readonly gso: readonly boolean[];
}

export interface NfqueueOptions extends NfqueueSetup {
  /** First queue number; the port opens [firstQueue, firstQueue + count). */
  readonly firstQueue: number;
}

export interface NfqueueCounters {
  /** Messages that did not fit the socket: the kernel dropped their packets, which were never received. */
  readonly enobufs: number;
  /**
   * Messages longer than a slot, and messages that break
   * netlink's format. Their packets are arrivals all the same.
   */
  readonly truncated: number;
  readonly malformed: number;
  /**
   * Verdicts that the kernel refused (ENOENT: it had dropped the packet). Each is a row of the failures, too.
   */
  readonly verdictErrors: number;
  /** Verdicts that could not be sent at all. Each is a row of the failures, too. */
  readonly sendErrors: number;
}

export interface NfqueueGranted {
  /** By nfqueue. */
  readonly gso: readonly boolean[];
  /** Socket memory for unread messages, of which each takes unreadMessageBytes(). */
  readonly rcvbufBytes: number;
}

export interface NfqueuePort extends Port {
  /** CLOCK_MONOTONIC in nanoseconds since the port was opened. */
  nowNs(): number;
  /** When the present call of onReady's callback began, by nowNs(). */
  readonly visitNs: number;
  /**
   * `callback` runs on this environment's event loop when packets wait or the time given to arm() has come.
   * The first drain() in it answers with packets that were read before it; the timer is set when it returns.
   * An error that it throws becomes an uncaught exception. The port keeps the loop alive until close(). A
   * later callback replaces it.
   */
  onReady(callback: () => void): void;
  /**
   * `callback` runs when network devices came, went, were renamed, or went up or down. `down` has the
   * interface indexes of those that were down meanwhile, which made the kernel discard their held packets.
   * Events come from onReady() on.
   */
  onLinks(callback: (down: readonly number[]) => void): void;
  readonly granted: NfqueueGranted;
  /** Indexes of the NFQUEUEs that are open, ascending. */
  readonly open: readonly number[];
  /**
   * Opens the NFQUEUEs [0, count) that are not open, and gives the others their new length and GSO flag.
   * Those beyond stay as they are. Between two batches: the rows of the last one are void afterwards, as the
   * slots of the slab grow with the longest copy. Throws NfqueueError, and all is as before then.
   */
  setUp(setup: NfqueueSetup): void;
  /** Closes an NFQUEUE. The kernel drops every packet that it still holds for it. */
  closeNfqueue(nfqueue: number): void;
  counters(): NfqueueCounters;
  /**
   * Unbinds; the kernel drops every packet it still holds. Afterwards drain() returns 0 and send() throws.
   */
  close(): void;
}

/** @throws RangeError */
function validate(options: NfqueueOptions): void {
  const within = (name: string, value: number, min: number, max: number): void => {
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${value}`);
    }
  };
  within('count', options.count, 1, NFQUEUES_MAX);
  within('firstQueue', options.firstQueue, 0, 65536 - options.count);
  within('lengthPackets', options.lengthPackets, 1, QUEUE_LENGTH_MAX);
  for (const bytes of options.copyBytes) within('copyBytes', bytes, 1, COPY_BYTES_MAX);
  if (options.copyBytes.length !== options.count || options.gso.length !== options.count) {
    throw new RangeError('copyBytes and gso must have one entry per NFQUEUE');
  }
}

/** Adds the hint to errors of system calls; other errors stay as they are. */
function explained(error: unknown): unknown {
  return isSystemFailure(error) ? explainFailure(error, readCircumstances()) : error;
}

/** Socket memory in which everything that may wait unread has room. */
function receiveBufferBytes({ copyBytes, lengthPackets }: NfqueueSetup): number {
  const unreadBytes = copyBytes.reduce((sum, bytes) => sum + lengthPackets * unreadMessageBytes(bytes), 0);
  return Math.min(unreadBytes, RCVBUF_BYTES_MAX);
}

/** How an open NFQUEUE is set up. */
interface Opened {
  readonly lengthPackets: number;
  readonly copyBytes: number;
  readonly gso: boolean;
}

function setupOf({ lengthPackets, copyBytes, gso }: NfqueueSetup, nfqueue: number): Opened {
  return { lengthPackets, copyBytes: copyBytes[nfqueue] as number, gso: gso[nfqueue] === true };
}

function openNative(
  addon: Addon,
  options: NfqueueOptions,
  slots: Pick<NativeOptions, 'slotBytes' | 'slotBytesMost'>,
): NativeQueue {
  const { firstQueue, count, lengthPackets, copyBytes } = options;
  try {
    return new addon.NativeQueue({
      ...slots,
      firstQueue,
      count,
      lengthPackets,
      receiveBufferBytes: receiveBufferBytes(options),
      timerLeewayNs: RELEASE_SLACK_NS,
      copyBytes: Uint32Array.from(copyBytes),
      gso: Uint8Array.from(options.gso, Number),
    });
  } catch (error) {
    throw explained(error);
  }
}

class LivePort implements NfqueuePort {
  readonly batch: Batch;
  readonly slab: Uint8Array;
  readonly editOffset: number;
  granted: NfqueueGranted;
  private readonly native: NativeQueue;
  private readonly firstQueue: number;
  private slotBytes: number;
  private readonly opened = new Map<number, Opened>();
  private readonly shared: Float64Array;
  /** socketDrops at close, as the socket that counted them is gone; NONE while it is open. */
  private closedDrops = NONE;

  constructor(addon: Addon, options: NfqueueOptions) {
    const slotBytes = slotBytesFor(Math.max(...options.copyBytes));
    // Packets may have to be copied whole later. Memory that nobody has touched costs nothing but addresses.
    this.native = openNative(addon, options, { slotBytes, slotBytesMost: slotBytesFor(COPY_BYTES_MAX) });
    this.batch = createBatch(this.native.columns);
    this.shared = new Float64Array(this.native.shared);
    this.slab = new Uint8Array(this.native.slab);
    this.editOffset = this.slab.length - EDIT_BYTES;
    this.granted = this.native.granted();
    this.firstQueue = options.firstQueue;
    this.slotBytes = slotBytes;
    for (let n = 0; n < options.count; n++) this.opened.set(n, setupOf(options, n));
  }

  get open(): readonly number[] {
    return [...this.opened.keys()].sort((a, b) => a - b);
  }

  setUp(setup: NfqueueSetup): void {
    validate({ ...setup, firstQueue: this.firstQueue });
    this.growSlots(slotBytesFor(Math.max(...setup.copyBytes)));
    const before = new Map(this.opened);
    const granted = [...this.granted.gso];
    // What waits unread of NFQUEUEs that are about to close needs room as well, so memory never shrinks here.
    const bytes = receiveBufferBytes(setup);
    const rcvbufBytes =
      bytes > this.granted.rcvbufBytes ? this.native.setReceiveBuffer(bytes) : this.granted.rcvbufBytes;
    try {
      for (let n = 0; n < setup.count; n++) granted[n] = this.setUpOne(n, setupOf(setup, n));
    } catch (error) {
      this.restore(before);
      throw error;
    }
    this.granted = { gso: granted, rcvbufBytes };
  }

  /** They never shrink: what waits unread may be as long as before. */
  private growSlots(slotBytes: number): void {
    if (slotBytes <= this.slotBytes) return;
    this.native.growSlots(slotBytes);
    this.slotBytes = slotBytes;
  }

  private setUpOne(nfqueue: number, to: Opened): boolean {
    const from = this.opened.get(nfqueue);
    if (from && equal(from, to)) return this.granted.gso[nfqueue] === true;
    const { lengthPackets, copyBytes, gso } = to;
    // A refusal may come after the length has changed, so restore() must not take it for the one of before.
    if (from) this.opened.set(nfqueue, to);
    try {
      const isGranted = this.native.setUp(nfqueue, lengthPackets, copyBytes, gso);
      this.opened.set(nfqueue, to);
      return isGranted;
    } catch (error) {
      throw explained(error);
    }
  }

  /** After a refusal. What the kernel refuses now as well stays as it is. */
  private restore(before: ReadonlyMap<number, Opened>): void {
    for (const nfqueue of this.open) {
      const was = before.get(nfqueue);
      try {
        if (was) this.setUpOne(nfqueue, was);
        else this.closeNfqueue(nfqueue);
      } catch (error) {
        if (!(error instanceof NfqueueError)) throw error;
      }
    }
  }

  closeNfqueue(nfqueue: number): void {
    try {
      this.native.unbind(nfqueue);
    } catch (error) {
      throw explained(error);
    }
    this.opened.delete(nfqueue);
  }

  get failureRows(): number {
    return this.shared[0]!;
  }

  drain(): number {
    const { shared } = this;
    const rows = shared[VISIT_ROWS]!;
    if (shared[VISIT_IS_ON] === 0 || rows === NO_ROWS) return this.native.drain();
    shared[VISIT_ROWS] = NO_ROWS;
    return rows;
  }

  send(count: number): void {
    if (count > VERDICT_ROWS) throw new RangeError(`send(${count}): there are ${VERDICT_ROWS} rows`);
    this.native.send(count);
  }

  arm(dueNs: number): void {
    if (this.shared[VISIT_IS_ON] === 0) this.native.arm(dueNs);
    else this.shared[VISIT_DUE_NS] = Math.max(dueNs, 0);
  }

  nowNs(): number {
    return this.native.nowNs();
  }

  get visitNs(): number {
    return this.shared[VISIT_NOW_NS]!;
  }

  onReady(callback: () => void): void {
    this.native.onReady(callback);
  }

  onLinks(callback: (down: readonly number[]) => void): void {
    this.native.onLinks(callback);
  }

  counters(): NfqueueCounters {
    const [, enobufs, truncated, malformed, verdictErrors, sendErrors] = this.shared;
    const drops = this.closedDrops === NONE ? this.native.socketDrops() : this.closedDrops;
    return {
      enobufs: enobufs! + drops,
      truncated: truncated!,
      malformed: malformed!,
      verdictErrors: verdictErrors!,
      sendErrors: sendErrors!,
    };
  }

  close(): void {
    if (this.closedDrops === NONE) this.closedDrops = this.native.socketDrops();
    this.native.close();
  }
}

/**
 * Opens one netlink socket and binds the NFQUEUEs to it. Throws NfqueueError with
 * `code` and `hint` when the kernel refuses, AddonError when the addon is missing or of
 * another version, RangeError for options out of range. Call it before any rule sends
 * packets here: the kernel drops packets for an unbound NFQUEUE, or lets them bypass.
 */
export function openNfqueue(options: NfqueueOptions, addon: Addon = loadAddon()): NfqueuePort {
  validate(options);
  return new LivePort(addon, options);
}

/**
 * Asks the scheduler to let this thread run soon after packets or timers wake
 * it, and returns what the thread has now. Never fails, and touches no real-time
 * policy. native/loop/promptness.h says what is asked for and what it brings.
 */
export function askForPromptness(addon: Addon = loadAddon()): Promptness {
  return addon.askForPromptness();
}

/** From now on the log on a terminal stops nobody: `stty tostop`, and the program in the background. */
export function ignoreTerminalStop(addon: Addon = loadAddon()): void {
  addon.ignoreTerminalStop();
}

/** Decides when the thread that asked for promptness gives up some of it; see courtesy.ts. */
export function createCourtesy(addon: Addon = loadAddon()): Courtesy {
  return new Courtesy((first) => addon.setFirst(first));
}
