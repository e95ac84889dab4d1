/** One line on stderr that says how far a long run is; nothing where stderr is no terminal. */
const FIRST_AFTER_MS = 500;
const EVERY_MS = 100;
const CLEAR_LINE = '\r\x1b[K';

export class Progress {
  private readonly write: ((text: string) => void) | null;
  private readonly nowMs: () => number;
  private readonly startMs: number;
  private lastMs: number;
  private isOnScreen = false;

  /** `write` is null where nobody watches. */
  constructor(write: ((text: string) => void) | null, nowMs: () => number) {
    this.write = write;
    this.nowMs = nowMs;
    this.startMs = nowMs();
    this.lastMs = this.startMs;
  }

  /** `done` is the share of the run, 0..1. */
  show(what: string, done: number): void {
    if (this.write === null) return;
    const nowMs = this.nowMs();
    if (nowMs - this.startMs < FIRST_AFTER_MS || nowMs - this.lastMs < EVERY_MS) return;
    this.lastMs = nowMs;
    this.isOnScreen = true;
    this.write(`${CLEAR_LINE}simulating ${what}: ${Math.floor(100 * done)} %`);
  }

  /** Takes the line away: what follows stands where it was. */
  clear(): void {
    if (this.isOnScreen) this.write?.(CLEAR_LINE);
    this.isOnScreen = false;
  }
}
