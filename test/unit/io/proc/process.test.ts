import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isAlive, isRunning, ownIdentity, parseProcessStat } from '../../../../src/io/proc/process.ts';

/** A line of /proc/PID/stat with this name and state. */
const line = (name: string, state: string): string =>
  `42 (${name}) ${state} 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 11 0 987654 12345 1 0 0\n`;

describe('a process', () => {
  it.each([
    ['node', 'S', true],
    ['x) R 1 (', 'R', true],
    ['sh', 'T', true],
    ['gone', 'Z', false],
    ['gone', 'X', false],
  ])('named %s in state %s', (name, state, lives) => {
    expect(parseProcessStat(line(name, state))).toEqual({ startTicks: 987654, isAlive: lives });
  });

  it('is known by its number and its start', () => {
    const own = ownIdentity();
    expect(own.pid).toBe(process.pid);
    expect(isRunning(own)).toBe(true);
    expect(isRunning({ ...own, startTicks: own.startTicks - 1 })).toBe(false);
  });

  it('that has ended is not running', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
    const { pid } = child;
    const start = parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    const identity = { pid: pid!, startTicks: start.startTicks };
    expect([isRunning(identity), isAlive(pid!)]).toEqual([true, true]);
    child.stdin.end();
    await once(child, 'exit');
    expect([isRunning(identity), isAlive(pid!)]).toEqual([false, false]);
  });
});
