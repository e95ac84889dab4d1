/**
 * The terminal as `top` uses it: the alternate screen, keys one by one, no cursor. However the program ends
 * or is stopped, the terminal is as it was before. Only SIGKILL leaves no time for that.
 */
import { emitKeypressEvents, type Interface } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import type { Line } from './cells.ts';
import type { Key } from './line-edit.ts';
import { encodeLine, paint } from './paint.ts';

/** Lines are not wrapped, so a character that is wider than we think cannot break the line below. */
const SET_UP = '\x1b[?25l\x1b[?7l';
const ENTER = `\x1b[?1049h${SET_UP}`;
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';

/** A terminal that knows no size of its own, such as a serial line. */
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

/** After that long a lone escape is the key Esc. */
const ESCAPE_MS = 100;

const END_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;

export interface ScreenOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly hasColor: boolean;
  readonly onKey: (key: Key) => void;
  /** The size has changed, or the screen has to be drawn anew. */
  readonly onResize: () => void;
  /** A signal asks us to end, or the terminal is gone. */
  readonly onEnd: () => void;
  /** Stops the whole job, as Ctrl-Z does. Returns when it goes on. */
  readonly stopJob: () => void;
}

interface KeyEvent {
  readonly name?: string;
  readonly sequence?: string;
  readonly ctrl: boolean;
  readonly meta: boolean;
  readonly shift: boolean;
}

export class Screen {
  readonly #options: ScreenOptions;
  /** What the terminal shows; null if that is not known. */
  #shown: readonly string[] | null = null;
  #isOpen = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  get size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = this.#options.output;
    return { columns: columns || COLUMNS_DEFAULT, rows: rows || ROWS_DEFAULT };
  }

  open(): void {
    const { input, output, onEnd } = this.#options;
    process.on('exit', this.#leave);
    for (const signal of END_SIGNALS) process.on(signal, onEnd);
    process.on('SIGTSTP', this.#stop);
    process.on('SIGCONT', this.#goOn);
    emitKeypressEvents(input, { escapeCodeTimeout: ESCAPE_MS } as unknown as Interface);
    input.on('keypress', this.#keypress);
    for (const event of ['end', 'error']) input.on(event, onEnd);
    output.on('resize', this.#redraw);
    this.#enter();
    input.resume();
  }

  close(): void {
    const { input, output, onEnd } = this.#options;
    this.#leave();
    process.off('exit', this.#leave);
    for (const signal of END_SIGNALS) process.off(signal, onEnd);
    process.off('SIGTSTP', this.#stop);
    process.off('SIGCONT', this.#goOn);
    input.off('keypress', this.#keypress);
    input.off('end', onEnd);
    output.off('resize', this.#redraw);
    input.pause();
  }

  show(lines: readonly Line[]): void {
    if (!this.#isOpen) return;
    const encoded = lines.map((line) => encodeLine(line, this.#options.hasColor));
    const text = paint(this.#shown, encoded);
    this.#shown = encoded;
    if (text !== '') this.#options.output.write(text);
  }

  /** Draws everything anew at the next show(). */
  forget(): void {
    this.#shown = null;
  }

  /** Leaves the terminal to the shell until the job goes on. */
  stop(): void {
    this.#leave();
    // Without a listener the signal does what it does by itself.
    process.off('SIGTSTP', this.#stop);
    this.#options.stopJob();
    process.on('SIGTSTP', this.#stop);
    this.#enter();
    this.#redraw();
  }

  readonly #stop = (): void => this.stop();

  readonly #redraw = (): void => {
    this.forget();
    this.#options.onResize();
  };

  /** After SIGSTOP we could not clear up, and the shell may have set the terminal for itself. */
  readonly #goOn = (): void => {
    if (!this.#isOpen) return;
    this.#options.input.setRawMode(false);
    this.#options.input.setRawMode(true);
    this.#options.output.write(SET_UP);
    this.#redraw();
  };

  readonly #keypress = (text: string | undefined, event: KeyEvent): void => {
    const { name, ctrl, meta, shift } = event;
    this.#options.onKey({ name, text, ctrl, meta, shift });
  };

  #enter(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#options.input.setRawMode(true);
    this.#options.output.write(ENTER);
    this.forget();
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#options.output.write(LEAVE);
    this.#options.input.setRawMode(false);
  };
}
