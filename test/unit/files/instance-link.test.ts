/** How the end of an instance is noticed, by a server that is none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type InstanceLink, watchInstance } from '../../../src/files/instance-link.ts';

let folder: string;
let socketPath: string;
let server: Server | null = null;
let link: InstanceLink | null = null;
let streams: ServerResponse[];
let told: string[];
const follower = {
  changed: () => void told.push('changed'),
  setFollowed: (is: boolean) => void told.push(is ? 'followed' : 'not followed'),
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-link-'));
  socketPath = join(folder, 's.sock');
  streams = [];
  told = [];
});
afterEach(async () => {
  link?.close();
  await end();
  rmSync(folder, { recursive: true });
});

function serve(status = 200): Promise<void> {
  server = createServer((_, response) => {
    streams.push(response);
    response.writeHead(status, { 'Content-Type': 'text/event-stream' });
    response.write(': begins\n\n');
    if (status !== 200) response.end();
  });
  return new Promise((resolve) => server!.listen(socketPath, () => resolve()));
}

function end(): Promise<void> {
  const ending = server;
  server = null;
  if (ending === null) return Promise.resolve();
  return new Promise((resolve) => {
    ending.close(() => resolve());
    ending.closeAllConnections();
  });
}

test('without an instance there is nothing to watch', async () => {
  link = watchInstance(socketPath, follower);
  await expect(link.opened).rejects.toThrow('ENOENT');
});

test('one that refuses the stream at the beginning is none', async () => {
  await serve(503);
  link = watchInstance(socketPath, follower);
  await expect(link.opened).rejects.toThrow('503');
});

test('the end of the stream is no end of the instance, the end of the socket is', async () => {
  await serve();
  link = watchInstance(socketPath, follower);
  await link.opened;
  let isGone = false;
  void link.gone.then(() => {
    isGone = true;
  });
  streams[0]!.end();
  await expect.poll(() => streams.length, { timeout: 30_000 }).toBe(2);
  expect(isGone).toBe(false);
  await end();
  await link.gone;
});

test('events are told while the stream stands', async () => {
  await serve();
  link = watchInstance(socketPath, follower);
  await link.opened;
  await expect.poll(() => told, { timeout: 30_000 }).toEqual(['followed', 'changed']);
  streams[0]!.write('event: change\ndata: {}\n\n');
  await expect.poll(() => told.length, { timeout: 30_000 }).toBe(3);
  streams[0]!.end();
  await expect.poll(() => told, { timeout: 30_000 }).toContain('not followed');
});
