/** The two servers on loopback, with clients that mean well and such that do not. */
import { randomBytes } from 'node:crypto';
import { get as httpGet, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { get as httpsGet } from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PageSetup } from '../../../src/portal/messages.ts';
import { openServers, type Servers } from '../../../src/portal/servers.ts';
import { Site } from '../../../src/portal/site.ts';
import { CERT, KEY } from './test-certificate.ts';

const SETUP: PageSetup = {
  ...{ httpPort: 0, httpsPort: 0, listenOn: '127.0.0.1', allow: [] },
  ...{ certFile: null, keyFile: null, textFile: null, styleFile: null },
};
const TLS = { cert: CERT, key: KEY };

let site: Site;
let servers: Servers;
/** Every test has addresses of its own, so that none waits for its second. */
let addresses = 0;
const fresh = (): string => {
  addresses++;
  return `127.1.${addresses >> 8}.${addresses & 255}`;
};

beforeEach(async () => {
  site = new Site();
  site.use({ text: '<h1>{{title}}</h1><p>{{name}}</p>', style: '', tls: TLS }, SETUP);
  servers = await openServers(SETUP, TLS, site);
});
afterEach(() => servers.close());

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function read(response: IncomingMessage): Promise<Answer> {
  let body = '';
  for await (const part of response.setEncoding('utf8')) body += part;
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

function ask(from: string, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = { host: '127.0.0.1', port: servers.httpPort, localAddress: from, agent: false, ...options };
    request(asked, (response) => void read(response).then(resolve, reject))
      .on('error', reject)
      .end();
  });
}

function askTls(from: string, path: string): Promise<Answer> {
  const options = { host: '127.0.0.1', port: servers.httpsPort, localAddress: from, agent: false, path };
  return new Promise((resolve, reject) => {
    httpsGet({ ...options, ca: CERT, servername: 'portal.example.org' }, (response) => {
      void read(response).then(resolve, reject);
    }).on('error', reject);
  });
}

/** Sends bytes as they are. Resolves with what came and how long the connection stood. */
function send(
  from: string,
  parts: readonly (string | Buffer)[],
  port = servers.httpPort,
): Promise<{ text: string; ms: number }> {
  const beganMs = performance.now();
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', port, localAddress: from }, () => {
      for (const part of parts) socket.write(part);
    });
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve({ text, ms: performance.now() - beganMs }));
  });
}

describe('clients that mean well', () => {
  test('get the page under every name and path, and learn of themselves alone', async () => {
    const from = fresh();
    site.update([{ id: 'a', name: 'flat-12', addresses: [from], isStopped: true, quotas: [] }], []);
    const { status, headers, body } = await ask(from, {
      path: '/any/path?name=<script>',
      headers: { host: 'evil.example', cookie: 'a=b', 'x-forwarded-for': '10.0.0.1' },
    });
    expect(status).toBe(511);
    expect(body).toContain('flat-12');
    expect(JSON.stringify([headers, body])).not.toMatch(/evil|script>|any\/path|a=b|10\.0\.0\.1/);
    expect(headers).toMatchObject({
      ...{ connection: 'close', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
      ...{ 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', refresh: '60' },
    });
    expect(headers).not.toHaveProperty('set-cookie');
    expect(headers).not.toHaveProperty('server');
    const other = await ask(fresh());
    expect(other.body).toContain('Nothing is stopped');
    expect(other.body).not.toContain('flat-12');
  });

  test('get one answer a second', async () => {
    const from = fresh();
    expect((await ask(from)).status).toBe(511);
    const { status, headers, body } = await ask(from);
    expect(status).toBe(429);
    expect(headers).toMatchObject({ 'retry-after': '1', refresh: '2' });
    expect(body.length).toBeLessThan(100);
  });

  test('can ask for the head, and for nothing else', async () => {
    const head = await ask(fresh(), { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([511, '']);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      const answer = await ask(fresh(), { method });
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD']);
    }
  });

  test('ask the API and visit the page over TLS', async () => {
    const from = fresh();
    site.update([{ id: 'a', name: 'flat-12', addresses: [from], isStopped: true, quotas: [] }], []);
    const api = await askTls(from, '/captive-portal/api');
    expect([api.status, api.headers['content-type']]).toEqual([200, 'application/captive+json']);
    expect(api.headers['cache-control']).toBe('no-store');
    expect(JSON.parse(api.body)).toMatchObject({ captive: true, 'can-extend-session': false });
    expect(JSON.parse((await askTls(fresh(), '/captive-portal/api')).body)).toMatchObject({ captive: false });
    const page = await askTls(fresh(), '/captive-portal/api?x');
    expect([page.status, page.body.includes('Nothing is stopped')]).toEqual([200, true]);
  });
});

describe('clients that do not', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  /** Limits of time are 2 s of silence and 5 s in all. A busy machine is late, but ends what it should. */
  const SOON_MS = 30_000;

  test('that say nothing, or not all, are cut off', async () => {
    const slow = ['', 'GET', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: x\r\nA: '];
    const ends = await Promise.all(slow.map((part) => send(fresh(), part === '' ? [] : [part])));
    for (const { text, ms } of ends) {
      expect(text).not.toContain(' 511 ');
      expect(ms).toBeLessThan(SOON_MS);
    }
    const { ms } = await send(fresh(), [], servers.httpsPort ?? 0);
    expect(ms).toBeLessThan(SOON_MS);
  });

  test('that drip bytes are cut off as well', async () => {
    const beganMs = performance.now();
    const from = fresh();
    await new Promise<void>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: servers.httpPort, localAddress: from });
      const drip = setInterval(() => socket.write('a'), 200);
      socket.write('GET / HTTP/1.1\r\nX: ');
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearInterval(drip);
        resolve();
      });
    });
    expect(performance.now() - beganMs).toBeLessThan(SOON_MS);
  });

  test('that send many requests at once get one answer', async () => {
    const { text } = await send(fresh(), [GET.repeat(200)]);
    expect(text.match(/HTTP\/1\.1 511/g)).toHaveLength(1);
    expect(text.match(/HTTP\/1\.1/g)!.length).toBeLessThanOrEqual(2);
  });

  test('that send endless headers or bodies are not read to the end', async () => {
    const huge = await send(fresh(), ['GET / HTTP/1.1\r\n', `A: ${'a'.repeat(1e6)}\r\n`]);
    expect(huge.text).not.toContain(' 511 ');
    const long = await send(fresh(), [`GET /${'a'.repeat(1e5)} HTTP/1.1\r\nHost: x\r\n\r\n`]);
    expect(long.text).not.toContain(' 511 ');
    const body = await send(fresh(), [
      'GET / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n',
      'x'.repeat(1e6),
    ]);
    expect(body.ms).toBeLessThan(SOON_MS);
    const chunked = [
      'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
      `fffffff\r\n${'x'.repeat(1e6)}`,
    ];
    expect((await send(fresh(), chunked)).text).toContain(' 405 ');
  });

  test('that expect something are counted like all others, and never answered by Node itself', async () => {
    for (const expected of ['foo', '100-continue']) {
      const from = fresh();
      const wanting = [`GET / HTTP/1.1\r\nExpect: ${expected}\r\n\r\n`];
      const first = (await send(from, wanting)).text;
      expect(first).toContain(' 511 ');
      expect(first).not.toMatch(/ (417|100) /);
      expect((await send(from, wanting)).text).toContain(' 429 ');
    }
  });

  test('that want a tunnel or another protocol get none', async () => {
    const connects = await send(fresh(), ['CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n']);
    expect(connects.text).toBe('');
    const upgrades = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect((await send(fresh(), [upgrades])).text).not.toContain(' 101 ');
  });

  test('that change their address get no more than with one', async () => {
    const all = Array.from({ length: 8 }, fresh);
    site.update([{ id: 'a', name: '', addresses: all, isStopped: true, quotas: [] }], []);
    const answers = await Promise.all(all.map((from) => ask(from).catch(() => null)));
    const pages = answers.filter((answer) => answer?.status === 511).length;
    // More than one only if a busy machine takes more than a second for them.
    expect(pages).toBeGreaterThan(0);
    expect(pages).toBeLessThan(all.length / 2);
  });

  test('that hold connections have four of them, and are in nobody’s way', async () => {
    const from = fresh();
    const open: Socket[] = [];
    let closed = 0;
    for (let i = 0; i < 20; i++) {
      const socket = connect({ host: '127.0.0.1', port: servers.httpPort, localAddress: from });
      socket.on('error', () => undefined);
      socket.on('close', () => closed++);
      open.push(socket);
    }
    await expect.poll(() => closed, { timeout: SOON_MS }).toBe(16);
    expect((await ask(fresh())).status).toBe(511);
    // From everywhere: who is new gets through, and the oldest go.
    const crowd = Array.from({ length: 400 }, () => {
      const socket = connect({ host: '127.0.0.1', port: servers.httpPort, localAddress: fresh() });
      return socket.on('error', () => undefined);
    });
    expect((await ask(fresh())).status).toBe(511);
    for (const socket of [...open, ...crowd]) socket.destroy();
  });

  test('that send noise do no harm', async () => {
    const noise = Array.from({ length: 60 }, (_, i) => randomBytes(1 + ((i * 37) % 700)));
    const lines = ['GET', 'GET / HTTP/9.9', '\r\n\r\n', 'GET  / HTTP/1.1', '\0\0', 'HTTP/1.1 200 OK', 'A: b'];
    const ports = [servers.httpPort, servers.httpsPort ?? 0];
    await Promise.all([
      ...noise.map((bytes, i) => send(fresh(), [bytes], ports[i % 2])),
      ...lines.map((line) => send(fresh(), [`${line}\r\n\r\n`])),
    ]);
    expect((await ask(fresh())).status).toBe(511);
    expect((await askTls(fresh(), '/captive-portal/api')).status).toBe(200);
  });

  test('that flood leave room after a second', async () => {
    const flood = Array.from({ length: 600 }, () =>
      ask(fresh()).then(
        ({ status }) => status,
        () => 0,
      ),
    );
    const answers = await Promise.all(flood);
    expect(answers.some((status) => status === 511)).toBe(true);
    await expect
      .poll(async () => (await ask(fresh()).catch(() => ({ status: 0 }))).status, { timeout: SOON_MS })
      .toBe(511);
  });
});

test('a key that does not fit leaves the page without the API', async () => {
  const opened = await openServers(SETUP, { cert: CERT, key: 'no key' }, site);
  try {
    expect(opened.httpsPort).toBe(null);
    expect(opened.complaints).toEqual([expect.stringMatching(/^there is no API of RFC 8908: /)]);
    await new Promise((resolve) =>
      httpGet({ host: '127.0.0.1', port: opened.httpPort, agent: false }, resolve),
    );
  } finally {
    opened.close();
  }
});

test('a port that is taken is told', async () => {
  const taken = openServers({ ...SETUP, httpPort: servers.httpPort }, null, site);
  await expect(taken).rejects.toThrow(/^port \d+: another program listens there$/);
});
