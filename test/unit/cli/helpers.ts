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
  const { terminal, written } = terminalOf(more);
  const code = await main(args, terminal);
  return { code, ...written };
}

/** A pipe, or what `more` says, and what is written to it. */
export function terminalOf(more: Partial<Omit<Terminal, 'out' | 'err'>> = {}): {
  readonly terminal: Terminal;
  readonly written: { stdout: string; stderr: string };
} {
  const written = { stdout: '', stderr: '' };
  const terminal: Terminal = {
    out: (text) => {
      written.stdout += text;
    },
    err: (text) => {
      written.stderr += text;
    },
    isInteractive: false,
    isErrInteractive: false,
    hasColor: false,
    columns: 100,
    stopJob: () => undefined,
    endBy: () => undefined,
    ...more,
    exitNow: (exitCode) => {
      throw new Error(`exit ${exitCode}`);
    },
  };
  return { terminal, written };
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

/** A good configuration, one with two errors, one with a warning, and one for the iptables back end. */
export function configFiles(more: Readonly<Record<string, string>> = {}): ReturnType<typeof filesWith> {
  return filesWith({
    ...more,
    'good.yaml':
      'links: { wan: { device: nodevice0, up: { rate: 20mbit, classes: { bulk: { ceil: 5mbit, match: { dport: 873 } } } }, down: 100mbit } }',
    'bad.yaml': 'links:\n  wan:\n    device: nodevice0\n    up: 20\n    dwon: 5mbit\n',
    'warning.yaml':
      'links: { wan: { device: nodevice0, up: { rate: 20mbit, classes: { a: {}, b: { match: { dport: 1 } } } } } }\n' +
      'control: { socket: /nowhere/shaper.sock }',
    'iptables.yaml': 'links: { wan: { device: nodevice0, up: 20mbit } }\nnfqueue: { backend: iptables }',
  });
}
