/** The log of `run`: JSON lines for programs, readable text on a terminal. */
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import { nonBlockingWriter, Sink } from './sink.ts';

/** A reader that is merely slow gets the last lines. It has this long at the end. */
const DRAIN_MS = 300;

export interface Log {
  readonly logger: Logger;
  /** Resolves when the lines that wait are written, or given up. */
  close(): Promise<void>;
}

/** Writes to stdout. Packets never wait for a reader, and a reader that has gone does not end the shaper. */
export function openLog(level: string, isInteractive: boolean): Log {
  const labels = { formatters: { level: (label: string) => ({ level: label }) } };
  const options = { level, base: null, ...(isInteractive ? {} : labels) };
  const timestamp = isInteractive ? pino.stdTimeFunctions.epochTime : pino.stdTimeFunctions.isoTime;
  const toText = isInteractive
    ? pretty.prettyFactory({ colorize: process.env.NO_COLOR === undefined })
    : (line: string): string => line;
  const loggerTo = (write: (text: string) => void): Logger =>
    pino({ ...options, timestamp }, { write: (line) => write(toText(line)) });
  const lineOfDropped = (dropped: number): string => {
    let text = '';
    loggerTo((line) => {
      text = line;
    }).warn({ dropped }, 'log lines dropped: nobody took them');
    return text;
  };
  const sink = new Sink({ tryWrite: nonBlockingWriter(process.stdout), lineOfDropped });
  return { logger: loggerTo((line) => sink.write(line)), close: () => sink.drain(DRAIN_MS) };
}
