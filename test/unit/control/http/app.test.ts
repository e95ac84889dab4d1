import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../../../../src/control/http/app.ts';
import { patternOf } from '../../../../src/control/http/route.ts';
import { CONTROL_BODY_BYTES_MAX } from '../../../../src/limits.ts';
import { type Bed, bedRoutes, startBed } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed.close());
beforeEach(() => bed.calls.splice(0));

interface Reply {
  readonly status: number;
  readonly allow: string | undefined;
  readonly body: Record<string, unknown> & { error: Record<string, string> };
}

function ask(method: string, path: string, body?: string | Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    // Node frames no body of GET by itself.
    const headers = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const sent = request({ socketPath: bed.path, agent: false, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const status = answer.statusCode ?? 0;
        resolve({ status, allow: answer.headers.allow, body: text === '' ? {} : JSON.parse(text) });
      });
    });
    sent.on('error', reject);
    // The answer may come before Node has noticed that the body is written.
    sent.on('socket', (socket) => socket.on('error', () => undefined));
    sent.end(body);
  });
}

describe('paths', () => {
  it.each([
    ['PATCH', '/v1/classes/wan/up/guests', { path: 'wan/up/guests' }],
    ['PATCH', '/v1/classes/wan', { path: 'wan' }],
    ['PATCH', '/v1/classes/wan/up/move', { path: 'wan/up/move' }],
    ['PATCH', '/v1/classes/wan%2Fup/a%20b', { path: 'wan/up/a b' }],
    ['PATCH', '/v1/classes/wan/up/%zz', { path: 'wan/up/%zz' }],
    ['DELETE', '/v1/classes/wan/up/move', { removed: 'wan/up/move' }],
    ['PATCH', '/v1/classes/a?for=30m&generation=7', { query: { for: '30m', generation: 7 } }],
    ['PATCH', 'http://elsewhere/v1/classes/a', { path: 'a' }],
  ])('%s %s', async (method, path, expected) => {
    expect(await ask(method, path)).toMatchObject({ status: 200, body: expected });
  });

  it('a path of classes in the middle of a path', async () => {
    const { body } = await ask('POST', '/v1/classes/wan/up/move/move', '{"to":"wan/down/x"}');
    expect(body).toEqual({ from: 'wan/up/move', to: 'wan/down/x' });
  });

  it.each([
    ['GET', '/', '/'],
    ['GET', '/v1', '/v1'],
    ['GET', '/v1/status/', '/v1/status/'],
    ['GET', '/v1//status', '/v1//status'],
    ['GET', '/v2/status', '/v2/status'],
    ['GET', '/V1/STATUS', '/V1/STATUS'],
    ['PATCH', '/v1/classes/', '/v1/classes/'],
    ['GET', '/constructor', '/constructor'],
  ])('%s %s is unknown, by its name', async (method, path, where) => {
    const { status, body } = await ask(method, path);
    expect({ status, code: body.error.code, where: body.error.where }).toEqual({
      ...{ status: 404, code: 'unknown-path', where },
    });
    expect(Object.keys(body.error)).toEqual(['code', 'message', 'where', 'hint']);
  });

  it('a hint names the path that was meant', async () => {
    expect((await ask('GET', '/v1/staus')).body.error.hint).toBe('did you mean /v1/status?');
  });

  it.each([
    ['POST', '/v1/status', 'GET'],
    ['TRACE', '/v1/status', 'GET'],
    ['OPTIONS', '/v1/stop', 'POST'],
    ['PROPFIND', '/v1/stop', 'POST'],
    ['GET', '/v1/stop', 'POST'],
    ['GET', '/v1/classes/wan/up', 'PATCH, DELETE'],
    ['GET', '/v1/classes/wan/up/move', 'PATCH, DELETE, POST'],
    ['POST', '/v1/events', 'GET'],
  ])('%s %s is a wrong method; Allow: %s', async (method, path, allow) => {
    const { status, allow: told, body } = await ask(method, path);
    expect({ status, told, code: body.error.code }).toEqual({
      status: 405,
      told: allow,
      code: 'wrong-method',
    });
    expect(body.error.hint).toBe(`it takes ${allow}`);
  });

  it('HEAD is GET without the body', async () => {
    expect((await ask('HEAD', '/v1/status')).status).toBe(200);
    expect((await ask('HEAD', '/v1/events')).status).toBe(200);
    expect(bed.sinks.size).toBe(0);
  });
});

describe('queries and bodies', () => {
  it.each([
    ['PATCH', '/v1/classes/a?fro=30m', '', 'unknown-key', 'query.fro', "did you mean 'for'?"],
    ['PATCH', '/v1/classes/a?zzz=1', '', 'unknown-key', 'query.zzz', 'known here: for, generation'],
    ['PATCH', '/v1/classes/a?__proto__=1', '', 'unknown-key', 'query.__proto__', /known here/],
    ['PATCH', '/v1/classes/a?for=1m&for=2m', '', 'twice', 'query.for', ''],
    ['PATCH', '/v1/classes/a?generation=x', '', 'wrong-type', 'query.generation', ''],
    ['PATCH', '/v1/classes/a?generation=-1', '', 'wrong-type', 'query.generation', ''],
    ['PATCH', '/v1/classes/a?generation=1e999', '', 'wrong-type', 'query.generation', ''],
    ['GET', '/v1/status?x=1', '', 'unknown-key', 'query.x', 'query takes no keys here'],
    ['POST', '/v1/stop', '{"now":true}', 'unknown-key', 'body.now', 'body takes no keys here'],
    ['GET', '/v1/status', '{"now":true}', 'unknown-key', 'body.now', /no keys/],
    ['POST', '/v1/stop', '[]', 'wrong-type', 'body', ''],
    ['POST', '/v1/stop', 'null', 'wrong-type', 'body', ''],
    ['POST', '/v1/stop', '7', 'wrong-type', 'body', ''],
    ['POST', '/v1/stop', ' ', 'not-json', 'body', ''],
    ['POST', '/v1/stop', '{', 'not-json', 'body', ''],
    ['POST', '/v1/stop', '{}{}', 'not-json', 'body', ''],
    ['POST', '/v1/classes/a/move', '', 'missing-key', 'body.to', ''],
    ['POST', '/v1/classes/a/move', '{"to":7}', 'wrong-type', 'body.to', ''],
    [
      'POST',
      '/v1/classes/a/move',
      '{"to":"b","befor":"c"}',
      'unknown-key',
      'body.befor',
      "did you mean 'before'?",
    ],
    [
      'POST',
      '/v1/classes/a/move',
      '{"to":"b","__proto__":{}}',
      'unknown-key',
      'body.__proto__',
      /known here/,
    ],
  ])('%s %s %s is refused: %s %s', async (method, path, sent, code, where, hint) => {
    const { status, body } = await ask(method, path, sent);
    expect({ status, code: body.error.code, where: body.error.where }).toEqual({ status: 400, code, where });
    if (typeof hint === 'string') expect(body.error.hint).toBe(hint);
    else expect(body.error.hint).toMatch(hint);
    expect(bed.calls).toEqual([]);
  });

  it('the message says what was expected and what came', async () => {
    const { body } = await ask('PATCH', '/v1/classes/a?generation=abc');
    expect(body.error.message).toBe('query.generation: an integer of at least 0 is expected, not "abc"');
    const missing = await ask('POST', '/v1/classes/a/move', '{}');
    expect(missing.body.error.message).toBe('body.to is missing: text is expected');
  });

  it('bytes that are not UTF-8 are no JSON', async () => {
    const { status, body } = await ask('POST', '/v1/stop', Buffer.from('{"\xff":1}', 'latin1'));
    expect({ status, code: body.error.code }).toEqual({ status: 400, code: 'not-json' });
  });

  it.each(['', '{}'])('a POST with the body %j is fine', async (sent) => {
    expect(await ask('POST', '/v1/stop', sent)).toMatchObject({ status: 200 });
    expect(bed.calls).toEqual(['POST stop']);
  });

  it('lists that are nested as deep as fits are refused like others', async () => {
    const { status, body } = await ask('POST', '/v1/stop', '['.repeat(5e5) + ']'.repeat(5e5));
    expect({ status, code: body.error.code }).toEqual({ status: 400, code: 'wrong-type' });
  });

  it('a body of the greatest length is taken, one byte more is not', async () => {
    const whole = `{"x":"${'x'.repeat(CONTROL_BODY_BYTES_MAX - 8)}"}`;
    expect(whole).toHaveLength(CONTROL_BODY_BYTES_MAX);
    expect(await ask('PATCH', '/v1/classes/a', whole)).toMatchObject({ status: 200 });
    const { status, body } = await ask('PATCH', '/v1/classes/a', `${whole} `);
    expect({ status, code: body.error.code }).toEqual({ status: 413, code: 'too-long' });
  });
});

it('a fault of a handler is told, and the next request is served', async () => {
  const { status, body } = await ask('GET', '/v1/broken');
  expect({ status, code: body.error.code }).toEqual({ status: 503, code: 'fault' });
  expect(body.error.message).toBe('x is not a function');
  expect(await ask('GET', '/v1/status')).toMatchObject({ status: 200, body: { fine: true } });
});

it('every path of the table that hono takes is found by the pattern that looks for other methods', () => {
  const routes = bedRoutes({ calls: [], sinks: new Set(), slow: [] });
  const app = createApp(routes);
  for (const { path, method } of routes) {
    const sample = path.replace(/:\w+\{\.\+\}/, 'wan/up/x');
    expect(patternOf(path).test(sample)).toBe(true);
    expect(app.router.match(method, sample)[0].length).toBeGreaterThan(0);
  }
});
