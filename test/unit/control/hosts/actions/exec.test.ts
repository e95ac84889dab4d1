import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runProgram } from '../../../../../src/control/hosts/actions/exec.ts';
import { never, VIOLATION } from './violation.ts';

const folder = mkdtempSync(join(tmpdir(), 'shaper-exec-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = (argv: readonly string[], limitMs = 10_000, signal = never()): Promise<void> =>
  runProgram(argv, VIOLATION, limitMs, signal);

it('gives the program its arguments and variables, one by one and through no shell', async () => {
  const file = join(folder, 'out');
  const script = `printf '%s|' "$@" "$SHAPER_USED" "$SHAPER_ENDS" "$PWD" >${file}`;
  await run(['/bin/sh', '-c', script, 'sh', '{host} $(id)', '{over}{direction}']);
  expect(readFileSync(file, 'utf8')).toBe(
    '00:50:8d:68:50:75 $(id)|4hdown|10000001500|2026-11-29T18:00:00.000Z|/|',
  );
});

it('says why a program failed', async () => {
  await expect(run(['/bin/sh', '-c', 'echo oh >&2; exit 3'])).rejects.toThrow('/bin/sh: exit code 3 (oh)');
  await expect(run(['/no/such'])).rejects.toThrow('/no/such: no such program');
  await expect(run(['/etc/passwd'])).rejects.toThrow('/etc/passwd: not ours to run');
  await expect(run(['/bin/sh', '-c', 'kill -TERM $$'])).rejects.toThrow('ended by SIGTERM');
  await expect(run(['/bin/sh', '-c', 'yes'])).rejects.toThrow('it wrote too much');
});

it('a program that does not end is killed, and so is the wait for what it started', async () => {
  const began = performance.now();
  await expect(run(['/bin/sh', '-c', 'sleep 60'], 200)).rejects.toThrow('it did not end within 0.2 s');
  expect(performance.now() - began).toBeLessThan(30_000);
});

it('a program that reads finds nothing, and the stop of the instance ends it', async () => {
  await run(['/bin/cat']);
  const stop = new AbortController();
  const ended = run(['/bin/sleep', '60'], 10_000, stop.signal);
  stop.abort();
  await expect(ended).rejects.toThrow('the instance stopped first');
});
