/**
 * Errors that modules throw where nobody waits for them: in callbacks of sockets, in timers of Node, in
 * promises. By its stack such an error belongs to a module, which is ejected; any other one ends the program,
 * as it would without modules.
 */
import { dirname } from 'node:path';
import type { ModuleEntry } from './entry.ts';
import { firstLines } from './guarded.ts';

/** The label of the module that an error comes from; null: from none of them. */
export function culpritOf(error: unknown, entries: readonly ModuleEntry[]): string | null {
  const stack = error instanceof Error ? String(error.stack) : '';
  const living = entries.filter(({ life }) => life !== null);
  const byFile = living.find((entry) => placesOf(entry).some((place) => stack.includes(place)));
  // What a file imports lies beside it or below.
  const found =
    byFile ?? living.find((entry) => folderOf(entry) !== null && stack.includes(folderOf(entry)!));
  return found?.label ?? null;
}

function placesOf({ ask, read: { source } }: ModuleEntry): string[] {
  if (source.startsWith('/')) return [`${source}:`, `${source}#`];
  return [`/built-in/${ask.use}.`, `/built-in/${ask.use}/`, `/node_modules/${ask.use}/`];
}

function folderOf({ read: { source } }: ModuleEntry): string | null {
  const folder = source.startsWith('/') ? dirname(source) : '/';
  return folder === '/' ? null : `${folder}/`;
}

export interface FaultsOptions {
  readonly entries: () => readonly ModuleEntry[];
  readonly eject: (label: string, reason: string) => void;
}

/** Without it Node ends the program, as it should while no module lives. */
export class FaultWatch {
  private readonly options: FaultsOptions;

  constructor(options: FaultsOptions) {
    this.options = options;
  }

  begin(): void {
    this.end();
    process.on('uncaughtException', this.onError);
  }

  end(): void {
    process.off('uncaughtException', this.onError);
  }

  private readonly onError = (error: unknown): void => {
    const { entries, eject } = this.options;
    const label = culpritOf(error, entries());
    if (label === null) {
      this.end();
      throw error;
    }
    eject(label, `threw outside of its functions: ${firstLines(error)}`);
  };
}
