/**
 * Errors that modules throw where nobody waits for them: in callbacks of sockets, in timers of Node, in
 * promises. By its stack such an error belongs to a module, which is ejected. One of a module that has gone,
 * or of the text that a module had before it was loaded again, is told, and ends nothing. An error that shows
 * no file of the program itself is of some module as well, since the program catches those of its own
 * sockets. Any other one ends the program, as without modules.
 */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { textsOf } from '../../io/modules/traces.ts';
import type { ModuleEntry } from './entry.ts';
import { firstLines } from './guarded.ts';

/** Where the files of the program lie, and the packages that it uses. */
const PROGRAM = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** An error that the shaper has made for a module. */
export class ModuleCallError extends Error {
  override readonly name = 'ModuleCallError';
  readonly label: string;

  constructor(label: string, message: string) {
    super(message);
    this.label = label;
  }
}

/** What is remembered of a module: its label, and what stacks show of its files. */
export interface Suspect {
  readonly label: string;
  readonly places: readonly string[];
  /** What a file imports lies beside it or below. */
  readonly folder: string | null;
  /** The name of its text; null: it is built in. */
  readonly text: string | null;
}

export function suspectOf({ label, ask, read: { source, text } }: ModuleEntry): Suspect {
  if (!source.startsWith('/')) {
    const places = [`/built-in/${ask.use}.`, `/built-in/${ask.use}/`, `/node_modules/${ask.use}/`];
    return { label, places, folder: null, text };
  }
  const folder = dirname(source);
  return { label, places: [`${source}:`, `${source}#`], folder: folder === '/' ? null : `${folder}/`, text };
}

/** The module that an error comes from; null: from none of them. */
export function culpritOf(error: unknown, suspects: readonly Suspect[]): Suspect | null {
  if (error instanceof ModuleCallError) return suspects.find(({ label }) => label === error.label) ?? null;
  const texts = textsOf(error);
  // The file is the same for every text of it, but only one of them has thrown.
  if (texts.length > 0) return suspects.find(({ text }) => text !== null && texts.includes(text)) ?? null;
  const stack = stackOf(error);
  const byFile = suspects.find(({ places }) => places.some((place) => stack.includes(place)));
  return byFile ?? suspects.find(({ folder }) => folder !== null && stack.includes(folder)) ?? null;
}

/** Whether the stack of an error shows a file of the program. */
export function isOfProgram(error: unknown): boolean {
  return stackOf(error).includes(PROGRAM);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : '';
}

export interface FaultsOptions {
  readonly entries: () => readonly ModuleEntry[];
  readonly eject: (label: string, reason: string) => void;
  /** An error that ends nothing, of these modules or one of them. */
  readonly tell: (labels: readonly string[], reason: string) => void;
}

/** Its message says where it was thrown. */
export class NamedFault extends Error {
  override readonly stack = '';
}

/** Until the text of a module is run, Node ends the program at an error that nobody catches. */
export class FaultWatch {
  private readonly options: FaultsOptions;
  /** Of all that have ever lived, by their files. */
  private readonly suspects = new Map<string, Suspect>();
  private isOn = false;

  constructor(options: FaultsOptions) {
    this.options = options;
  }

  /** Modules live, or other ones than before. Their timers may outlive them, and so does the watch. */
  begin(): void {
    for (const entry of this.options.entries()) {
      if (entry.life === null) continue;
      const suspect = suspectOf(entry);
      this.suspects.set(`${suspect.label} ${suspect.text ?? suspect.places[0]}`, suspect);
    }
    this.watch();
  }

  /** The text of a module is about to run: its timers may throw before it lives. */
  watch(): void {
    if (this.isOn) return;
    this.isOn = true;
    process.on('uncaughtException', this.onError);
  }

  /** From now on Node ends the program again. */
  end(): void {
    this.isOn = false;
    process.off('uncaughtException', this.onError);
  }

  private readonly onError = (error: unknown): void => {
    const { entries, eject, tell } = this.options;
    const living = entries().filter(({ life }) => life !== null);
    const reason = `threw outside of its functions: ${firstLines(error)}`;
    const own = culpritOf(error, living.map(suspectOf));
    const suspect = own ?? culpritOf(error, [...this.suspects.values()]);
    if (suspect === null && textsOf(error).length === 0 && isOfProgram(error)) {
      this.end();
      throw error;
    }
    if (own !== null) eject(own.label, reason);
    else if (suspect !== null) tell([suspect.label], reason);
    // Of a text that was loaded, and never lived.
    else if (textsOf(error).length > 0) tell([], reason);
    else if (living.length === 1) eject(living[0]!.label, reason);
    else
      tell(
        living.map(({ label }) => label),
        reason,
      );
  };
}
