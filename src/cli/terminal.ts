/** The outside of the process as commands see it. shaper.ts and tests provide it. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether stdout is a terminal. */
  readonly isInteractive: boolean;
  /** Whether stderr is a terminal. Progress is shown there. */
  readonly isErrInteractive: boolean;
  /** Whether stdout takes colours (no-color.org). */
  readonly hasColor: boolean;
  /** Characters in a line of stdout. */
  readonly columns: number;
  /** Stops all processes of the job, as Ctrl-Z does by itself. Returns when they go on. */
  readonly stopJob: () => void;
  /** Sends this process a signal that ends it, unless somebody listens for that. */
  readonly endBy: (signal: NodeJS.Signals) => void;
  /** Ends the process at once. */
  readonly exitNow: (code: number) => never;
}
