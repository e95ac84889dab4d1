/** Signals: the first asks for an orderly stop, the second ends the process at once. */
import { EXIT_FAILED } from '../base/errors.ts';

/** The longest time from the first signal to the end of the process, whatever hangs. */
const STOP_MS_MAX = 1900;

export interface StopRequest {
  /** The name of a signal, or the fault. */
  readonly reason: string;
  /** 0 for a signal. */
  readonly exitCode: number;
}

export interface Stopper {
  /** Resolves with the first reason to stop. */
  readonly requested: Promise<StopRequest>;
  /** Asks for the stop because of a fault. */
  fail(reason: string): void;
  /** Stops listening for signals. */
  dispose(): void;
}

export interface StopperOptions {
  readonly exitNow: (code: number) => never;
  readonly onReload: () => void;
  /** The orderly stop took too long. Called before the process ends. */
  readonly onTimeout: () => void;
}

export function createStopper(options: StopperOptions): Stopper {
  let isRequested = false;
  let resolve: (request: StopRequest) => void = () => undefined;
  const requested = new Promise<StopRequest>((resolvePromise) => {
    resolve = resolvePromise;
  });
  let timer: NodeJS.Timeout | undefined;
  const request = (reason: string, exitCode: number): void => {
    if (isRequested) return;
    isRequested = true;
    timer = setTimeout(() => {
      options.onTimeout();
      options.exitNow(EXIT_FAILED);
    }, STOP_MS_MAX);
    resolve({ reason, exitCode });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isRequested) options.exitNow(EXIT_FAILED);
    request(signal, 0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('SIGHUP', options.onReload);
  return {
    requested,
    fail: (reason) => request(reason, EXIT_FAILED),
    dispose: () => {
      clearTimeout(timer);
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
      process.off('SIGHUP', options.onReload);
    },
  };
}
