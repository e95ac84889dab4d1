import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { closeDebugger } from '../../../src/live/debugger.ts';

it('says whether a debugger was open, and closes it', async () => {
  expect(closeDebugger()).toBe(false);
  const script =
    "import i from 'node:inspector'; const { closeDebugger } = await import('./src/live/debugger.ts');" +
    'const before = i.url(); console.log(before !== undefined, closeDebugger(), i.url() === undefined)';
  const args = ['--inspect=127.0.0.1:0', '--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  expect(stderr).toContain('Debugger listening');
  expect(stdout).toBe('true true true\n');
});
