/**
 * Tells the packet thread whose addresses are whose, a few hundred at a time: with more of them at once,
 * packets would wait.
 */
import type { HostsUpdate, KnownAddress } from '../../../core/hosts/update.ts';
import type { Clock } from '../../change/clock.ts';

/** So many addresses cross at once, and the next after this pause. */
const AT_ONCE = 256;
const PAUSE_MS = 20;

export class KnownSender {
  readonly #send: (update: HostsUpdate) => void;
  readonly #clock: Pick<Clock, 'after'>;
  #waiting: KnownAddress[] = [];
  #forgetTimer: (() => void) | null = null;

  constructor(send: (update: HostsUpdate) => void, clock: Pick<Clock, 'after'>) {
    this.#send = send;
    this.#clock = clock;
  }

  readonly add = (known: readonly KnownAddress[]): void => {
    for (const one of known) this.#waiting.push(one);
    if (this.#forgetTimer === null) this.#next();
  };

  close(): void {
    this.#forgetTimer?.();
    this.#waiting = [];
  }

  #next(): void {
    this.#forgetTimer = null;
    if (this.#waiting.length === 0) return;
    this.#send({ known: this.#waiting.splice(0, AT_ONCE) });
    this.#forgetTimer = this.#clock.after(PAUSE_MS, () => this.#next());
  }
}
