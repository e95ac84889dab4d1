/** `shaper watch`: prints what happens in a running instance, until it ends or, with `--retry`, for good. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT_FINE } from '../../base/errors.ts';
import { ClientError } from '../../client/client.ts';
import { follow } from '../../control/follow.ts';
import type { Terminal } from '../terminal.ts';
import { eventText } from './event-text.ts';
import { type ChangeOptions, socketOf } from './socket.ts';

export interface WatchOptions extends ChangeOptions {
  readonly since?: string;
  /** Wait for the next instance when this one has ended. */
  readonly retry?: boolean;
}

const AGAIN_MS = 500;

/** A stream that is cut, because we read too slowly, goes on behind the last event that was read. */
export async function watch(options: WatchOptions, terminal: Terminal): Promise<number> {
  const { json, retry } = options;
  const socketPath = socketOf(options);
  const isForPeople = terminal.isInteractive && !json;
  let last = options.since;
  const onEvent = (line: string): void => {
    last = idOf(line) ?? last;
    terminal.out(`${isForPeople ? eventText(line) : line}\n`);
  };
  for (let isFirst = !retry; ; isFirst = false) {
    try {
      await follow(socketPath, '/v1/events', last, onEvent);
    } catch (error) {
      const isAbsent = error instanceof ClientError && error.code === 'absent';
      if (!isAbsent || isFirst) throw error;
      if (!retry) return EXIT_FINE;
    }
    await sleep(AGAIN_MS);
  }
}

function idOf(line: string): string | null {
  return /^\{"id":(\d+),/.exec(line)?.[1] ?? null;
}
