/**
 * The live port: real packets from NFQUEUE as columns, verdicts from columns, one wake-up for packets and time.
 * Everything fast is in native/; this file validates, names and explains.
 */
import { COPY_BYTES, QUEUE_LENGTH_MAX, QUEUES_MAX, RELEASE_SLACK_NS, VERDICT_ROWS } from '../../limits.ts';
import { createBatch } from '../../packet/batch.ts';
import type { Port } from '../../packet/port.ts';
import {
  type Addon,
  COUNTER_NAMES,
  loadAddon,
  type NativeQueue,
  type Promptness,
  SLAB_BYTES,
} from './addon.ts';
import { Courtesy } from './courtesy.ts';
import { explainFailure, isSystemFailure, readCircumstances } from './nfqueue-error.ts';

export { AddonError, type Promptness } from './addon.ts';
export { NfqueueError } from './nfqueue-error.ts';

/**
 * Socket memory that one unread message occupies, its truesize, with at most COPY_BYTES of packet: measured on
 * Linux 6.18 as 832, or 1280 when user ids or a timestamp make it fall into the next size class.
 */
export const UNREAD_MESSAGE_BYTES = 1280;
/** No socket is asked for more than this, whatever the queues may hold. */
const RCVBUF_BYTES_MAX = 256 * 1024 * 1024;

export interface NfqueueOptions {
  /** First queue number; the port owns [firstQueue, firstQueue + count). */
  readonly firstQueue: number;
  readonly count: number;
  /** Packets that may wait for a verdict, per queue; beyond it the kernel drops. */
  readonly lengthPackets: number;
  /** Bytes of each packet to copy, at most COPY_BYTES. */
  readonly copyBytes: number;
  /** Per queue index: ask for unsegmented superpackets (NFQA_CFG_F_GSO). */
  readonly gso: readonly boolean[];
  /** Ask for user and group ids of local senders (NFQA_CFG_F_UID_GID). */
  readonly uidGid: boolean;
}

export interface NfqueueCounters {
  /** Messages that did not fit the socket: their packets were dropped by the kernel and never received. */
  readonly enobufs: number;
  /** Messages longer than a slot, and messages that break netlink's format; their packets still came up. */
  readonly truncated: number;
  readonly malformed: number;
  /** Verdicts the kernel refused (ENOENT: it had dropped the packet); each also came up as a failure row. */
  readonly verdictErrors: number;
  /** Verdicts that could not be sent at all; likewise. */
  readonly sendErrors: number;
}

export interface NfqueueGranted {
  readonly gso: readonly boolean[];
  readonly uidGid: boolean;
  /** Socket memory for unread messages; rcvbufBytes / UNREAD_MESSAGE_BYTES of them fit. */
  readonly rcvbufBytes: number;
}

export interface NfqueuePort extends Port {
  /** CLOCK_MONOTONIC in nanoseconds since the port was opened. */
  nowNs(): number;
  /**
   * `callback` runs on this environment's event loop when packets wait or the time given to arm() has come; what it
   * throws is an uncaught exception. The port keeps the loop alive from here to close(). Replaces an earlier one.
   */
  onReady(callback: () => void): void;
  readonly granted: NfqueueGranted;
  counters(): NfqueueCounters;
  /** Unbinds; the kernel drops whatever it still holds. Afterwards drain() gives 0 and send() throws. */
  close(): void;
}

function validate(options: NfqueueOptions): void {
  const within = (name: string, value: number, min: number, max: number): void => {
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${value}`);
    }
  };
  within('count', options.count, 1, QUEUES_MAX);
  within('firstQueue', options.firstQueue, 0, 65536 - options.count);
  within('lengthPackets', options.lengthPackets, 1, QUEUE_LENGTH_MAX);
  within('copyBytes', options.copyBytes, 1, COPY_BYTES);
  if (options.gso.length !== options.count) throw new RangeError('gso must have one entry per queue');
}

/** Adds the hint to errors of the addon; others pass. */
function explained(error: unknown): unknown {
  return isSystemFailure(error) ? explainFailure(error, readCircumstances()) : error;
}

function openNative(
  addon: Addon,
  options: NfqueueOptions,
  memory: readonly [ArrayBuffer, ArrayBuffer, ArrayBuffer],
): NativeQueue {
  const wantedBytes = options.lengthPackets * options.count * UNREAD_MESSAGE_BYTES;
  try {
    return new addon.NativeQueue(
      ...memory,
      options.firstQueue,
      options.count,
      options.lengthPackets,
      options.copyBytes,
      Math.min(wantedBytes, RCVBUF_BYTES_MAX),
      Uint8Array.from(options.gso, Number),
      options.uidGid,
      RELEASE_SLACK_NS,
    );
  } catch (error) {
    throw explained(error);
  }
}

class LivePort implements NfqueuePort {
  readonly batch = createBatch();
  readonly slab: Uint8Array;
  readonly granted: NfqueueGranted;
  private readonly native: NativeQueue;
  private readonly shared = new Float64Array(COUNTER_NAMES.length);
  /** socketDrops at close: the socket that counted them is gone. */
  private closedDrops = -1;

  constructor(addon: Addon, options: NfqueueOptions) {
    const slab = new ArrayBuffer(SLAB_BYTES);
    this.slab = new Uint8Array(slab);
    this.native = openNative(addon, options, [this.batch.buffer, slab, this.shared.buffer]);
    this.granted = Object.freeze(this.native.granted(options.count));
  }

  get failureRows(): number {
    return this.shared[0]!;
  }

  drain(): number {
    return this.native.drain();
  }

  /** New packet bytes go out as they are: lengths and checksums are the caller's business. */
  send(count: number): void {
    if (count > VERDICT_ROWS) throw new RangeError(`send(${count}): there are ${VERDICT_ROWS} rows`);
    this.native.send(count);
  }

  arm(dueNs: number): void {
    this.native.arm(dueNs);
  }

  nowNs(): number {
    return this.native.nowNs();
  }

  onReady(callback: () => void): void {
    this.native.onReady(callback);
  }

  counters(): NfqueueCounters {
    const [, enobufs, truncated, malformed, verdictErrors, sendErrors] = this.shared;
    const drops = this.closedDrops >= 0 ? this.closedDrops : this.native.socketDrops();
    return {
      enobufs: enobufs! + drops,
      truncated: truncated!,
      malformed: malformed!,
      verdictErrors: verdictErrors!,
      sendErrors: sendErrors!,
    };
  }

  close(): void {
    if (this.closedDrops < 0) this.closedDrops = this.native.socketDrops();
    this.native.close();
  }
}

/**
 * Opens one netlink socket and binds all queues, or throws: NfqueueError with `code` and `hint` when the kernel
 * refuses, AddonError when the addon is missing or of another version, RangeError for options out of range.
 * Bind before any rule sends packets here: a packet sent to an unbound queue is dropped or bypasses.
 */
export function openNfqueue(options: NfqueueOptions, addon: Addon = loadAddon()): NfqueuePort {
  validate(options);
  return new LivePort(addon, options);
}

/**
 * Asks the scheduler to let this thread run soon after packets or timers wake it; gives what it has now. Never fails,
 * touches no real-time policy (native/promptness.h: what is asked for, and what it brings).
 */
export function askForPromptness(addon: Addon = loadAddon()): Promptness {
  return addon.askForPromptness();
}

/** When the thread that asked for promptness gives some of it up; see courtesy.ts. */
export function createCourtesy(addon: Addon = loadAddon()): Courtesy {
  return new Courtesy((first) => addon.setFirst(first));
}
