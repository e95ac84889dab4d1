import { linkSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call } from '../../../src/client/client.ts';

let folder: string;
let path: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-test-'));
  path = join(folder, 'x.sock');
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** Listens at `path`, sends each client `text`, and resolves with what the first one sends. */
async function reply(text: string): Promise<{ readonly received: Promise<string> }> {
  let take: (text: string) => void;
  const received = new Promise<string>((resolve) => {
    take = resolve;
  });
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => {
      take(chunk.toString());
      socket.end(text);
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return { received };
}

function http(status: number, body: string): string {
  return `HTTP/1.1 ${status} Reason\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

describe('the client', () => {
  it('resolves with the object of the answer', async () => {
    await reply(http(200, '{"x":1}'));
    expect(await call(path, 'GET', '/v1/status')).toEqual({ x: 1 });
  });

  it('sends its body as JSON', async () => {
    const { received } = await reply(http(200, '{}'));
    await call(path, 'PATCH', '/v1/classes/wan/up/x', { ceil: '5mbit' });
    expect(await received).toMatch(
      /^PATCH \/v1\/classes\/wan\/up\/x HTTP\/1\.1\r\n[\s\S]*\r\n\r\n\{"ceil":"5mbit"\}$/,
    );
  });

  it('takes an answer that comes before its body is sent, from a server that then closes', async () => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () =>
        socket.end(http(413, '{"error":{"message":"too long"}}'), () => socket.destroy()),
      );
    });
    await new Promise<void>((resolve) => server?.listen(path, resolve));
    for (let i = 0; i < 20; i++) {
      const sent = call(path, 'POST', '/', { x: 'x'.repeat(4e6) });
      await expect(sent).rejects.toMatchObject({ code: expect.stringMatching(/refused|failed/) });
    }
  });

  it('nobody there: no socket, or a dead one, is exit 3', async () => {
    const absent = { name: 'ClientError', code: 'absent', exitCode: 3 };
    await expect(call(path, 'GET', '/')).rejects.toMatchObject(absent);
    await reply('');
    const dead = join(folder, 'dead.sock');
    linkSync(path, dead);
    await new Promise((resolve) => server?.close(resolve));
    await expect(call(dead, 'GET', '/')).rejects.toMatchObject(absent);
  });

  it.each([
    [400, 'refused', 2],
    [404, 'refused', 2],
    [409, 'refused', 2],
    [413, 'refused', 2],
    [500, 'undone', 1],
    [503, 'undone', 1],
  ])('status %i is %s, exit %i, with message and hint of the instance', async (status, code, exitCode) => {
    await reply(http(status, '{"error":{"code":"c","message":"no such class","where":"w","hint":"look"}}'));
    const expected = { code, exitCode, message: 'no such class', hint: 'look', isPlaced: false };
    await expect(call(path, 'GET', '/')).rejects.toMatchObject(expected);
  });

  it('a message that begins with a place keeps it at the start of the line', async () => {
    await reply(http(400, '{"error":{"message":"/etc/x.yaml:3:5: unknown key"}}'));
    await expect(call(path, 'GET', '/')).rejects.toMatchObject({ isPlaced: true });
  });

  it.each([
    ['', 'closed without an answer'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"x":1', 'closed without an answer'],
    [http(200, '{"x":'), 'does not answer as a shaper does'],
    [http(200, '7'), 'does not answer as a shaper does'],
    [http(502, '{}'), 'answers with status 502'],
    ['220 mail.example.org ESMTP\r\n', 'does not answer as a shaper does'],
  ])('%j is no answer: exit 1', async (text, message) => {
    await reply(text);
    await expect(call(path, 'GET', '/')).rejects.toMatchObject({
      ...{ code: 'failed', exitCode: 1 },
      message: expect.stringContaining(message),
    });
  });
});
