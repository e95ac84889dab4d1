/**
 * Names of addresses by reverse DNS, beside everything else: who asks gets what is known by now, and a
 * question is on its way. A few at a time, so that nobody's resolver is flooded.
 */
import { Resolver } from 'node:dns/promises';
import { isSystemError } from '../../../base/system-error.ts';
import { REVERSE_NAMES_MAX, REVERSE_NAMES_WAITING_MAX } from '../../../limits.ts';
import { cleanHostName } from './host-name.ts';

const AT_ONCE = 4;
const TIMEOUT_MS = 2000;
/** So long an answer holds; it is given out meanwhile, and while it is asked for again. */
const NAME_MS = 3600e3;
/** There is no name. */
const NO_NAME_MS = 600e3;
/** The resolver did not answer. */
const FAILED_MS = 60e3;
/** Codes of answers that say: there is no name. */
const NO_NAME = new Set(['ENOTFOUND', 'ENODATA']);

export interface ReverseDnsOptions {
  readonly resolve: (address: string) => Promise<readonly string[]>;
  readonly nowMs: () => number;
}

interface Answer {
  name: string | null;
  untilMs: number;
}

/** Asks the resolvers of this machine. */
export function createReverseResolver(): ReverseDnsOptions['resolve'] {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  return (address) => resolver.reverse(address);
}

export class ReverseDns {
  private readonly options: ReverseDnsOptions;
  /** By address, the one that was asked for last behind. */
  private readonly answers = new Map<string, Answer>();
  private readonly waiting = new Set<string>();
  private asking = 0;

  constructor(options: ReverseDnsOptions) {
    this.options = options;
  }

  /** null: there is none, or none is known yet. */
  nameOf(address: string): string | null {
    const answer = this.answers.get(address);
    const isOld = answer === undefined || answer.untilMs <= this.options.nowMs();
    if (isOld && this.waiting.size < REVERSE_NAMES_WAITING_MAX) {
      this.waiting.add(address);
      this.askNext();
    }
    return answer?.name ?? null;
  }

  private askNext(): void {
    for (const address of this.waiting) {
      if (this.asking >= AT_ONCE) return;
      this.waiting.delete(address);
      this.asking++;
      void this.ask(address);
    }
  }

  private async ask(address: string): Promise<void> {
    // Nobody asks for it a second time meanwhile.
    const before = this.answers.get(address)?.name ?? null;
    this.keep(address, before, TIMEOUT_MS + FAILED_MS);
    try {
      const [first] = await this.options.resolve(address);
      const name = first === undefined ? null : cleanHostName(first);
      this.keep(address, name, name === null ? NO_NAME_MS : NAME_MS);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const isAnswer = NO_NAME.has(error.code);
      this.keep(address, isAnswer ? null : before, isAnswer ? NO_NAME_MS : FAILED_MS);
    } finally {
      this.asking--;
      this.askNext();
    }
  }

  private keep(address: string, name: string | null, forMs: number): void {
    this.answers.delete(address);
    if (this.answers.size >= REVERSE_NAMES_MAX) this.answers.delete(this.answers.keys().next().value!);
    this.answers.set(address, { name, untilMs: this.options.nowMs() + forMs });
  }
}
