/** Problems of a configuration, each with its place. They are collected, then reported all at once. */
import type { LineCounter } from 'yaml';
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';

export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly message: string;
}

/** So many problems are shown; the rest is counted. */
const SHOWN_MAX = 50;
/** A longer message quotes something of the file at length, and is cut. */
const MESSAGE_CHARS_MAX = 600;

/** The file cannot be used. `problems` has all its errors in file order. */
export class ConfigError extends OperatingError {
  override readonly name = 'ConfigError';
  override readonly isPlaced = true;
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(EXIT_USAGE, formatProblems(problems));
    this.problems = problems;
  }
}

/** `FILE:LINE:COL: message`, which editors and terminals make clickable. */
export function formatProblem(problem: ConfigProblem): string {
  const { file, line, column, message } = problem;
  const cut = message.length > MESSAGE_CHARS_MAX ? `${message.slice(0, MESSAGE_CHARS_MAX)}…` : message;
  return `${printable(file)}:${line}:${column}: ${printable(cut)}`;
}

/** A line each for the first problems, and one that says how many there are besides. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.slice(0, SHOWN_MAX).map(formatProblem);
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`${printable(problems[0]!.file)}: and ${more} more like these`);
  return lines.join('\n');
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
