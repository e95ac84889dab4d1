/** Problems of a configuration, each with its place. They are collected, then reported all at once. */
import type { LineCounter } from 'yaml';
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { FoundModules } from '../../spec/found-modules.ts';

export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly message: string;
  /** Position in the text, or the number of a node that no text has yet (edit/numbers.ts). */
  readonly offset: number;
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
  /** What the file says of modules, as far as it can be read; null: nothing. */
  readonly found: FoundModules | null;

  constructor(problems: readonly ConfigProblem[], found: FoundModules | null = null) {
    super(EXIT_USAGE, formatProblems(problems));
    this.problems = problems;
    this.found = found;
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

interface Report {
  /** Position in the text. */
  readonly offset: number;
  readonly message: string;
}

/** Keyed by place and message, so that an anchor that is used ten times is reported once. */
type Reports = Map<string, Report>;

interface Found {
  readonly errors: Reports;
  readonly warnings: Reports;
}

/** Collects problems while the document is read. */
export class Problems {
  readonly #file: string;
  readonly #lines: LineCounter;
  #found: Found = nothingFound();

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  error(offset: number, message: string): void {
    add(this.#found.errors, { offset, message });
  }

  warn(offset: number, message: string): void {
    add(this.#found.warnings, { offset, message });
  }

  /**
   * Reads the same text for two directions. A problem of both is reported once, and one that only a direction
   * has names it.
   */
  ofBoth<T>(read: (direction: 'up' | 'down') => T): { readonly up: T; readonly down: T } {
    const before = this.#found;
    const gather = (direction: 'up' | 'down'): { value: T; found: Found } => {
      this.#found = nothingFound();
      return { value: read(direction), found: this.#found };
    };
    const up = gather('up');
    const down = gather('down');
    this.#found = before;
    for (const kind of ['errors', 'warnings'] as const)
      for (const report of joined(up.found[kind], down.found[kind])) add(before[kind], report);
    return { up: up.value, down: down.value };
  }

  get errors(): ConfigProblem[] {
    return this.#inFileOrder(this.#found.errors);
  }

  get warnings(): ConfigProblem[] {
    return this.#inFileOrder(this.#found.warnings);
  }

  /** Line and column of a position in the text, both from 1. */
  placeOf(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #inFileOrder(reports: Reports): ConfigProblem[] {
    const placed = [...reports.values()].map(({ offset, message }) => ({
      file: this.#file,
      ...this.placeOf(offset),
      message,
      offset,
    }));
    return placed.sort((a, b) => a.line - b.line || a.column - b.column);
  }
}

function nothingFound(): Found {
  return { errors: new Map(), warnings: new Map() };
}

function add(into: Reports, report: Report): void {
  into.set(`${report.offset} ${report.message}`, report);
}

/** The reports of two directions on the same text. */
function joined(up: Reports, down: Reports): Report[] {
  const key = ({ offset, message }: Report): string => `${offset} ${withoutValues(message)}`;
  const downByKey = new Map([...down.values()].map((report) => [key(report), report]));
  const upKeys = new Set([...up.values()].map(key));
  const named = (direction: string, { offset, message }: Report): Report => ({
    offset,
    message: `${message} (in ${direction})`,
  });
  return [
    ...[...up.values()].map((report) => {
      const other = downByKey.get(key(report));
      if (other?.message === report.message) return report;
      return named(other ? 'up, and likewise in down' : 'up', report);
    }),
    ...[...down.values()].filter((report) => !upKeys.has(key(report))).map((report) => named('down', report)),
  ];
}

/** The message with its values taken out, which may differ between two directions. */
function withoutValues(message: string): string {
  return message.replaceAll(/\d+(?:\.\d+)?\w*/g, '#');
}
