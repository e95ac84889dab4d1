/** Problems of a configuration, each with its place. They are collected, then reported all at once. */
import type { LineCounter } from 'yaml';
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';

export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly message: string;
}

/** The file cannot be used. `problems` has all its errors in file order. */
export class ConfigError extends OperatingError {
  override readonly name = 'ConfigError';
  override readonly isPlaced = true;
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(EXIT_USAGE, problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** `FILE:LINE:COL: message`, which editors and terminals make clickable. */
export function formatProblem(problem: ConfigProblem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
}

/** Collects problems while the document is read. Offsets are positions in the text. */
export class Problems {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #errors = new Map<string, ConfigProblem>();
  readonly #warnings = new Map<string, ConfigProblem>();

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  error(offset: number, message: string): void {
    this.#add(this.#errors, offset, message);
  }

  warn(offset: number, message: string): void {
    this.#add(this.#warnings, offset, message);
  }

  get errors(): ConfigProblem[] {
    return inFileOrder(this.#errors);
  }

  get warnings(): ConfigProblem[] {
    return inFileOrder(this.#warnings);
  }

  /** Keyed by place and message, so that an anchor that is used ten times is reported once. */
  #add(into: Map<string, ConfigProblem>, offset: number, message: string): void {
    const at = this.#lines.linePos(offset);
    const problem = {
      file: this.#file,
      line: Math.max(1, at.line),
      column: Math.max(1, at.col),
      message,
    };
    into.set(`${offset} ${message}`, problem);
  }
}

function inFileOrder(problems: Map<string, ConfigProblem>): ConfigProblem[] {
  return [...problems.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}
