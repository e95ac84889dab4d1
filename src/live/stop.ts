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
  'SIGPROF',
  'SIGUSR2',
];
/** They would stop the process, and every packet would wait. Nothing can be done about SIGSTOP. */
const IGNORED: readonly NodeJS.Signals[] = ['SIGTSTP', 'SIGTTIN'];

export interface StopRequest {
  /** The name of a signal or of a command, or the fault. */
  readonly reason: string;
  /** 0 unless it is a fault. */
  readonly exitCode: number;
}

export interface Stopper {
  /** Resolves with the first reason to stop. */
  readonly requested: Promise<StopRequest>;
  isRequested(): boolean;
  /** The contrary, to be handed on. */
  readonly isWanted: () => boolean;
  /** Asks for the stop as a signal does. */
  ask(reason: string): void;
  /** Asks for the stop because of a fault. */
  fail(reason: string): void;
  /** Stops listening for signals. The limit on the time of a requested stop stays. */
  dispose(): void;
}

export interface StopperOptions {
  readonly exitNow: (code: number) => never;
  readonly onReload: () => void;
  /** A signal came that must not have its usual effect. */
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
    isWanted: () => requestedMs === null,
    ask: (reason) => request(reason, 0),
    fail: (reason) => request(reason, EXIT_FAILED),
    dispose: () => {
      for (const [signal, listener] of listeners) process.off(signal, listener);
    },
  };
}
