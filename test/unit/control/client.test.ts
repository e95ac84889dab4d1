import { linkSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { request } from '../../../src/control/client.ts';

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

/** Listens at `path` and sends each client `text`. */
async function reply(text: string): Promise<void> {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(text);
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
}

describe('the client', () => {
  it('resolves with the reply', async () => {
    await reply('{"ok":true,"status":{"x":1}}\n');
    expect(await request(path, {})).toEqual({ ok: true, status: { x: 1 } });
  });

  it('nobody there: no socket, or a dead one', async () => {
    await expect(request(path, {})).rejects.toMatchObject({ name: 'ClientError', code: 'absent' });
    await reply('');
    const dead = join(folder, 'dead.sock');
    linkSync(path, dead);
    await new Promise((resolve) => server?.close(resolve));
    await expect(request(dead, {})).rejects.toMatchObject({ code: 'absent' });
  });

  it.each([
    ['{"ok":tr', 'closed without an answer'],
    ['{"ok":false,"error":"no such class"}\n', 'no such class'],
  ])('%j is an error', async (text, message) => {
    await reply(text);
    await expect(request(path, {})).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining(message),
    });
  });
});
