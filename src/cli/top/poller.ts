/**
 * Asks for what the screen needs: each kind every second, and at once when another question of its kind is
 * needed. Of each kind one request is under way at a time, so a slow instance never has a pile of them.
 */
import { ClientError } from '../../client/client.ts';
import type { Kind, Outcome, Wanted } from './answers.ts';

export interface PollerOptions {
  readonly ask: (path: string) => Promise<object>;
  readonly onAnswer: (kind: Kind, outcome: Outcome) => void;
  /** Faults of the program. */
  readonly onFault: (error: unknown) => void;
}

export class Poller {
  private readonly options: PollerOptions;
  private wanted: Wanted = new Map();
  private readonly underWay = new Map<Kind, string>();
  /** Kinds that are asked again when their request has ended. */
  private readonly again = new Set<Kind>();

  constructor(options: PollerOptions) {
    this.options = options;
  }

  /** The screen needs these from now on. What differs from before is asked at once. */
  want(wanted: Wanted): void {
    const before = this.wanted;
    this.wanted = wanted;
    for (const [kind, path] of wanted) if (before.get(kind) !== path) this.ask(kind);
  }

  /** A second has passed: asks for everything that is not under way. */
  tick(): void {
    for (const kind of this.wanted.keys()) if (!this.underWay.has(kind)) this.ask(kind);
  }

  /** Something has changed: asks for everything, also when an older request is under way. */
  askAll(): void {
    for (const kind of this.wanted.keys()) this.ask(kind);
  }

  private ask(kind: Kind): void {
    const path = this.wanted.get(kind);
    if (path === undefined) return;
    if (this.underWay.has(kind)) {
      this.again.add(kind);
      return;
    }
    this.again.delete(kind);
    this.underWay.set(kind, path);
    this.exchange(kind, path).catch(this.options.onFault);
  }

  private async exchange(kind: Kind, path: string): Promise<void> {
    const outcome = await outcomeOf(this.options.ask(path));
    this.underWay.delete(kind);
    // The screen may need something else by now.
    if (this.wanted.get(kind) === path) this.options.onAnswer(kind, outcome);
    if (this.again.has(kind)) this.ask(kind);
  }
}

/** The answer of a request, or why there is none. Rejects with faults of the program only. */
export async function outcomeOf(asked: Promise<object>): Promise<Outcome> {
  try {
    return { answer: await asked };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { error };
  }
}
