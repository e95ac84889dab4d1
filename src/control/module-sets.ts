/** The packet thread's side of changes that modules make: each waits for the word of the control thread. */
import type { ModuleSet } from './messages.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A module that asks faster than changes are made is refused. */
const WAITING_MAX = 100;

export class ModuleSets {
  private readonly tell: (request: number, change: ModuleSet) => void;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  constructor(tell: (request: number, change: ModuleSet) => void) {
    this.tell = tell;
  }

  /** Resolves when the values are in force. */
  ask(change: ModuleSet): Promise<void> {
    if (this.waiting.size >= WAITING_MAX)
      return Promise.reject(new Error(`${WAITING_MAX} changes wait already: wait until one is in force`));
    return new Promise((resolve, reject) => {
      const request = ++this.last;
      this.waiting.set(request, { resolve, reject });
      this.tell(request, change);
    });
  }

  /** `refusal` is the message of the error; null: the values are in force. */
  done(request: number, refusal: string | null): void {
    const one = this.waiting.get(request);
    this.waiting.delete(request);
    if (refusal === null) one?.resolve();
    else one?.reject(new Error(refusal));
  }
}
