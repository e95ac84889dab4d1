import { spawn } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call } from '../../../src/client/client.ts';
import { type Route, route } from '../../../src/control/http/route.ts';
import { anyObject } from '../../../src/control/http/schema.ts';
import { type ControlServer, removeDeadSocket, startServer } from '../../../src/control/server.ts';

let folder: string;
let path: string;
const servers: ControlServer[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-test-'));
  path = join(folder, 'run', 'x.sock');
  mkdirSync(join(folder, 'run'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const routes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/hello',
    summary: 'Greets',
    answer: anyObject('a greeting'),
    handle: async () => ({ hello: 'you' }),
  }),
];

async function start(gid: number | null = null): Promise<ControlServer> {
  const server = await startServer(path, routes, gid);
  servers.push(server);
  return server;
}

async function isServed(): Promise<boolean> {
  const answer = await call(path, 'GET', '/v1/hello');
  return answer.hello === 'you';
}

/** Leaves a socket file behind that nobody listens on, as a killed process does. */
async function leaveDeadSocket(): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, 'live.sock'), resolve));
  linkSync(join(folder, 'live.sock'), path);
  await new Promise((resolve) => server.close(resolve));
}

describe('the socket', () => {
  it('gets its mode from the umask when it is made, and is removed at the end', async () => {
    const before = process.umask(0o177);
    const server = await start().finally(() => process.umask(before));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  it('of a group gets that group and its mode', async (context) => {
    if (process.geteuid?.() !== 0) context.skip('only root may give a socket to any group');
    const before = process.umask(0o177);
    await start(4).finally(() => process.umask(before));
    const { mode, gid, uid } = statSync(path);
    expect({ mode: mode & 0o777, gid, uid }).toEqual({ mode: 0o660, gid: 4, uid: 0 });
  });

  it('a group that we may not give it to is an error, and no socket stays', async (context) => {
    if (process.geteuid?.() === 0) context.skip('root may give a socket to any group');
    await expect(start(0)).rejects.toMatchObject({ code: 'failed' });
    expect(existsSync(path)).toBe(false);
  });

  it('a live one is refused and not harmed', async () => {
    await start();
    await expect(startServer(path, routes)).rejects.toMatchObject({ name: 'ControlError', code: 'live' });
    expect(await isServed()).toBe(true);
  });

  it('a dead one is replaced', async () => {
    await leaveDeadSocket();
    expect(existsSync(path)).toBe(true);
    await start();
    expect(await isServed()).toBe(true);
  });

  it('a dead one can be cleaned away, and says whether there was one', async () => {
    await leaveDeadSocket();
    expect(await removeDeadSocket(path)).toBe(true);
    expect(await removeDeadSocket(path)).toBe(false);
  });

  it("somebody's file is never removed", async () => {
    const file = join(folder, 'precious');
    writeFileSync(file, 'data');
    await expect(startServer(file, routes)).rejects.toMatchObject({ code: 'foreign' });
    expect(existsSync(file)).toBe(true);
  });

  it('a datagram socket that somebody has bound is not taken for a dead one', async (context) => {
    // Node has no datagram sockets of this family.
    const bind =
      'import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); ' +
      'print("bound", flush=True); sys.stdin.read()';
    const owner = spawn('python3', ['-c', bind, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const isBound = await new Promise<boolean>((resolve) => {
      owner.once('error', () => resolve(false));
      owner.stdout.once('data', () => resolve(true));
    });
    if (!isBound) context.skip('no python3, which binds the socket');
    try {
      await expect(startServer(path, routes)).rejects.toMatchObject({ code: 'foreign' });
      await expect(removeDeadSocket(path)).rejects.toMatchObject({ code: 'foreign' });
      expect(existsSync(path)).toBe(true);
    } finally {
      owner.stdin.end();
    }
  });

  it('a path that cannot be bound is said', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(startServer(join(file, 'x.sock'), routes)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('ENOTDIR'),
    });
  });
});
