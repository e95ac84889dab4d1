/** `shaper run`: shapes until a signal ends it. */
import { closeSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isSystemError } from '../base/system-error.ts';
import { loadConfig } from '../config/config.ts';
import { Accounts } from '../io/accounts.ts';
import { readConfigText } from '../io/config-text.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import { runInstance } from '../live/instance.ts';
import { takeResume } from '../live/modules/handover.ts';
import type { Terminal } from './terminal.ts';

/** Resolves with the exit code. */
export function run(file: string, terminal: Terminal): Promise<number> {
  const { isInteractive, exitNow } = terminal;
  const resume = takeResume(process.env, process.pid, readDescriptor);
  const source = resume?.handover?.config ?? { text: readConfigText(file), file: resolve(file) };
  const config = loadConfig(source.text, file, readDeviceGraph(), new Accounts());
  return runInstance(config, { source, resume, isInteractive, exitNow });
}

/** Reads what a descriptor has, and closes it; null: it is none. */
function readDescriptor(fd: number): string | null {
  try {
    const text = readFileSync(fd, 'utf8');
    closeSync(fd);
    return text;
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}
