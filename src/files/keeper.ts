/**
 * The mounted tree, seen from the control thread: a process of its own serves it. Whatever becomes of that
 * process, no packet waits for it: if it dies, another one comes, after pauses that grow, and takes its dead
 * mount away.
 */
import type { ChildProcess } from 'node:child_process';
import { printable } from '../base/printable.ts';
import { reasonOf } from '../base/system-error.ts';
import { forkProcessFile } from '../threads/process-file.ts';
import { removeDeadMount } from './fuse/mount.ts';
import type { FromFilesProcess } from './messages.ts';

/** The first pause after a death, and the longest. A process that has lived so long as this one is sound. */
const PAUSE_MS_MIN = 1000;
const PAUSE_MS_MAX = 60_000;
/** An instance ends within 2 s. */
const END_MS = 1200;
/** Of what a dying process writes, this much goes to the log. */
const LAST_WORDS_MAX = 500;
const HEAP_MB = 128;

export type FilesLog = (level: 'info' | 'warn', message: string, fields: object) => void;

export interface FilesKeeperOptions {
  /** The control socket of the instance. */
  readonly socketPath: string;
  readonly log: FilesLog;
}

export class FilesKeeper {
  readonly #options: FilesKeeperOptions;
  #folder: string | null = null;
  #child: ChildProcess | null = null;
  /** Of the last process. */
  #ended: Promise<void> = Promise.resolve();
  #pauseTimer: NodeJS.Timeout | null = null;
  #pauseMs = PAUSE_MS_MIN;
  #startedMs = 0;
  #failure = '';
  #isClosing = false;
  #closing: Promise<void> | null = null;

  constructor(options: FilesKeeperOptions) {
    this.#options = options;
  }

  /** Why there are no files, although the configuration wants them. */
  get warnings(): readonly string[] {
    return this.#folder !== null && this.#failure !== '' ? [this.#failure] : [];
  }

  /** Where the files shall be from now on. null: nowhere. */
  follow(folder: string | null): void {
    if (folder === this.#folder || this.#isClosing) return;
    const before = this.#folder;
    this.#folder = folder;
    this.#failure = '';
    this.#pauseMs = PAUSE_MS_MIN;
    void this.#leave(before).then(() => {
      if (this.#folder === folder && this.#child === null && !this.#isClosing) this.#start();
    });
  }

  /** Ends the process. Resolves when it has gone and its mount as well. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#closing ??= this.#leave(this.#folder);
    return this.#closing;
  }

  #start(): void {
    this.#pauseTimer = null;
    if (this.#folder === null) return;
    const args = [this.#options.socketPath, this.#folder];
    const { PATH = '/usr/bin:/bin' } = process.env;
    const child = forkProcessFile(import.meta.url, 'files-process', { args, heapMb: HEAP_MB, env: { PATH } });
    this.#child = child;
    this.#startedMs = performance.now();
    let words = '';
    let hasFailed = false;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-LAST_WORDS_MAX);
    });
    child.on('message', (message: FromFilesProcess) => {
      hasFailed ||= message.type === 'failed';
      this.#hear(message);
    });
    child.on('error', (error) => {
      words = error.message;
    });
    this.#ended = new Promise((resolve) => {
      const end = (status: number | null, signal: string | null): void => {
        resolve();
        if (this.#child === child) this.#died(words, hasFailed, { status, signal });
      };
      child.once('close', end);
      // Without a process there is no end of one.
      child.once('error', () => {
        if (child.pid === undefined) end(null, null);
      });
    });
  }

  #hear(message: FromFilesProcess): void {
    const { log } = this.#options;
    if (message.type === 'serving') {
      log('info', 'classes are shown as files', { folder: message.path });
      this.#failure = '';
      return;
    }
    if (message.type === 'warning') {
      log('warn', `files: ${message.message}`, {});
      return;
    }
    const text = `no files: ${message.message}`;
    // It is tried again every minute, and told once.
    if (text === this.#failure) return;
    this.#failure = text;
    log('warn', text, message.hint === '' ? {} : { hint: message.hint });
  }

  #died(words: string, hasFailed: boolean, how: { status: number | null; signal: string | null }): void {
    this.#child = null;
    if (this.#isClosing) return;
    if (performance.now() - this.#startedMs > PAUSE_MS_MAX) this.#pauseMs = PAUSE_MS_MIN;
    const nextTrySeconds = this.#pauseMs / 1000;
    if (!hasFailed) {
      const fields = { ...how, words: printable(words.trim()), nextTrySeconds };
      this.#options.log('warn', 'the process that shows classes as files has ended', fields);
    }
    this.#pauseTimer = setTimeout(() => this.#start(), this.#pauseMs);
    this.#pauseTimer.unref();
    this.#pauseMs = Math.min(PAUSE_MS_MAX, 2 * this.#pauseMs);
  }

  /** The process takes its mount away, or is killed; then the mount is taken away from here. */
  async #leave(folder: string | null): Promise<void> {
    if (this.#pauseTimer) clearTimeout(this.#pauseTimer);
    this.#pauseTimer = null;
    const child = this.#child;
    this.#child = null;
    if (folder === null) return;
    if (child !== null) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
      await this.#ended;
      clearTimeout(timer);
    }
    try {
      await removeDeadMount(folder);
    } catch (error) {
      this.#options.log('warn', `a dead mount may be left at ${folder}: ${reasonOf(error)}`, {});
    }
  }
}
