/** A server with a table of routes on a socket of its own, and clients that write what they like. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createHttpServer, type Timeouts } from '../../../../src/control/http/http-server.ts';
import { withOpenApi } from '../../../../src/control/http/openapi.ts';
import { type EventSink, eventRoute, type Route, route } from '../../../../src/control/http/route.ts';
import { anyObject, integer, object, optional, text } from '../../../../src/control/http/schema.ts';
import { CONTROL_IDLE_MS, CONTROL_REQUEST_MS } from '../../../../src/limits.ts';

/** Waits for a condition, on a busy machine as well. */
export function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 30_000 });
}

export interface Bed {
  readonly path: string;
  /** Calls of each route so far, as "METHOD what". */
  readonly calls: string[];
  /** The streams that are open. */
  readonly sinks: Set<EventSink>;
  /** A connection that sends `bytes`. */
  client(bytes?: string | Buffer): Client;
  /** Lets the handlers of /v1/slow go on. */
  release(): void;
  close(): Promise<void>;
}

export interface Client {
  readonly socket: Socket;
  /** What has come so far. */
  text(): string;
  /** Resolves with all that has come when the text is found, or the connection closed. */
  until(wanted: string | RegExp): Promise<string>;
  closed(): Promise<string>;
}

export function bedRoutes(bed: { calls: string[]; sinks: Set<EventSink>; slow: (() => void)[] }): Route[] {
  const answer = anyObject('anything');
  return [
    route({
      method: 'GET',
      path: '/v1/status',
      summary: 'Reads',
      answer,
      handle: async () => ({ fine: true }),
    }),
    route({
      ...{ method: 'PATCH', path: '/v1/classes/:path{.+}', summary: 'Changes', answer },
      query: { for: optional(text('How long')), generation: optional(integer('Of the set', { min: 0 })) },
      body: anyObject('a patch'),
      handle: async ({ params, query, body }) => {
        bed.calls.push(`PATCH ${params.path}`);
        return { path: params.path, query, body };
      },
    }),
    route({
      ...{ method: 'DELETE', path: '/v1/classes/:path{.+}', summary: 'Removes', answer },
      handle: async ({ params: { path } }) => ({ removed: path }),
    }),
    route({
      ...{ method: 'POST', path: '/v1/classes/:path{.+}/move', summary: 'Moves', answer },
      body: object('where to', { to: text('The new path'), before: optional(text('A sister')) }),
      handle: async ({ params: { path }, body }) => ({ from: path, ...body }),
    }),
    route({
      ...{ method: 'POST', path: '/v1/stop', summary: 'Stops', answer },
      handle: async () => {
        bed.calls.push('POST stop');
        return {};
      },
    }),
    route({
      ...{ method: 'GET', path: '/v1/slow', summary: 'Waits', answer },
      handle: async () => {
        bed.calls.push('GET slow');
        await new Promise<void>((resolve) => bed.slow.push(resolve));
        return { slow: true };
      },
    }),
    route({
      ...{ method: 'GET', path: '/v1/big', summary: 'Answers at length', answer },
      handle: async () => {
        bed.calls.push('GET big');
        return { big: 'x'.repeat(1 << 21) };
      },
    }),
    route({
      ...{ method: 'GET', path: '/v1/broken', summary: 'Fails', answer },
      handle: async () => {
        throw new TypeError('x is not a function');
      },
    }),
    eventRoute({
      ...{ path: '/v1/events', summary: 'Tells', event: anyObject('an event') },
      query: { after: optional(integer('An id')) },
      open: (_, sink) => {
        bed.sinks.add(sink);
        return () => bed.sinks.delete(sink);
      },
    }),
  ];
}

export async function startBed(timeouts: Partial<Timeouts> = {}): Promise<Bed> {
  const folder = mkdtempSync(join(tmpdir(), 'shaper-test-'));
  const path = join(folder, 'x.sock');
  const state = { calls: [] as string[], sinks: new Set<EventSink>(), slow: [] as (() => void)[] };
  const { server, closeAll } = createHttpServer(withOpenApi(bedRoutes(state), '9'), {
    ...{ requestMs: CONTROL_REQUEST_MS, idleMs: CONTROL_IDLE_MS },
    ...timeouts,
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const sockets: Socket[] = [];
  return {
    ...state,
    path,
    client: (bytes) => {
      const socket = connect({ path, allowHalfOpen: true });
      sockets.push(socket);
      if (bytes !== undefined) socket.write(bytes);
      return clientOf(socket);
    },
    release: () => {
      for (const go of state.slow.splice(0)) go();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        closeAll();
      });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function clientOf(socket: Socket): Client {
  let received = '';
  let isClosed = false;
  socket.setEncoding('utf8');
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isClosed = true;
  });
  socket.on('end', () => socket.end());
  socket.on('data', (chunk: string) => {
    received += chunk;
  });
  const until = (wanted: RegExp | null): Promise<string> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!isClosed && !(wanted?.test(received) ?? false)) return;
        socket.off('data', look);
        socket.off('close', look);
        resolve(received);
      };
      socket.on('data', look);
      socket.on('close', look);
      look();
    });
  return {
    socket,
    text: () => received,
    until: (wanted) =>
      until(typeof wanted === 'string' ? new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : wanted),
    closed: () => until(null),
  };
}
