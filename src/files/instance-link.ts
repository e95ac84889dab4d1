/**
 * Notices the end of the instance whose classes are shown: its stream of events ends with it. A stream that
 * ends while the instance goes on is opened again.
 */
import { request } from 'node:http';
import { reasonOf } from '../base/system-error.ts';

const AGAIN_MS = 1000;
/** Nobody listens there. */
const GONE = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK']);

type End = { readonly isGone: boolean; readonly reason: string };

export interface InstanceLink {
  /** Rejects with the reason, if there is no instance at the beginning. */
  readonly opened: Promise<void>;
  /** The instance has ended. */
  readonly gone: Promise<void>;
  close(): void;
}

/** Who wants to know of events. */
export interface Follower {
  /** Something has happened. */
  changed(): void;
  /** Whether every event comes, from now on. */
  setFollowed(isFollowed: boolean): void;
}

export function watchInstance(socketPath: string, follower: Follower): InstanceLink {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let onOpened: () => void = () => undefined;
  let onRefused: (error: Error) => void = () => undefined;
  let onGone: () => void = () => undefined;
  const opened = new Promise<void>((resolve, reject) => {
    onOpened = resolve;
    onRefused = reject;
  });
  const gone = new Promise<void>((resolve) => {
    onGone = resolve;
  });
  const open = async (): Promise<void> => {
    const { isGone, reason } = await streamUntilEnd(socketPath, stop.signal, follower, onOpened);
    follower.setFollowed(false);
    if (stop.signal.aborted) return;
    onRefused(new Error(reason));
    if (isGone) onGone();
    else timer = setTimeout(() => void open(), AGAIN_MS);
  };
  opened.catch(() => undefined);
  void open();
  return {
    opened,
    gone,
    close: () => {
      stop.abort();
      clearTimeout(timer);
    },
  };
}

function streamUntilEnd(
  socketPath: string,
  signal: AbortSignal,
  follower: Follower,
  onOpened: () => void,
): Promise<End> {
  return new Promise((resolve) => {
    const headers = { Host: 'shaper' };
    const sent = request({ socketPath, path: '/v1/events', headers, signal }, (answer) => {
      const isOpen = answer.statusCode === 200;
      if (isOpen) {
        follower.setFollowed(true);
        onOpened();
      }
      // A heartbeat is taken for an event, which does no harm; an event may come in two parts.
      answer.on('data', () => follower.changed());
      const end = (): void => resolve({ isGone: false, reason: `status ${answer.statusCode}` });
      answer.once('close', end);
      answer.on('error', end);
    });
    sent.on('error', (error) => {
      const reason = reasonOf(error);
      resolve({ isGone: GONE.has(reason), reason });
    });
    sent.end();
  });
}
