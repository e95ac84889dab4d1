/**
 * The page for stopped hosts, seen from the control thread: a process of its own, without rights, is told who
 * is stopped and serves the page. Whatever strangers do to it, or whatever becomes of it, no packet waits for
 * it: if it dies, another one comes, after pauses that grow.
 */
import type { ChildProcess } from 'node:child_process';
import { resolve as absolute } from 'node:path';
import { printable } from '../base/printable.ts';
import { prefixText } from '../packet/address-text.ts';
import type { PageSpec } from '../spec/hosts.ts';
import { PAGE_HTTP_PORT, PAGE_HTTPS_PORT } from '../spec/page.ts';
import { forkProcessFile } from '../threads/process-file.ts';
import { AllowedNames } from './allowed-names.ts';
import { FileStamps } from './file-stamps.ts';
import type { FromPageProcess, PageHost, PageSetup, ToPageProcess } from './messages.ts';
import { News } from './news.ts';

/** Hosts are told at most so often. */
const TELL_MS = 250;
/** The first pause after a death, and the longest. A process that has lived so long as this one is sound. */
const PAUSE_MS_MIN = 1000;
const PAUSE_MS_MAX = 60_000;
/** A process that reads nothing for so long is ended. */
const UNREAD_MS = 10_000;
/** New files take effect so late: certificates are renewed weeks before they expire. */
const FILES_MS = 30_000;
/** Of what a dying process writes, this much goes to the log. */
const LAST_WORDS_MAX = 500;
/** Megabytes: hosts and connections have bounds of their own, far below. */
const HEAP_MB = 64;

export type PortalLog = (level: 'info' | 'warn', message: string, fields: object) => void;

/** Where the process listens. */
export type PortalPlace = Pick<PageSetup, 'listenOn' | 'httpPort' | 'httpsPort'>;

const EVERYWHERE: PortalPlace = { listenOn: null, httpPort: PAGE_HTTP_PORT, httpsPort: PAGE_HTTPS_PORT };

export interface PortalOptions {
  readonly page: PageSpec;
  /** Where rules redirect stopped hosts to, unless it is told. */
  readonly place?: PortalPlace;
  /** The names among what stopped hosts reach all the same have these addresses now. */
  readonly onAllowed: (addresses: readonly string[]) => void;
  readonly log: PortalLog;
}

export interface Portal {
  /** All hosts that are stopped or slowed down, each time. */
  setHosts(hosts: readonly PageHost[]): void;
  /** The configuration has changed. The process starts anew if it has to. */
  configure(page: PageSpec): void;
  /** Ends the process. Resolves when it has gone. */
  close(): Promise<void>;
}

/** Returns at once. What becomes of the process goes to the log. */
export function startPortal(options: PortalOptions): Portal {
  return new RunningPortal(options);
}

class RunningPortal implements Portal {
  private readonly log: PortalLog;
  private readonly names: AllowedNames;
  private readonly files = new FileStamps();
  private readonly news = new News();
  private readonly look: NodeJS.Timeout;
  private readonly place: PortalPlace;
  private setup: PageSetup;
  private hosts = new Map<string, PageHost>();
  private child: ChildProcess | null = null;
  private ended: Promise<void> = Promise.resolve();
  private isClosing = false;
  /** The process has said why it cannot serve; and what the last one said that could not. */
  private hasFailed = false;
  private failure = '';
  /** The process reads its messages: the last one has left. */
  private isRead = true;
  private tellTimer: NodeJS.Timeout | null = null;
  private pauseTimer: NodeJS.Timeout | null = null;
  private pauseMs = PAUSE_MS_MIN;
  private startedMs = 0;

  constructor({ page, place = EVERYWHERE, onAllowed, log }: PortalOptions) {
    this.place = place;
    this.setup = setupOf(page, place);
    this.log = log;
    this.names = new AllowedNames(onAllowed, (message, fields) => log('warn', message, fields));
    this.names.follow(namesOf(page));
    this.look = setInterval(() => void this.lookAtFiles(), FILES_MS);
    this.look.unref();
    this.start();
  }

  setHosts(hosts: readonly PageHost[]): void {
    this.hosts = new Map(hosts.map((host) => [host.id, host]));
    this.tellSoon(0);
  }

  configure(page: PageSpec): void {
    this.names.follow(namesOf(page));
    const setup = setupOf(page, this.place);
    if (JSON.stringify(setup) === JSON.stringify(this.setup)) void this.lookAtFiles();
    else {
      this.setup = setup;
      this.renew();
    }
  }

  async close(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.look);
    this.names.close();
    if (this.tellTimer) clearTimeout(this.tellTimer);
    if (this.pauseTimer) clearTimeout(this.pauseTimer);
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  private start(): void {
    this.pauseTimer = null;
    void this.files.remember(this.setup);
    const child = forkProcessFile(import.meta.url, 'portal-process', { heapMb: HEAP_MB });
    this.child = child;
    this.startedMs = performance.now();
    this.isRead = true;
    this.hasFailed = false;
    this.news.forget();
    let words = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-LAST_WORDS_MAX);
    });
    child.on('message', (message: FromPageProcess) => this.hear(message));
    child.on('error', (error) => {
      words = error.message;
    });
    this.ended = new Promise((resolve) => {
      const end = (status: number | null, signal: string | null): void => {
        resolve();
        if (this.child === child) this.died(words, status, signal);
      };
      child.once('close', end);
      // Without a process there is no end of one.
      child.once('error', () => {
        if (child.pid === undefined) end(null, null);
      });
    });
    this.send({ type: 'start', setup: this.setup });
    this.tellSoon(0);
  }

  private hear(message: FromPageProcess): void {
    if (message.type === 'serving') {
      const { httpPort, httpsPort } = message;
      this.log('info', 'the page for stopped hosts is served', { httpPort, httpsPort });
      this.failure = '';
      return;
    }
    const text = `${message.type === 'failed' ? 'no page' : 'page'} for stopped hosts: ${message.message}`;
    if (message.type === 'failed') {
      this.hasFailed = true;
      // It is tried again every minute, and told once.
      if (text === this.failure) return;
      this.failure = text;
    }
    this.log('warn', text, {});
  }

  private died(words: string, status: number | null, signal: string | null): void {
    this.child = null;
    if (this.isClosing) return;
    if (performance.now() - this.startedMs > PAUSE_MS_MAX) this.pauseMs = PAUSE_MS_MIN;
    const fields = { status, signal, words: printable(words.trim()), nextTrySeconds: this.pauseMs / 1000 };
    if (!this.hasFailed)
      this.log('warn', 'the process that serves the page for stopped hosts has ended', fields);
    this.pauseTimer = setTimeout(() => this.start(), this.pauseMs);
    this.pauseTimer.unref();
    this.pauseMs = Math.min(PAUSE_MS_MAX, 2 * this.pauseMs);
  }

  /** Another process takes the place of this one. */
  private renew(): void {
    const { child } = this;
    if (this.isClosing || child === null) return;
    this.child = null;
    child.kill('SIGKILL');
    void this.ended.then(() => {
      if (!this.isClosing && this.child === null && this.pauseTimer === null) this.start();
    });
  }

  private async lookAtFiles(): Promise<void> {
    if (this.child === null || !(await this.files.haveChanged(this.setup))) return;
    this.log('info', 'files of the page for stopped hosts have changed: read again', {});
    this.renew();
  }

  private tellSoon(waitMs: number): void {
    if (this.tellTimer || this.isClosing) return;
    this.tellTimer = setTimeout(() => {
      this.tellTimer = null;
      this.tell();
    }, waitMs);
  }

  private tell(): void {
    if (this.child === null || !this.isRead) return;
    const { changed, gone } = this.news.take(this.hosts, performance.now());
    if (changed.length > 0 || gone.length > 0) this.send({ type: 'hosts', changed, gone });
  }

  /** One message is under way at a time, so that none pile up before a process that reads nothing. */
  private send(message: ToPageProcess): void {
    const { child } = this;
    if (!child?.connected) return;
    this.isRead = false;
    const timer = setTimeout(() => child.kill('SIGKILL'), UNREAD_MS);
    timer.unref();
    child.send(message, () => {
      clearTimeout(timer);
      if (this.child !== child) return;
      this.isRead = true;
      this.tellSoon(TELL_MS);
    });
  }
}

function namesOf({ allow }: PageSpec): string[] {
  return allow.filter((entry) => typeof entry === 'string');
}

function setupOf(page: PageSpec, place: PortalPlace): PageSetup {
  const { allow, certFile, keyFile, textFile, styleFile } = page;
  // The process has another directory.
  const path = (file: string | null): string | null => (file === null ? null : absolute(file));
  const texts = allow.map((entry) =>
    typeof entry === 'string' ? entry : prefixText(entry.family, entry.words, entry.bits),
  );
  return {
    ...place,
    allow: texts,
    certFile: path(certFile),
    keyFile: path(keyFile),
    textFile: path(textFile),
    styleFile: path(styleFile),
  };
}
