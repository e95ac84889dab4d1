/** What a command may do to the world around the process; given by shaper.ts, and by tests. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether stdout is a terminal. */
  readonly isInteractive: boolean;
  /** Whether stderr is one: progress is shown there. */
  readonly isErrInteractive: boolean;
  /** Whether stdout takes colours (no-color.org). */
  readonly hasColor: boolean;
  /** Characters in a line of stdout. */
  readonly columns: number;
  /** Ends the process at once. Only shaper.ts can. */
  readonly exitNow: (code: number) => never;
}
