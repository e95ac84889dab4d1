/**
 * Finds, loads and types the native addon. The layout that it reports is compared with packet/batch.ts and
 * limits.ts before any memory is shared.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { EXIT_IMPOSSIBLE, OperatingError } from '../../base/errors.ts';
import {
  ARRIVAL_ROWS,
  ATTRIBUTE_BYTES,
  COPY_BYTES_MAX,
  EDIT_BYTES,
  FAILURE_ROWS,
  HOST_EVENT_ROWS,
  NFQUEUES_MAX,
  SOCKET_ROWS,
  VERDICT_ROWS,
} from '../../limits.ts';
import { ARRIVAL_COLUMNS, FAILURE_COLUMNS, VERDICT_COLUMNS } from '../../packet/batch.ts';
import { HOST_COLUMNS } from './host-columns.ts';
import { PROCESS_FIELDS, SOCKET_COLUMNS } from './socket-columns.ts';

/** Order of the counters that native code writes (native/columns.h, struct Counters), float64 each. */
export const COUNTER_NAMES = [
  'failureRows',
  'enobufs',
  'truncated',
  'malformed',
  'verdictErrors',
  'sendErrors',
] as const;

/** What both sides tell each other during a wake-up (native/columns.h, struct Visit), float64 each. */
export const VISIT_NAMES = ['isOn', 'nowNs', 'rows', 'dueNs'] as const;
/** `rows`: somebody has taken them. */
export const NO_ROWS = -1;

/**
 * What native/face/options.cc reads; it refuses values of
 * other kinds and ranges with a RangeError that names them.
 */
export interface NativeOptions {
  readonly firstQueue: number;
  readonly count: number;
  readonly lengthPackets: number;
  readonly receiveBufferBytes: number;
  readonly slotBytes: number;
  /** Slots may grow to so much, and the slab has room for that. */
  readonly slotBytesMost: number;
  readonly timerLeewayNs: number;
  /** By nfqueue, as is `gso` (0 or 1). */
  readonly copyBytes: Uint32Array;
  readonly gso: Uint8Array;
}

/**
 * native/face/queue.cc. System errors carry `code`, `errno`, `syscall` and `queue`. Native code owns the
 * memory, and it lasts as long as one side has it.
 */
export interface NativeQueue {
  /** For createBatch(). */
  readonly columns: ArrayBuffer;
  /** ARRIVAL_ROWS slots of `slotBytesMost`, and EDIT_BYTES. */
  readonly slab: ArrayBuffer;
  /** A float64 per name of COUNTER_NAMES, then of VISIT_NAMES. */
  readonly shared: ArrayBuffer;
  drain(): number;
  send(count: number): void;
  arm(dueNs: number): void;
  nowNs(): number;
  onReady(callback: () => void): void;
  /** `down`: interface indexes of devices that were down when the kernel told of them. */
  onLinks(callback: (down: number[]) => void): void;
  granted(): { gso: boolean[]; rcvbufBytes: number };
  socketDrops(): number;
  /**
   * Binds the NFQUEUE, or changes one that is bound. Returns whether the kernel gives superpackets. Throws a
   * system error; an NFQUEUE that was not bound before is not bound then.
   */
  setUp(nfqueue: number, lengthPackets: number, copyBytes: number, gso: boolean): boolean;
  /** Each slot has so many bytes from the next drain() on. The rows of the last one are void. */
  growSlots(slotBytes: number): void;
  /** The kernel drops what it still holds for the NFQUEUE. */
  unbind(nfqueue: number): void;
  /** Asks for so much memory for unread messages, and returns how much there is. */
  setReceiveBuffer(bytes: number): number;
  close(): void;
}

/**
 * native/face/hosts.cc: tells of neighbours and addresses. Made with the memory of the columns and the
 * socket's memory for unread messages; throws system errors.
 */
export interface NativeHosts {
  /** `found`: bits of native/links/host_socket.h. Keeps the loop alive until close(). */
  listen(callback: (rows: number, found: number) => void): void;
  ask(): boolean;
  close(): void;
}

/**
 * native/face/sockets.cc: sockets of the network namespace in which it is made, and open files of processes.
 * Made with the memory of the columns; throws system errors then. Questions return 0 or errno.
 */
export interface NativeSockets {
  /** Looks up the socket of the ends in row 0 and writes the rest of that row. */
  ask(): number;
  /** Begins the list of a family, 4 or 6, and a protocol. */
  startList(family: number, protocol: number): number;
  /** Writes rows of the list and returns how many; 0 at the end. */
  readList(): number;
  /** Returns a handle for the open files of a process, or -errno. */
  openProcess(pid: number): number;
  closeProcess(handle: number): void;
  /** The inode of the socket behind a descriptor; 0 if it is none. */
  inodeAt(handle: number, descriptor: number): number;
  /** How many descriptors are open; 0 before Linux 6.2. */
  openCount(handle: number): number;
  /**
   * Writes sockets of a process as rows, in ascending order of their descriptors, until it has found `inode`
   * or looked at so many descriptors. Returns the row of the hit or a constant of
   * native/sockets/process_files.h.
   */
  scan(handle: number, isAnew: boolean, inode: number, descriptorsMax: number): number;
  /** How many rows the last scan wrote, and how many descriptors it looked at. */
  scanRows(): number;
  scanLooked(): number;
  /** Whether there is such a process; then its fields are written. */
  readProcess(pid: number): boolean;
  /** The newest process or thread; 0 if it is not told. */
  newestPid(): number;
  close(): void;
}

/** native/face/guard.cc: watches over the thread in which it is made, while that runs code of users. */
export interface NativeGuard {
  /**
   * Calls `run`. Returns false if it was ended from outside: it had used its limit of processor time, or had
   * slept twice as long. Throws what `run` throws, and TypeError inside another run.
   */
  run(run: () => void): boolean;
  /** Processor time of this thread in nanoseconds. */
  cpuNs(): number;
  /** The program starts anew, by what is given, when a turn of the event loop takes so long. */
  arm(
    hangUs: number,
    program: string,
    args: readonly string[],
    environment: readonly string[],
    folder: string,
    text: string,
  ): void;
  /** From now on the process ends instead. */
  stopping(): void;
  close(): void;
}

/** native/face/raw_sender.cc. Made with the priority of its packets; throws system errors then. */
export interface NativeRawSender {
  /** Returns 0 or errno. Throws TypeError unless it is a whole IP packet. */
  send(bytes: Uint8Array): number;
  /** Later calls of send() return EBADF. */
  close(): void;
}

export interface NativeLayout {
  readonly arrivalRows: number;
  readonly verdictRows: number;
  readonly failureRows: number;
  readonly queuesMax: number;
  readonly attributeBytes: number;
  readonly editBytes: number;
  readonly copyBytesMax: number;
  readonly hostRows: number;
  readonly socketRows: number;
  readonly arrivals: readonly string[];
  readonly verdicts: readonly string[];
  readonly failures: readonly string[];
  readonly hosts: readonly string[];
  readonly sockets: readonly string[];
  readonly process: readonly string[];
  readonly counters: readonly string[];
  readonly visit: readonly string[];
}

/** What the calling thread has after it asked (native/loop/promptness.h). */
export interface Promptness {
  /** -20 (first) to 19. */
  readonly niceness: number;
  /** 0 if the kernel has no slices per thread (before 6.12), or if the thread has a policy without them. */
  readonly sliceNs: number;
  /** Niceness of the whole session among sessions; 0 also where the kernel does not group by sessions. */
  readonly sessionNiceness: number;
}

export interface Addon {
  readonly layout: NativeLayout;
  readonly NativeQueue: new (options: NativeOptions) => NativeQueue;
  readonly NativeHosts: new (columns: ArrayBuffer, receiveBufferBytes: number) => NativeHosts;
  readonly NativeSockets: new (columns: ArrayBuffer) => NativeSockets;
  /** Microseconds: the limit of a run, and how often the watching thread looks. `owner` has four bytes. */
  readonly NativeGuard: new (
    limitUs: number,
    lookUs: number,
    owner: ArrayBuffer,
  ) => NativeGuard;
  readonly NativeRawSender: new (priority: number) => NativeRawSender;
  /**
   * Asks the scheduler to run this thread soon after it is woken.
   * A refusal is no error: the result says what the thread has.
   */
  askForPromptness(): Promptness;
  /**
   * The number of the nftables rule set of this network namespace, which every change raises; negative if the
   * kernel does not tell.
   */
  rulesGeneration(): number;
  /** Interface index of a device of this network namespace; 0 if there is none of that name. */
  deviceIndex(name: string): number;
  /** Bytes that a packet of the device may have; 0 if there is none of that name. */
  deviceMtu(name: string): number;
  /** Name of the device with this interface index; empty if there is none. */
  deviceName(index: number): string;
  /** A terminal that stops what writes to it from the background (SIGTTOU) no longer stops this process. */
  ignoreTerminalStop(): void;
  /** Whether this child has gone. For those that the program had before it started anew. */
  reapChild(pid: number): boolean;
  /** SIGKILL, for the same children. */
  endChild(pid: number): void;
  /** Gives back the niceness that was granted (false), or asks for it again (true). */
  setFirst(first: boolean): void;
}

/** What the program expects; any difference means that addon and program are of different versions. */
const EXPECTED_LAYOUT: NativeLayout = {
  arrivalRows: ARRIVAL_ROWS,
  verdictRows: VERDICT_ROWS,
  failureRows: FAILURE_ROWS,
  queuesMax: NFQUEUES_MAX,
  attributeBytes: ATTRIBUTE_BYTES,
  editBytes: EDIT_BYTES,
  copyBytesMax: COPY_BYTES_MAX,
  hostRows: HOST_EVENT_ROWS,
  socketRows: SOCKET_ROWS,
  arrivals: ARRIVAL_COLUMNS,
  verdicts: VERDICT_COLUMNS,
  failures: FAILURE_COLUMNS,
  hosts: HOST_COLUMNS,
  sockets: SOCKET_COLUMNS,
  process: PROCESS_FIELDS,
  counters: COUNTER_NAMES,
  visit: VISIT_NAMES,
};

/** src/io/nfqueue and dist/io/nfqueue are equally deep below the package. */
const packageRoot = new URL('../../../', import.meta.url);

/** Where the builds put the addon: cmake-js (npm run build:native), then node-gyp. */
export function addonPaths(): string[] {
  const places = ['native/build/Release/shaper.node', 'build/Release/shaper.node'];
  return places.map((place) => fileURLToPath(new URL(place, packageRoot)));
}

export class AddonError extends OperatingError {
  override readonly name = 'AddonError';

  constructor(message: string) {
    super(EXIT_IMPOSSIBLE, message);
  }
}

/** Path of the addon to load: SHAPER_ADDON (for a sanitizer build), else the first build that exists. */
export function findAddon(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return environment.SHAPER_ADDON || addonPaths().find((place) => existsSync(place));
}

/** Throws AddonError when there is no build, or when its layout is not the program's. */
export function loadAddon(path: string | undefined = findAddon()): Addon {
  if (path === undefined) {
    throw new AddonError('the native addon is not built; run: npm run build:native');
  }
  const addon = createRequire(import.meta.url)(path) as Addon;
  const difference = findDifference(addon.layout);
  if (difference) throw new AddonError(`${difference}; run: npm run build:native`);
  return addon;
}

/**
 * Says in which size or column the addon's layout differs from
 * the program's. Returns undefined if it does not.
 */
export function findDifference(built: Partial<NativeLayout> = {}): string | undefined {
  for (const [name, expected] of Object.entries(EXPECTED_LAYOUT)) {
    const found = built[name as keyof NativeLayout];
    if (!Array.isArray(expected)) {
      if (found !== expected)
        return `the native addon was built for ${name} ${found}, the program has ${expected}`;
      continue;
    }
    const columns = Array.isArray(found) ? found : [];
    for (let i = 0; i < Math.max(expected.length, columns.length); i++) {
      if (columns[i] === expected[i]) continue;
      const [theirs, ours] = [columns[i] ?? 'none', expected[i] ?? 'none'];
      return `the native addon was built with column ${i} of ${name} being ${theirs}, the program has ${ours}`;
    }
  }
  return undefined;
}
