/**
 * The live guard of modules: native/modules/guard.h says what it watches. What a module does in promises,
 * sockets and timers of Node runs outside of run(). If the event loop hangs there, or run() cannot be ended,
 * the program starts anew in the same process (native/modules/restart.h).
 */
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { type Addon, loadAddon } from '../nfqueue/addon.ts';

/** What a module may take at once. */
export const RUN_LIMIT_US = 100_000;
/** So much later a run may end. */
const LOOK_US = 20_000;

/**
 * So much processor time, or waiting, of one turn of the event loop, and it hangs. Turns of the program take
 * 0.1 s at most. With a start of a second packets have an instance again within two.
 */
const HANG_US = 400_000;
/** From here the arguments of the program count. */
const FOLDER = process.cwd();

export interface LiveGuard extends Pick<ModuleGuard, 'run' | 'cpuNs'> {
  /** From now on a loop that hangs is ended by a new start, which is told the text. */
  arm(text: string): void;
  /** From now on a loop that hangs is ended with the process: the orderly stop cannot go on. */
  stopping(): void;
  /** Ends the thread that watches. Nothing runs under the guard afterwards. */
  close(): void;
}

export interface GuardTimes {
  readonly limitUs?: number;
  readonly lookUs?: number;
  readonly hangUs?: number;
}

/**
 * Watches over the calling thread, by a thread of its own that wakes fifty times a second, until close().
 * `owner` is a number: whose code runs.
 */
export function startGuard(
  owner: ArrayBuffer,
  { limitUs = RUN_LIMIT_US, lookUs = LOOK_US, hangUs = HANG_US }: GuardTimes = {},
  addon: Addon = loadAddon(),
): LiveGuard {
  const native = new addon.NativeGuard(limitUs, lookUs, owner);
  return {
    run: native.run,
    cpuNs: native.cpuNs,
    arm: (text) => {
      if (isDebugged()) return;
      const { execPath, argv0, execArgv, argv, env } = process;
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      native.arm(hangUs, execPath, [argv0, ...execArgv, ...argv.slice(1)], variables, FOLDER, text);
    },
    stopping: () => native.stopping(),
    close: () => native.close(),
  };
}

/** A program that stands at a breakpoint does not hang. */
function isDebugged(): boolean {
  return /--inspect|--debug/.test(`${process.execArgv} ${process.env.NODE_OPTIONS}`);
}
