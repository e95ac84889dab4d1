import { expect, test } from 'vitest';
import { obstacleOf } from '../../../../src/cli/top/top.ts';
import { shaper } from '../helpers.ts';

test('without a terminal it says so and ends with exit code 2', async () => {
  const { code, stdout, stderr } = await shaper('top', '--socket', '/nowhere.sock');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^shaper: top needs a terminal .*\n {2}shaper status prints/);
});

test('a terminal without a cursor is refused by name', () => {
  expect(obstacleOf(true, 'dumb')).toContain("TERM is 'dumb'");
  expect(obstacleOf(true, undefined)).toContain('TERM is not set');
  expect(obstacleOf(true, 'xterm')).toBe('');
  expect(obstacleOf(false, 'xterm')).toContain('needs a terminal');
});
