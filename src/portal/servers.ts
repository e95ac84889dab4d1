/**
 * The two servers, which strangers reach. A request is a method and an address, and nothing else of it is
 * looked at: no path but that of the API, no header, no body. Every connection has one answer.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { reasonOf } from '../base/system-error.ts';
import { Attempts } from './attempts.ts';
import { API_PATH } from './certificate.ts';
import { Connections, LIFE_MS, SILENCE_MS } from './connections.ts';
import type { PageSetup } from './messages.ts';
import type { PageTls } from './page-files.ts';
import { plainAddress } from './plain-address.ts';
import type { Site, SiteAnswer } from './site.ts';

/** Browsers send the cookies of the site that they wanted, and Node's own limit fits those. */
const HEADER_BYTES_MAX = 16_384;
/** Of connections that nobody has taken yet. */
const BACKLOG = 64;
/** Node looks so often for requests that take too long. */
const LOOK_MS = 500;

const TIMES = {
  headersTimeout: SILENCE_MS,
  requestTimeout: SILENCE_MS,
  keepAliveTimeout: SILENCE_MS,
  connectionsCheckingInterval: LOOK_MS,
  maxHeaderSize: HEADER_BYTES_MAX,
  // The name of a host decides nothing here.
  requireHostHeader: false,
  noDelay: true,
};

export interface Servers {
  readonly httpPort: number;
  readonly httpsPort: number | null;
  readonly complaints: readonly string[];
  close(): void;
}

/** Rejects if the page has no port. Without its port the API alone is missing. */
export async function openServers(setup: PageSetup, tls: PageTls | null, site: Site): Promise<Servers> {
  const open: Server[] = [];
  const complaints: string[] = [];
  const listen = async (server: Server, port: number): Promise<number> => {
    guard(server, site);
    // Node would answer the header Expect by itself, beside all bounds.
    for (const event of ['checkContinue', 'checkExpectation'])
      server.on(event, server.listeners('request')[0] as RequestListener);
    const bound = await listening(server, port, setup.listenOn);
    open.push(server);
    return bound;
  };
  const http = createServer(
    TIMES,
    answering(site, (address) => site.stopped(address)),
  );
  const httpPort = await listen(http, setup.httpPort);
  let httpsPort: number | null = null;
  if (tls !== null) {
    try {
      const answer = answering(site, (address, path) =>
        path === API_PATH ? site.api(address) : site.visited(address),
      );
      const options = { ...TIMES, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: SILENCE_MS } as const;
      httpsPort = await listen(createTlsServer(options, answer), setup.httpsPort);
    } catch (error) {
      complaints.push(`there is no API of RFC 8908: ${reasonOf(error)}`);
    }
  }
  return {
    ...{ httpPort, httpsPort, complaints },
    close: () => {
      for (const server of open) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function listening(server: Server, port: number, host: string | null): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Error(`port ${port}: ${reasonOf(error, { EADDRINUSE: 'another program listens there' })}`));
    });
    // Without an address Node takes IPv4 alone where there is no IPv6.
    server.listen({ port, ...(host === null ? {} : { host }), backlog: BACKLOG }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Bounds what connections cost, whatever they do. */
function guard(server: Server, site: Site): void {
  const connections = new Connections<Socket>((socket) => socket.destroy());
  server.maxRequestsPerSocket = 1;
  server.timeout = SILENCE_MS;
  server.on('connection', (socket: Socket) => {
    const client = site.clientOf(plainAddress(socket.remoteAddress));
    socket.on('error', () => undefined);
    if (!connections.admit(socket, client)) return;
    // Whoever reads one byte a second is not silent.
    const timer = setTimeout(() => socket.destroy(), LIFE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      connections.left(socket, client);
    });
  });
  // What is no request gets no answer.
  server.on('clientError', (_error, socket) => socket.destroy());
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  for (const event of ['connect', 'upgrade'])
    server.on(event, (_request: IncomingMessage, socket: Socket) => socket.destroy());
}

/** Answers GET and HEAD, each client once a second. */
function answering(site: Site, answerOf: (address: string, path: string) => SiteAnswer): RequestListener {
  const attempts = new Attempts();
  return (request, response) => {
    const address = plainAddress(request.socket.remoteAddress);
    const waitSeconds = attempts.take(site.clientOf(address), performance.now());
    if (waitSeconds === null) request.socket.destroy();
    else if (waitSeconds > 0) write(request, response, tooMany(waitSeconds));
    else if (request.method !== 'GET' && request.method !== 'HEAD') write(request, response, NO_METHOD);
    else write(request, response, answerOf(address, request.url ?? ''));
  };
}

const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8' };
const NO_METHOD: SiteAnswer = {
  status: 405,
  headers: { ...PLAIN, Allow: 'GET, HEAD' },
  body: 'There is nothing to send here. Load the page again.\n',
};

/** A browser that asked too soon asks again by itself. */
function tooMany(seconds: number): SiteAnswer {
  const headers = { ...PLAIN, 'Retry-After': String(seconds), Refresh: String(seconds + 1) };
  return { status: 429, headers, body: 'One answer a second. Please wait a moment.\n' };
}

const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Cross-Origin-Resource-Policy': 'same-origin',
  Connection: 'close',
};

function write(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: SiteAnswer,
): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...HEADERS, ...headers, 'Content-Length': bytes.length });
  response.end(request.method === 'HEAD' ? undefined : bytes);
  // What else comes on this connection, such as a body, is not read.
  response.once('finish', () => request.socket.end());
}
