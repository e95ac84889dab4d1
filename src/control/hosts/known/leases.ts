/**
 * Follows files of DHCP leases: reads them when they change, and tells what they say together. A file that
 * cannot be read is told once, and what it said before holds meanwhile.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSystemError } from '../../../base/system-error.ts';
import { LEASE_FILE_BYTES_MAX, LEASES_MAX } from '../../../limits.ts';
import { isKea, type Lease, type LeaseLog, parseLeases } from './lease-formats.ts';

/** Servers write a lease in several steps. */
const SETTLE_MS = 200;
/** Long files take a while to read: after that there is a pause of so many times as long. */
const PAUSE_SHARE = 20;
/** Not every file system tells of changes, and a folder may come later. */
const LOOK_MS = 10_000;

/**
 * While Kea tidies up, its leases stand in several files, the oldest first: the finished result, or the one
 * before with what was written since; then the file itself.
 */
const KEA_FINISHED = ['.completed', ''];
const KEA_UNFINISHED = ['.2', '.1', ''];

export interface LeaseFilesOptions {
  /** All leases that hold, those of later files behind. Called when they have changed. */
  readonly onLeases: (leases: readonly Lease[]) => void;
  readonly warn: (message: string, fields: object) => void;
}

interface Followed {
  readonly path: string;
  isKea: boolean;
  /** Size, time and number of the files that were read last. */
  seen: string;
  leases: readonly Lease[];
  told: string;
}

export class LeaseFiles {
  private readonly options: LeaseFilesOptions;
  private followed: Followed[] = [];
  private readonly watchers = new Map<string, FSWatcher>();
  private timer: NodeJS.Timeout | null = null;
  private settling: NodeJS.Timeout | null = null;
  private looking: Promise<void> = Promise.resolve();
  private isClosed = false;
  private tookMs = 0;

  constructor(options: LeaseFilesOptions) {
    this.options = options;
  }

  /** These files and no others from now on, by their absolute paths. */
  follow(paths: readonly string[]): void {
    const before = this.followed;
    const none = (path: string): Followed => ({
      ...{ path, isKea: false, seen: '' },
      ...{ leases: [], told: '' },
    });
    this.followed = paths.map((path) => before.find((one) => one.path === path) ?? none(path));
    if (before.some(({ path, leases }) => !paths.includes(path) && leases.length > 0)) this.tell();
    this.stopWatching();
    if (paths.length === 0 || this.isClosed) return;
    this.timer = setInterval(() => void this.look(), LOOK_MS);
    this.timer.unref();
    void this.look();
  }

  close(): void {
    this.isClosed = true;
    this.stopWatching();
  }

  /** Looks now. Resolves when all that has changed was read. */
  look(): Promise<void> {
    this.looking = this.looking.then(() => this.lookNow());
    return this.looking;
  }

  private stopWatching(): void {
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
    if (this.timer !== null) clearInterval(this.timer);
    if (this.settling !== null) clearTimeout(this.settling);
    this.timer = null;
    this.settling = null;
  }

  private async lookNow(): Promise<void> {
    const beganMs = performance.now();
    let isNew = false;
    for (const one of this.followed) {
      if (this.isClosed) return;
      this.watchFolder(dirname(one.path));
      isNew = (await this.readIfChanged(one)) || isNew;
    }
    if (!isNew || this.isClosed) return;
    this.tell();
    this.tookMs = performance.now() - beganMs;
  }

  private tell(): void {
    this.options.onLeases(this.followed.flatMap(({ leases }) => leases));
  }

  /** Files are replaced by others of the same name, so the folder is watched. */
  private watchFolder(folder: string): void {
    if (this.watchers.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => this.lookSoon());
      const forget = (): void => {
        watcher.close();
        this.watchers.delete(folder);
      };
      watcher.on('error', forget);
      this.watchers.set(folder, watcher);
    } catch (error) {
      // No such folder yet, or the system's limit of watches: the look every few seconds goes on.
      if (!isSystemError(error)) throw error;
    }
  }

  private lookSoon(): void {
    if (this.settling !== null) return;
    this.settling = setTimeout(
      () => {
        this.settling = null;
        void this.look();
      },
      Math.max(SETTLE_MS, PAUSE_SHARE * this.tookMs),
    );
    this.settling.unref();
  }

  /** Returns whether the file says something else than before. */
  private async readIfChanged(one: Followed): Promise<boolean> {
    try {
      const paths = one.isKea ? await keaFiles(one.path) : [one.path];
      const seen = (await Promise.all(paths.map(describe))).join(' ');
      if (seen === one.seen) return false;
      const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
      const wasKea = one.isKea;
      one.isKea = isKea(texts.at(-1)!);
      if (one.isKea && !wasKea) return this.readIfChanged(one);
      one.leases = merged(texts.map((text, i) => logOf(text, paths[i]!)));
      one.seen = seen;
      one.told = '';
      return true;
    } catch (error) {
      if (!isSystemError(error) && !(error instanceof LeaseFileError)) throw error;
      this.tellOnce(one, error.message);
      return false;
    }
  }

  private tellOnce(one: Followed, problem: string): void {
    if (one.told === problem || this.isClosed) return;
    one.told = problem;
    this.options.warn('the leases cannot be read; what they said before holds', {
      file: one.path,
      reason: problem,
    });
  }
}

class LeaseFileError extends Error {
  override readonly name = 'LeaseFileError';
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

async function keaFiles(path: string): Promise<string[]> {
  const suffixes = (await exists(`${path}.completed`)) ? KEA_FINISHED : KEA_UNFINISHED;
  const parts = suffixes.map((suffix) => path + suffix);
  const there = await Promise.all(parts.map(exists));
  return parts.filter((part, i) => there[i] || part === path);
}

/**
 * Changes whenever the file does. Whatever is no file, such as a pipe that would keep us waiting, is
 * refused.
 */
async function describe(path: string): Promise<string> {
  const found = await stat(path);
  if (!found.isFile()) throw new LeaseFileError(`${path} is not a file`);
  if (found.size > LEASE_FILE_BYTES_MAX) {
    throw new LeaseFileError(`${path} has ${found.size} bytes, more than ${LEASE_FILE_BYTES_MAX}`);
  }
  return `${found.ino}:${found.size}:${found.mtimeMs}`;
}

function logOf(text: string, path: string): LeaseLog {
  const log = parseLeases(text);
  if (log !== null) return log;
  throw new LeaseFileError(`${path} is not a file of leases of dnsmasq, ISC dhcpd or Kea (CSV)`);
}

/** Later files, and later entries of a file, have the last word about an address. */
function merged(logs: readonly LeaseLog[]): Lease[] {
  const last = new Map<string, Lease | null>();
  for (const log of logs) for (const [key, lease] of log) last.set(key, lease);
  return [...last.values()].filter((lease) => lease !== null).slice(-LEASES_MAX);
}
