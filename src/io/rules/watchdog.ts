/**
 * The heartbeat of this process, and the small process that watches it (native/watchdog). While we stand
 * still, stopped by SIGSTOP or a debugger, nobody gives verdicts and every packet would wait. After a second
 * without a beat the watchdog ends the nft that owns our table, so the table goes and packets pass.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { findAddon } from '../nfqueue/addon.ts';
import type { RulesLog } from './errors.ts';

/** A quarter of the time after which the heart counts as stopped: kLookMs of native/watchdog/watchdog.cc. */
const BEAT_MS = 250;
/** A watchdog that somebody ends has a successor this much later. */
const RESTART_MS = 1000;
/** So many are ended within this time before we give up: something ends each of them. */
const DEATHS_MAX = 5;
const DEATHS_MS = 60_000;
/** The watchdog ends as soon as nft has, whoever ended it. A busy machine may need longer to say so. */
const ANSWER_MS = 2000;

/** Its exit status. It is 0 if nft ended otherwise. */
const STATUS_BITTEN = 1;

/** Both builds put the watchdog beside the addon. */
export function watchdogProgram(): string {
  return join(dirname(findAddon() ?? ''), 'shaper-watchdog');
}

export class Watchdog {
  private readonly program: string;
  private readonly nft: number;
  private readonly log: RulesLog;
  private readonly heart: NodeJS.Timeout;
  private child: ChildProcess;
  private closed = false;
  private deathsMs: number[] = [];
  private beatMs = performance.now();
  private longestMs = 0;
  private tellBitten: (bitten: boolean) => void = () => undefined;
  private readonly bitten = new Promise<boolean>((resolve) => {
    this.tellBitten = resolve;
  });

  /** Watches from now on over the nft with that process id. */
  constructor(nft: number, log: RulesLog, program = watchdogProgram()) {
    this.program = program;
    this.nft = nft;
    this.log = log;
    this.child = this.start();
    this.heart = setInterval(() => this.beat(), BEAT_MS);
    this.heart.unref();
  }

  /** For a caller that has seen nft end: was it because our heart had stopped? */
  async hasBitten(): Promise<boolean> {
    const timer = setTimeout(() => this.tellBitten(false), ANSWER_MS);
    const bitten = await this.bitten;
    clearTimeout(timer);
    return bitten;
  }

  /** The longest time so far between two beats. */
  get stillMs(): number {
    return Math.max(this.longestMs, performance.now() - this.beatMs);
  }

  /** Ends the watch. Call it after nft has ended: the watchdog ends what is left of it. */
  close(): void {
    this.closed = true;
    clearInterval(this.heart);
    this.child.stdin?.end();
  }

  private start(): ChildProcess {
    // A session of its own: what stops our group must not stop the watch.
    const child = spawn(this.program, [String(this.nft)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.unref();
    // A write may meet the end of the watchdog. `exit` reports that.
    child.stdin?.on('error', () => undefined);
    child.on('error', (error) => {
      this.log.warn('no watchdog: packets wait while this process is stopped', { error: error.message });
    });
    child.on('exit', (status, signal) => this.onExit(status, signal));
    return child;
  }

  private onExit(status: number | null, signal: string | null): void {
    if (status === 0 || status === STATUS_BITTEN) this.tellBitten(status === STATUS_BITTEN);
    if (this.closed || status === 0 || status === STATUS_BITTEN) return;
    const nowMs = performance.now();
    this.deathsMs = [...this.deathsMs, nowMs].filter((atMs) => nowMs - atMs < DEATHS_MS);
    if (signal === null || this.deathsMs.length === DEATHS_MAX) {
      this.log.warn('no watchdog: packets wait while this process is stopped', { status, signal });
      return;
    }
    this.log.warn('somebody ended the watchdog; another one takes its place', { signal });
    const timer = setTimeout(() => {
      if (!this.closed) this.child = this.start();
    }, RESTART_MS);
    timer.unref();
  }

  private beat(): void {
    this.longestMs = this.stillMs;
    this.beatMs = performance.now();
    // A watchdog that is stopped itself reads nothing. Beats do not pile up then.
    const { stdin } = this.child;
    if (stdin?.writable && stdin.writableLength === 0) stdin.write('.');
  }
}
