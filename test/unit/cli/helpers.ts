import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../../src/cli/main.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function shaper(...args: string[]): Promise<Outcome> {
  return shaperOn({}, ...args);
}

/** The same on a terminal that differs from a pipe. */
export async function shaperOn(
  more: Partial<Omit<Terminal, 'out' | 'err'>>,
  ...args: string[]
): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const code = await main(args, {
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    isInteractive: false,
    isErrInteractive: false,
    hasColor: false,
    columns: 100,
    ...more,
    exitNow: (exitCode) => {
      throw new Error(`exit ${exitCode}`);
    },
  });
  return { code, stdout, stderr };
}

/** A folder of its own with the files given; `remove` it at the end. */
export function filesWith(files: Readonly<Record<string, string>>): {
  path: (name: string) => string;
  remove(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'shaper-test-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return {
    path: (name) => join(folder, name),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
