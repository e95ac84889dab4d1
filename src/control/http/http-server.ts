/**
 * HTTP/1.1 for clients that may be slow, broken or hostile: the settings of Node's server, and errors of the
 * protocol in the words of all other errors.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { isSystemError } from '../../base/system-error.ts';
import { CONTROL_HEADER_BYTES_MAX, CONTROL_IDLE_MS, CONTROL_REQUEST_MS } from '../../limits.ts';
import { ApiError } from '../api-error.ts';
import { createApp, errorOf } from './app.ts';
import { Connections } from './connections.ts';
import type { Route } from './route.ts';

/** How often Node looks for requests that take too long. */
const LOOK_MS = 1000;

/** A socket of the file system has no host. hono makes URLs with it. */
const HOST = 'shaper';

export interface HttpServer {
  readonly server: Server;
  /** Cuts every connection. */
  closeAll(): void;
}

export interface Timeouts {
  readonly requestMs: number;
  readonly idleMs: number;
}

const TIMEOUTS: Timeouts = { requestMs: CONTROL_REQUEST_MS, idleMs: CONTROL_IDLE_MS };

/** A server for the table of routes that does not listen yet. */
export function createHttpServer(routes: readonly Route[], timeouts: Timeouts = TIMEOUTS): HttpServer {
  const { requestMs, idleMs } = timeouts;
  const app = createApp(routes);
  const honoListener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    autoCleanupIncoming: false,
    errorHandler: (error) => refusal(new ApiError(400, 'bad-request', (error as Error).message)),
  });
  const refuseListener = getRequestListener(
    () => refusal(new ApiError(400, 'bad-request', 'this is not HTTP/1.1: the header Host is missing')),
    { overrideGlobalObjects: false, autoCleanupIncoming: false },
  );
  const connections = new Connections((incoming, outgoing) => {
    const hasHost = incoming.headers.host !== undefined;
    incoming.headers.host = HOST;
    if (hasHost || incoming.httpVersion === '1.0') void honoListener(incoming, outgoing);
    else void refuseListener(incoming, outgoing);
  });
  const server = createServer({
    maxHeaderSize: CONTROL_HEADER_BYTES_MAX,
    headersTimeout: requestMs,
    requestTimeout: requestMs,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: Math.min(LOOK_MS, requestMs / 2),
    // The name of the host means nothing here. Node would refuse a request without one, in words of its own.
    requireHostHeader: false,
  });
  server.timeout = idleMs;
  // A client may close its side after its request, and read the answer then.
  Object.assign(server, { httpAllowHalfOpen: true });
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void =>
    connections.request(incoming, outgoing);
  server.on('connection', (socket: Socket) => connections.opened(socket));
  server.on('request', onRequest);
  // An expectation that we do not know is no reason to refuse: RFC 9110, 10.1.1 leaves it to us.
  server.on('checkExpectation', onRequest);
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    const hint = 'this is no proxy';
    endWith(socket, new ApiError(405, 'wrong-method', `CONNECT ${incoming.url} is not possible`, '', hint));
  });
  server.on('clientError', (error: Error, socket: Socket) => {
    if (connections.mayAnswer(socket)) endWith(socket, protocolError(error));
    else socket.destroy();
  });
  return { server, closeAll: () => connections.closeAll() };
}

function refusal(error: ApiError): Response {
  const { status, body } = errorOf(error);
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { 'Content-Type': 'application/json' },
  });
}

function protocolError(error: Error): ApiError {
  const code = isSystemError(error) ? error.code : '';
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = `the first line and the headers of a request are at most ${CONTROL_HEADER_BYTES_MAX} bytes`;
    return new ApiError(400, 'headers-too-long', message);
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError(400, 'too-slow', 'the request did not come whole in time');
  }
  const reason = 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
  return new ApiError(400, 'bad-request', `this is not HTTP/1.1: ${reason}`);
}

const REASONS: Readonly<Record<number, string>> = { 400: 'Bad Request', 405: 'Method Not Allowed' };

/** Answers where Node has no response object, and ends the connection. */
function endWith(socket: Socket, error: ApiError): void {
  const { status, body } = errorOf(error);
  const text = `${JSON.stringify(body)}\n`;
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    ...(status === 405 ? ['Allow: GET, POST, PATCH, DELETE'] : []),
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}
