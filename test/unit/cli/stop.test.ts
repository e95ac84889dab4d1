import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, expect, it } from 'vitest';
import { stop } from '../../../src/cli/stop.ts';
import { route } from '../../../src/control/http/route.ts';
import { anyObject } from '../../../src/control/http/schema.ts';
import { type ControlServer, startServer } from '../../../src/control/server.ts';
import { isRunning, ownIdentity, parseProcessStat } from '../../../src/io/proc/process.ts';
import { configFiles, shaper, terminalOf } from './helpers.ts';

const files = configFiles();
afterAll(() => files.remove());
const path = files.path('live.sock');
let server: ControlServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serveStop(handle: () => Promise<object>): Promise<void> {
  const answer = anyObject('who ends');
  server = await startServer(path, [
    route({ method: 'POST', path: '/v1/stop', summary: '', answer, handle }),
  ]);
}

it('nobody there: exit 3 and what to do', async () => {
  const { code, stdout, stderr } = await shaper('stop', '--socket', files.path('none.sock'));
  expect(code).toBe(3);
  expect(stdout).toBe('');
  expect(stderr).toContain('no running instance answers on');
});

it('waits for the end of the process, exit 0', async () => {
  const child = spawn(process.execPath, [
    '-e',
    'process.stdin.on("end", () => setTimeout(() => 0, 200)).resume()',
  ]);
  const { startTicks } = parseProcessStat(readFileSync(`/proc/${child.pid}/stat`, 'utf8'));
  await serveStop(async () => {
    child.stdin.end();
    return { process: { pid: child.pid, startTicks } };
  });
  expect(await shaper('stop', '--socket', path)).toEqual({
    code: 0,
    stdout: `stopped (pid ${child.pid})\n`,
    stderr: '',
  });
  expect(isRunning({ pid: child.pid!, startTicks })).toBe(false);
});

it('a process that cannot be seen from here has ended when its socket is gone', async () => {
  const process = { pid: 1, startTicks: -1 };
  await serveStop(async () => {
    setTimeout(() => void server?.close(), 100);
    return { process };
  });
  expect((await shaper('stop', '--socket', path)).code).toBe(0);
});

it('one that does not end is exit 1', async () => {
  await serveStop(async () => ({ process: ownIdentity() }));
  const { terminal } = terminalOf();
  await expect(stop({ socket: path, waitMs: 50 }, terminal)).rejects.toMatchObject({
    exitCode: 1,
    message: `the instance (pid ${process.pid}) was asked to stop and has not ended after 0.05 s`,
  });
});
