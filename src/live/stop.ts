/** Signals: the first asks for an orderly stop, a later one ends the process at once. */
import { EXIT_FAILED } from '../base/errors.ts';

/** The longest time from the first signal to the end of the process, whatever hangs. */
const STOP_MS_MAX = 1900;
/** Signals this close together are one request: timeout(1) signals the process and then its group. */
const GRACE_MS = 300;

/** All that end a process unless it listens, except those that Node ignores (PIPE, XFSZ) and faults. */
const STOPPING: readonly NodeJS.Signals[] = [
  'SIGTERM',
  'SIGINT',
  'SIGQUIT',
  'SIGALRM',
  'SIGVTALRM',
  'SIGXCPU',
  'SIGPWR',
  'SIGIO',
  'SIGSTKFLT',
];
/** It would end the process, but people send it to ask a program for something. */
const IGNORED: readonly NodeJS.Signals[] = ['SIGUSR2'];

export interface StopRequest {
  /** The name of a signal, or the fault. */
  readonly reason: string;
  /** 0 for a signal. */
  readonly exitCode: number;
}

export interface Stopper {
  /** Resolves with the first reason to stop. */
  readonly requested: Promise<StopRequest>;
  isRequested(): boolean;
  /** Asks for the stop because of a fault. */
  fail(reason: string): void;
  /** Stops listening for signals. The limit on the time of a requested stop stays. */
  dispose(): void;
}

export interface StopperOptions {
  readonly exitNow: (code: number) => never;
  readonly onReload: () => void;
  /** A signal without a meaning came. */
  readonly onIgnored: (signal: string) => void;
  /** The orderly stop took too long. Called before the process ends. */
  readonly onTimeout: () => void;
}

export function createStopper(options: StopperOptions): Stopper {
  let requestedMs: number | null = null;
  let resolve: (request: StopRequest) => void = () => undefined;
  const requested = new Promise<StopRequest>((resolvePromise) => {
    resolve = resolvePromise;
  });
  const request = (reason: string, exitCode: number): void => {
    if (requestedMs !== null) return;
    requestedMs = performance.now();
    // Nothing clears it: what comes after the stop, such as the output to a pipe, has no more time either.
    const timer = setTimeout(() => {
      options.onTimeout();
      options.exitNow(EXIT_FAILED);
    }, STOP_MS_MAX);
    timer.unref();
    resolve({ reason, exitCode });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (requestedMs !== null && performance.now() - requestedMs >= GRACE_MS) options.exitNow(EXIT_FAILED);
    request(signal, 0);
  };
  const listeners: [NodeJS.Signals, (signal: NodeJS.Signals) => void][] = [
    ...STOPPING.map((signal): [NodeJS.Signals, typeof onSignal] => [signal, onSignal]),
    ...IGNORED.map((signal): [NodeJS.Signals, typeof onSignal] => [signal, options.onIgnored]),
    ['SIGHUP', options.onReload],
  ];
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return {
    requested,
    isRequested: () => requestedMs !== null,
    fail: (reason) => request(reason, EXIT_FAILED),
    dispose: () => {
      for (const [signal, listener] of listeners) process.off(signal, listener);
    },
  };
}
