import type { Terminal } from './terminal.ts';

/** What a command may use: the terminal, and the place for its exit code. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** What stands after `--`, for the command that starts another one; null without `--`. */
  readonly afterDashes: readonly string[] | null;
  readonly finish: (exitCode: number) => void;
}
