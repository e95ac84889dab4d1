/** One line on stderr that shows the progress of a long run, if stderr is a terminal. */
const FIRST_AFTER_MS = 500;
const EVERY_MS = 100;
const CLEAR_LINE = '\r\x1b[K';

export class Progress {
  private readonly write: ((text: string) => void) | null;
  private readonly nowMs: () => number;
  private readonly startMs: number;
  private lastMs: number;
  private isOnScreen = false;

  /** `write` is null if nobody watches. */
  constructor(write: ((text: string) => void) | null, nowMs: () => number) {
    this.write = write;
    this.nowMs = nowMs;
    this.startMs = nowMs();
    this.lastMs = this.startMs;
  }

  /** `done` is the share of the run that is over, 0 to 1. */
  show(what: string, done: number): void {
    if (this.write === null) return;
    const nowMs = this.nowMs();
    if (nowMs - this.startMs < FIRST_AFTER_MS || nowMs - this.lastMs < EVERY_MS) return;
    this.lastMs = nowMs;
    this.isOnScreen = true;
    this.write(`${CLEAR_LINE}simulating ${what}: ${Math.floor(100 * done)} %`);
  }

  /** Erases the line, so that later output starts in its place. */
  clear(): void {
    if (this.isOnScreen) this.write?.(CLEAR_LINE);
    this.isOnScreen = false;
  }
}
