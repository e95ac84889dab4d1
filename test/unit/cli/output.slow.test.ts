/**
 * The program's output through pipes: a slow reader gets all of it, a reader that leaves early is no crash.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { filesWith } from './helpers.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const files = filesWith({ 'a.yaml': 'links: { wan: { device: nodevice0, up: 10mbit } }' });
afterAll(() => files.remove());

/** Runs a program that prints a report of 200 KB into a reader of the shell's. */
async function printInto(reader: string): Promise<{ stdout: string; stderr: string }> {
  const program = `node_modules/.bin/tsx src/shaper.ts simulate --conf ${files.path('a.yaml')} --json`;
  const line = `set -o pipefail; ${program} --pcap test/cases/equal-flows-1000.pcap | ${reader}`;
  return promisify(execFile)('bash', ['-c', line], { cwd: root, maxBuffer: 1e7 });
}

test('a reader that begins late gets more than a pipe holds', async () => {
  const { stdout } = await printInto('(sleep 3; cat)');
  expect(stdout.length).toBeGreaterThan(65_536);
  expect((JSON.parse(stdout) as { flows: unknown[] }).flows).toHaveLength(201);
});

test('a reader that leaves at the first line does not make it crash', async () => {
  expect(await printInto('head -n 1')).toEqual({ stdout: '{\n', stderr: '' });
});
