/**
 * Finds, loads and types the native addon. Its class takes positional values that nfqueue.ts has validated; the
 * layout it reports is compared with packet/batch.ts and limits.ts before anything is shared.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { EXIT_IMPOSSIBLE, OperatingError } from '../../base/errors.ts';
import {
  ARRIVAL_ROWS,
  COPY_BYTES,
  FAILURE_ROWS,
  QUEUES_MAX,
  SLOT_BYTES,
  VERDICT_ROWS,
} from '../../limits.ts';
import { BATCH_BYTES } from '../../packet/batch.ts';

/** Order of the counters shared with native code (native/columns.h, struct Counters), float64 each. */
export const COUNTER_NAMES = [
  'failureRows',
  'enobufs',
  'truncated',
  'malformed',
  'verdictErrors',
  'sendErrors',
] as const;

export const SLAB_BYTES = ARRIVAL_ROWS * SLOT_BYTES;

/** native/addon.cc, class NativeQueue. System errors carry `code`, `errno`, `syscall` and `queue`. */
export interface NativeQueue {
  drain(): number;
  send(count: number): void;
  arm(dueNs: number): void;
  nowNs(): number;
  onReady(callback: () => void): void;
  granted(count: number): { gso: boolean[]; uidGid: boolean; rcvbufBytes: number };
  socketDrops(): number;
  close(): void;
}

export interface NativeLayout {
  readonly columnsBytes: number;
  readonly slabBytes: number;
  readonly slotBytes: number;
  readonly copyBytes: number;
  readonly arrivalRows: number;
  readonly verdictRows: number;
  readonly failureRows: number;
  readonly queuesMax: number;
  readonly arrivals: readonly string[];
  readonly verdicts: readonly string[];
  readonly failures: readonly string[];
  readonly counters: readonly string[];
}

/** native/promptness.h: what the calling thread has after it asked. */
export interface Promptness {
  /** -20 (first) to 19. */
  readonly niceness: number;
  /** 0: the kernel has no slices of a thread's own (before 6.12), or the thread has a policy without them. */
  readonly sliceNs: number;
  /** Of the whole session among sessions; 0 also where the kernel does not group by sessions. */
  readonly sessionNiceness: number;
}

export interface Addon {
  readonly layout: NativeLayout;
  readonly NativeQueue: new (
    columns: ArrayBuffer,
    slab: ArrayBuffer,
    counters: ArrayBuffer,
    firstQueue: number,
    count: number,
    lengthPackets: number,
    copyBytes: number,
    receiveBufferBytes: number,
    gso: Uint8Array,
    uidGid: boolean,
    timerLeewayNs: number,
  ) => NativeQueue;
  /** Asks the scheduler to run this thread soon after it is woken. Refusals are no errors: the answer says what holds. */
  askForPromptness(): Promptness;
  /** Gives the niceness that was granted back (false), or asks for it again (true). */
  setFirst(first: boolean): void;
}

/** What TypeScript expects; any difference means that addon and program are of different versions. */
export const EXPECTED_LAYOUT = {
  columnsBytes: BATCH_BYTES,
  slabBytes: SLAB_BYTES,
  slotBytes: SLOT_BYTES,
  copyBytes: COPY_BYTES,
  arrivalRows: ARRIVAL_ROWS,
  verdictRows: VERDICT_ROWS,
  failureRows: FAILURE_ROWS,
  queuesMax: QUEUES_MAX,
} as const;

/** src/io and dist/io are equally deep below the package. */
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

/** Path of the addon to load: SHAPER_ADDON (for a sanitizer build), else the first build there is. */
export function findAddon(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return environment.SHAPER_ADDON || addonPaths().find((place) => existsSync(place));
}

/** Throws AddonError when there is no build or it does not fit the program. */
export function loadAddon(path: string | undefined = findAddon()): Addon {
  if (path === undefined) {
    throw new AddonError('the native addon is not built; run: npm run build:native');
  }
  const addon = createRequire(import.meta.url)(path) as Addon;
  for (const [name, expected] of Object.entries(EXPECTED_LAYOUT)) {
    const built = addon.layout[name as keyof typeof EXPECTED_LAYOUT];
    if (built !== expected) {
      throw new AddonError(
        `the native addon was built for ${name} ${built}, the program has ${expected}; run: npm run build:native`,
      );
    }
  }
  return addon;
}
