import { spawn } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { request } from '../../../src/control/client.ts';
import {
  type ControlServer,
  type Handler,
  removeDeadSocket,
  startServer,
} from '../../../src/control/server.ts';
import { CONTROL_CLIENTS_MAX, CONTROL_REQUEST_BYTES_MAX } from '../../../src/limits.ts';

let folder: string;
let path: string;
const servers: ControlServer[] = [];
const sockets: Socket[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-test-'));
  path = join(folder, 'run', 'x.sock');
  mkdirSync(join(folder, 'run'));
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const echo: Handler = async (message) => ({ echo: message.text });

async function start(handler: Handler = echo): Promise<ControlServer> {
  const server = await startServer(path, handler);
  servers.push(server);
  return server;
}

function client(): Socket {
  const socket = connect(path);
  sockets.push(socket);
  socket.setEncoding('utf8');
  socket.on('error', () => undefined);
  return socket;
}

/** What the server sends until it has sent `lines` lines or closed. */
function linesOf(socket: Socket, lines: number): Promise<string[]> {
  return new Promise((resolve) => {
    let text = '';
    const done = (): void => resolve(text.split('\n').slice(0, -1));
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.split('\n').length > lines) done();
    });
    socket.on('close', done);
  });
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

  it('a live one is refused and not harmed', async () => {
    await start();
    await expect(startServer(path, echo)).rejects.toMatchObject({ name: 'ControlError', code: 'live' });
    expect(await request(path, { text: 'still here' })).toEqual({ ok: true, echo: 'still here' });
  });

  it('a dead one is replaced', async () => {
    await leaveDeadSocket();
    expect(existsSync(path)).toBe(true);
    await start();
    expect(await request(path, { text: 'hi' })).toEqual({ ok: true, echo: 'hi' });
  });

  it('a dead one can be cleaned away, and says whether there was one', async () => {
    await leaveDeadSocket();
    expect(await removeDeadSocket(path)).toBe(true);
    expect(await removeDeadSocket(path)).toBe(false);
  });

  it("somebody's file is never removed", async () => {
    const file = join(folder, 'precious');
    writeFileSync(file, 'data');
    await expect(startServer(file, echo)).rejects.toMatchObject({ code: 'foreign' });
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
      await expect(startServer(path, echo)).rejects.toMatchObject({ code: 'foreign' });
      await expect(removeDeadSocket(path)).rejects.toMatchObject({ code: 'foreign' });
      expect(existsSync(path)).toBe(true);
    } finally {
      owner.stdin.end();
    }
  });

  it('a path that cannot be bound is said', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(startServer(join(file, 'x.sock'), echo)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('ENOTDIR'),
    });
  });
});

describe('requests', () => {
  it('are answered in order on one connection, however they are cut', async () => {
    await start(async ({ text }) => {
      await new Promise((resolve) => setTimeout(resolve, text === 'slow' ? 30 : 0));
      return { echo: text };
    });
    const socket = client();
    const answered = linesOf(socket, 3);
    socket.write('{"text":"slow"}\n{"te');
    await new Promise((resolve) => setTimeout(resolve, 10));
    socket.write('xt":"b"}\n{"text":"c"}\n');
    expect((await answered).map((line) => JSON.parse(line).echo)).toEqual(['slow', 'b', 'c']);
  });

  it.each([
    ['nonsense', 'not JSON'],
    ['', 'not JSON'],
    ['[1]', 'a request is a JSON object'],
    ['null', 'a request is a JSON object'],
    ['7', 'a request is a JSON object'],
  ])('%j gets an error and the connection lives on', async (line, error) => {
    await start();
    const socket = client();
    const answered = linesOf(socket, 2);
    socket.write(`${line}\n{"text":"ok"}\n`);
    const [first, second] = await answered;
    expect(JSON.parse(first!)).toEqual({ ok: false, error });
    expect(JSON.parse(second!)).toEqual({ ok: true, echo: 'ok' });
  });

  it('what the handler throws is told', async () => {
    await start(async () => {
      throw new Error('no such class');
    });
    await expect(request(path, {})).rejects.toMatchObject({
      message: expect.stringContaining('no such class'),
    });
  });

  it('one without an end is refused and cut off', async () => {
    await start();
    const socket = client();
    const answered = linesOf(socket, 2);
    socket.write('x'.repeat(CONTROL_REQUEST_BYTES_MAX + 1));
    expect((await answered).map((line) => JSON.parse(line).ok)).toEqual([false]);
  });

  it('one that is too long is refused', async () => {
    await start();
    const socket = client();
    const answered = linesOf(socket, 1);
    socket.write(`{"text":"${'x'.repeat(CONTROL_REQUEST_BYTES_MAX)}"}\n`);
    expect(JSON.parse((await answered)[0]!).error).toContain('at most');
  });

  it('a client that takes nothing does not keep the others from their answers, nor pile up its own', async () => {
    let handled = 0;
    const big = 'x'.repeat(1 << 20);
    await start(async ({ text }) => {
      if (text === 'big') handled++;
      return { big: text === 'big' ? big : '' };
    });
    const slow = client();
    slow.pause();
    slow.write('{"text":"big"}\n'.repeat(50));
    for (let i = 0; i < 20; i++) expect(await request(path, { text: 'small' })).toMatchObject({ ok: true });
    expect(handled).toBeLessThanOrEqual(2);
  });

  it('clients that vanish leave nothing behind', async () => {
    await start();
    for (let i = 0; i < 2 * CONTROL_CLIENTS_MAX; i++) {
      const socket = client();
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.write('{"text":');
      socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await expect
      .poll(() => request(path, { text: 'ok' }).catch(() => null))
      .toEqual({ ok: true, echo: 'ok' });
  });

  it('connections are bounded: one too many ends the one that has been idle longest', async () => {
    await start();
    const all = Array.from({ length: CONTROL_CLIENTS_MAX }, client);
    for (const socket of all) await new Promise((resolve) => socket.once('connect', resolve));
    const ask = async (socket: Socket): Promise<string[]> => {
      const answered = linesOf(socket, 1);
      socket.write('{"text":"in"}\n');
      return answered;
    };
    for (const socket of [...all.slice(1), all[0]!]) await ask(socket);
    const gone = new Promise((resolve) => all[1]!.once('close', resolve));
    expect(await request(path, { text: 'late' })).toEqual({ ok: true, echo: 'late' });
    await gone;
    for (const socket of [all[0]!, ...all.slice(2)])
      expect(await ask(socket)).toEqual(['{"ok":true,"echo":"in"}']);
  });
});
