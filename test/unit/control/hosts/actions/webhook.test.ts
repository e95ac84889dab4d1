import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import { postViolation } from '../../../../../src/control/hosts/actions/webhook.ts';
import { never, VIOLATION } from './violation.ts';

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

it('posts what happened as JSON', async () => {
  let got: unknown;
  const url = await serve((request, response) => {
    let text = `${request.method} ${request.url} ${request.headers['content-type']} `;
    request.on('data', (chunk) => {
      text += String(chunk);
    });
    request.on('end', () => {
      got = text;
      response.end('fine');
    });
  });
  await postViolation(url, VIOLATION, 10_000, never());
  const { overNs, ...facts } = VIOLATION;
  expect(got).toBe(`POST /hook application/json ${JSON.stringify({ ...facts, overSeconds: 14400 })}`);
});

it('follows no redirect, and takes no other status for success', async () => {
  const paths: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    paths.push(request.url);
    response.writeHead(request.url === '/hook' ? 302 : 500, { Location: '/other' }).end();
  });
  await expect(postViolation(url, VIOLATION, 10_000, never())).rejects.toThrow('a redirect (302)');
  const other = url.replace('/hook', '/bad');
  await expect(postViolation(other, VIOLATION, 10_000, never())).rejects.toThrow('with status 500');
  expect(paths).toEqual(['/hook', '/bad']);
});

it('waits no longer than it may when memory is collected meanwhile', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const url = await serve(() => undefined);
  const failure = postViolation(url, VIOLATION, 300, never()).catch((error) => error.message);
  const collecting = setInterval(collect, 20);
  const late = new Promise((resolve) => setTimeout(resolve, 3000, 'nothing has ended it'));
  expect(await Promise.race([failure, late])).toMatch(/no answer within 0\.3 s$/);
  clearInterval(collecting);
});

it('waits no longer than it may, and says whom it asked without the secret in the path', async () => {
  const url = await serve(() => undefined);
  const failure = postViolation(`${url}?key=secret`, VIOLATION, 100, never()).catch((error) => error.message);
  expect(await failure).toMatch(/^127\.0\.0\.1:\d+: no answer within 0\.1 s$/);
  const stop = new AbortController();
  stop.abort();
  await expect(postViolation(url, VIOLATION, 10_000, stop.signal)).rejects.toThrow('the instance stopped');
  server?.closeAllConnections();
  server?.close();
  await expect(postViolation(url, VIOLATION, 10_000, never())).rejects.toThrow('nobody answers');
});
