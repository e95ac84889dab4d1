/** The log of `run`: JSON lines for programs, readable text on a terminal. */
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

export interface Log {
  readonly logger: Logger;
  /** Writes out all lines that wait. Call it before the process ends. */
  flush(): void;
}

/** Writes to stdout. Packets never wait for a reader, and a reader that has gone does not end the shaper. */
export function openLog(level: string, isInteractive: boolean): Log {
  const options = { level, base: null, formatters: { level: (label: string) => ({ level: label }) } };
  if (isInteractive) {
    const stream = pretty({ colorize: process.env.NO_COLOR === undefined, sync: true });
    return { logger: pino({ level, base: null }, stream), flush: () => undefined };
  }
  const destination = pino.destination({ fd: 1, sync: false });
  destination.on('error', () => undefined);
  const logger = pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return { logger, flush: () => flushQuietly(destination) };
}

function flushQuietly(destination: { flushSync(): void }): void {
  try {
    destination.flushSync();
  } catch (error) {
    // The reader of the log has gone, so nobody is left to tell.
    if (!(error instanceof Error)) throw error;
  }
}
