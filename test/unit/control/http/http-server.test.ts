/** Clients that are slow, broken or hostile, on a server without a packet thread. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  CONTROL_BODY_BYTES_MAX,
  CONTROL_CLIENTS_MAX,
  CONTROL_HEADER_BYTES_MAX,
  CONTROL_PIPELINED_MAX,
} from '../../../../src/limits.ts';
import { type Bed, type Client, eventually, startBed } from './bed.ts';

let bed: Bed;
afterEach(() => bed.close());

const GET_STATUS = 'GET /v1/status HTTP/1.1\r\nHost: shaper\r\n\r\n';
const GET_SLOW = 'GET /v1/slow HTTP/1.1\r\nHost: shaper\r\n\r\n';
const FINE = '{"fine":true}\n';

function stop(headers: string, body = ''): string {
  return `POST /v1/stop HTTP/1.1\r\nHost: shaper\r\n${headers}\r\n\r\n${body}`;
}

/** Whether the server serves others. */
async function isServed(): Promise<boolean> {
  return (await bed.client(GET_STATUS).until(FINE)).includes(FINE);
}

/** The status and the code of an answer with an error. */
function errorOf(received: string): [status: number, code: string] {
  const body = received.slice(received.indexOf('\r\n\r\n') + 4);
  const { error } = JSON.parse(body) as { error: { code: string } };
  return [Number(received.split(' ')[1]), error.code];
}

function connected(client: Client): Promise<void> {
  return new Promise((resolve) => client.socket.once('connect', () => resolve()));
}

describe('requests', () => {
  it.each([
    ['HTTP/1.0', 'GET /v1/status HTTP/1.0\r\n\r\n'],
    ['HTTP/1.0 that keeps its connection', 'GET /v1/status HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
    ['an absurd Host', 'GET /v1/status HTTP/1.1\r\nHost: ]://@%00?#\r\n\r\n'],
    ['a Host of another path', 'GET /v1/status HTTP/1.1\r\nHost: x/v1/stop?\r\n\r\n'],
    ['an empty Host', 'GET /v1/status HTTP/1.1\r\nHost:\r\n\r\n'],
    ['an absolute URL', 'GET http://other:80/v1/status HTTP/1.1\r\nHost: shaper\r\n\r\n'],
    ['an Upgrade', 'GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    [
      'an Upgrade of curl',
      'GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    ],
    ['an unknown expectation', 'GET /v1/status HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n'],
  ])('%s is served', async (_, bytes) => {
    bed = await startBed();
    expect(await bed.client(bytes).until(FINE)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each([
    ['no HTTP', '{"command":"status"}\n', 400, 'bad-request'],
    ['a version of the future', 'GET /v1/status HTTP/3.0\r\n\r\n', 400, 'bad-request'],
    ['no Host', 'GET /v1/status HTTP/1.1\r\n\r\n', 400, 'bad-request'],
    ['a header without a name', 'GET /v1/status HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n', 400, 'bad-request'],
    ['a target that is no path', 'GET status HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'bad-request'],
    ['two lengths', stop('Content-Length: 2\r\nContent-Length: 3', '{}'), 400, 'bad-request'],
    ['a length below 0', stop('Content-Length: -1'), 400, 'bad-request'],
    [
      'a length and chunks',
      stop('Content-Length: 2\r\nTransfer-Encoding: chunked', '{}'),
      400,
      'bad-request',
    ],
    ['an unknown coding', stop('Transfer-Encoding: gzip', '{}'), 400, 'bad-request'],
    ['chunks without lengths', stop('Transfer-Encoding: chunked', 'xyz\r\n'), 400, 'bad-request'],
    ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n', 405, 'wrong-method'],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'bad-request'],
    ['a backslash', 'GET /v1\\status HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'bad-request'],
    [
      'long headers',
      `GET /v1/status HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(CONTROL_HEADER_BYTES_MAX)}\r\n\r\n`,
      400,
      'headers-too-long',
    ],
    [
      'many headers',
      `GET /v1/status HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(CONTROL_HEADER_BYTES_MAX)}\r\n`,
      400,
      'headers-too-long',
    ],
    [
      'a long path',
      `GET /${'x'.repeat(2 * CONTROL_HEADER_BYTES_MAX)} HTTP/1.1\r\n\r\n`,
      400,
      'headers-too-long',
    ],
  ])('%s is refused, and others are served', async (_, bytes, status, code) => {
    bed = await startBed();
    const received = await bed.client(bytes).until(/\}\}\n$/);
    expect(errorOf(received)).toEqual([status, code]);
    expect(bed.calls).toEqual([]);
    expect(await isServed()).toBe(true);
  });

  it('chunks are put together', async () => {
    bed = await startBed();
    const client = bed.client(stop('Transfer-Encoding: chunked', '1\r\n{\r\n1\r\n}\r\n0\r\n\r\n'));
    expect(await client.until('{}\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each([
    ['announced', stop(`Content-Length: ${10 * CONTROL_BODY_BYTES_MAX}`)],
    ['in one endless chunk', stop('Transfer-Encoding: chunked', 'fffffff\r\n')],
  ])('a long body, %s, is refused before it has come, and its client is heard out', async (_, head) => {
    bed = await startBed();
    const client = bed.client(head);
    const block = Buffer.alloc(1 << 16, 'x');
    for (let i = 0; i < 40; i++) {
      if (!client.socket.write(block)) await new Promise((resolve) => client.socket.once('drain', resolve));
    }
    expect(errorOf(await client.until(/\}\}\n$/))).toEqual([413, 'too-long']);
    expect(client.socket.destroyed).toBe(false);
    expect(bed.calls).toEqual([]);
  });
});

describe('pipelined requests', () => {
  it('are handled one after another and answered in order', async () => {
    bed = await startBed();
    const client = bed.client(`${GET_SLOW}${stop('Content-Length: 2', '{}')}${GET_SLOW}${GET_STATUS}`);
    await eventually(() => bed.calls).toEqual(['GET slow']);
    expect(await isServed()).toBe(true);
    expect(bed.calls).toEqual(['GET slow']);
    bed.release();
    await eventually(() => bed.calls).toEqual(['GET slow', 'POST stop', 'GET slow']);
    bed.release();
    const received = await client.until(FINE);
    expect(received.match(/^\{.*\}$/gm)).toEqual(['{"slow":true}', '{}', '{"slow":true}', '{"fine":true}']);
  });

  it('too many end the connection', async () => {
    bed = await startBed();
    await bed.client(GET_SLOW.repeat(CONTROL_PIPELINED_MAX + 2)).closed();
    expect(bed.calls).toEqual(['GET slow']);
    expect(await isServed()).toBe(true);
  });

  it('a client that takes no answers gets no further ones', async () => {
    bed = await startBed();
    const slow = bed.client('GET /v1/big HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(CONTROL_PIPELINED_MAX));
    slow.socket.pause();
    await eventually(() => bed.calls.length).toBe(1);
    for (let i = 0; i < 20; i++) expect(await isServed()).toBe(true);
    expect(bed.calls.length).toBe(1);
  });
});

describe('clients that go', () => {
  it('one that closes its side after its request gets its answer', async () => {
    bed = await startBed();
    const client = bed.client();
    client.socket.end(GET_SLOW);
    await eventually(() => bed.calls).toEqual(['GET slow']);
    bed.release();
    expect(await client.closed()).toContain('{"slow":true}');
  });

  it('one that vanishes while its request is handled disturbs nobody', async () => {
    bed = await startBed();
    for (let i = 1; i <= 5; i++) {
      const client = bed.client(GET_SLOW + GET_SLOW);
      await eventually(() => bed.calls.length).toBe(i);
      client.socket.destroy();
    }
    bed.release();
    expect(await isServed()).toBe(true);
    expect(bed.calls.length).toBe(5);
  });

  it('many that vanish in the middle of a request leave nothing behind', async () => {
    bed = await startBed();
    for (let i = 0; i < 2 * CONTROL_CLIENTS_MAX; i++) {
      const client = bed.client(stop('Content-Length: 100', '{"x":'));
      await connected(client);
      client.socket.destroy();
    }
    expect(await isServed()).toBe(true);
    expect(bed.calls).toEqual([]);
  });
});

describe('time', () => {
  it.each([
    ['nothing', ''],
    ['half a first line', 'GET /v1/sta'],
    ['headers without an end', 'GET /v1/status HTTP/1.1\r\nHost: x\r\n'],
    ['half a body', stop('Content-Length: 100', '{"x":')],
    ['half a chunk', stop('Transfer-Encoding: chunked', '64\r\n{')],
  ])('a client that sends %s is cut off', async (_, bytes) => {
    bed = await startBed({ requestMs: 200 });
    const received = await bed.client(bytes).closed();
    if (received !== '') expect(errorOf(received)).toEqual([400, 'too-slow']);
    expect(bed.calls).toEqual([]);
    await eventually(isServed).toBe(true);
  });

  it('one that sends a byte now and then has no more time than others', async () => {
    bed = await startBed({ requestMs: 300 });
    const client = bed.client('GET /v1/status HTTP/1.1\r\n');
    const dripping = setInterval(() => client.socket.write('x'), 20);
    await client.closed().finally(() => clearInterval(dripping));
    await eventually(isServed).toBe(true);
  });

  it('one that never ends a body that was refused is cut off as well', async () => {
    bed = await startBed({ requestMs: 300 });
    const client = bed.client(stop('Transfer-Encoding: chunked', 'fffffff\r\n'));
    const block = Buffer.alloc(1 << 16, 'x');
    const dripping = setInterval(() => client.socket.write(block), 5);
    await client.closed().finally(() => clearInterval(dripping));
    await eventually(isServed).toBe(true);
  });

  it('an idle connection is closed, also one whose request has been answered', async () => {
    bed = await startBed({ idleMs: 1000 });
    expect(await bed.client(GET_STATUS).closed()).toContain(FINE);
  });

  it('one that takes no answer is closed', async () => {
    bed = await startBed({ idleMs: 1000 });
    const client = bed.client('GET /v1/big HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4));
    client.socket.pause();
    await eventually(() => bed.calls.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    client.socket.resume();
    await client.closed();
    expect(bed.calls.length).toBeLessThan(4);
  });
});

describe('connections are bounded', () => {
  it('one too many ends the one that has been idle longest, however busily it sends headers', async () => {
    bed = await startBed();
    const dripping = bed.client('GET /v1/status HTTP/1.1\r\n');
    await connected(dripping);
    const all: Client[] = [];
    for (let i = 0; i < CONTROL_CLIENTS_MAX - 1; i++) {
      const client = bed.client();
      await connected(client);
      all.push(client);
    }
    dripping.socket.write('X: y\r\n');
    expect(await isServed()).toBe(true);
    await dripping.closed();
    for (const client of all) expect(client.socket.destroyed).toBe(false);
    for (const client of all) client.socket.write(GET_STATUS);
    for (const client of all) expect(await client.until(FINE)).toContain(FINE);
  });

  it('requests that are handled go last, and events never', async () => {
    bed = await startBed();
    const events = bed.client('GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n');
    await events.until('events follow');
    const slow = Array.from({ length: CONTROL_CLIENTS_MAX - 1 }, () => bed.client(GET_SLOW));
    await eventually(() => bed.calls.length).toBe(slow.length);
    expect(await isServed()).toBe(true);
    await eventually(() => slow.filter(({ socket }) => socket.destroyed).length).toBe(1);
    bed.release();
    await expect
      .poll(() => slow.filter((client) => client.text().includes('{"slow":true}')).length)
      .toBe(slow.length - 1);
    expect(events.socket.destroyed).toBe(false);
  });
});
