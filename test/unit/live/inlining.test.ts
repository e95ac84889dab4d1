import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { INLINING_FLAG } from '../../../src/live/inlining.ts';

test('this Node knows the flag and would do with less', () => {
  const [name, wanted] = INLINING_FLAG.split('=') as [string, string];
  const options = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  const standard = new RegExp(`default: ${name}=(\\d+)`).exec(options)?.[1];
  expect(Number(standard)).toBeGreaterThan(0);
  expect(Number(standard)).toBeLessThan(Number(wanted));
});
