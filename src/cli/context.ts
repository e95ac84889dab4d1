import type { Terminal } from './terminal.ts';

/** What a command may use: the terminal, and the place for its exit code. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly finish: (exitCode: number) => void;
}
