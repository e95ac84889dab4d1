/** The table of routes as a hono application: checks a request, calls its handler, and makes the answer. */
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { ApiError } from '../api-error.ts';
import { Bodies } from './body.ts';
import { EventStreams } from './events.ts';
import { patternOf, type Route } from './route.ts';
import { checkQuery } from './schema.ts';

interface Env {
  Bindings: HttpBindings;
}

export type App = Hono<Env>;

export function createApp(routes: readonly Route[]): App {
  const app = new Hono<Env>();
  const bodies = new Bodies();
  const streams = new EventStreams();
  for (const route of routes) {
    app.on(route.method, route.path, (context) => answer(route, context, bodies, streams));
  }
  const known = routes.map((route) => ({ ...route, pattern: patternOf(route.path) }));
  app.notFound((context) => {
    const { path, method } = context.req;
    const allowed = known.filter(({ pattern }) => pattern.test(path)).map((route) => route.method);
    return allowed.length > 0 ? wrongMethod(method, path, allowed) : errorResponse(unknownPath(path, routes));
  });
  app.onError((error) => errorResponse(error));
  return app;
}

async function answer(
  route: Route,
  { req, env }: Context<Env>,
  bodies: Bodies,
  streams: EventStreams,
): Promise<Response> {
  const query = checkQuery(route.query, route.queryFields, new URL(req.url).searchParams);
  const body = route.body.check(await bodies.read(env.incoming), 'body');
  const input = { params: req.param() as Readonly<Record<string, string>>, query, body };
  if (route.kind === 'answer') return jsonResponse(200, await route.handle(input as never));
  if (route.kind === 'text')
    return new Response(await route.handle(input as never), {
      headers: { 'Content-Type': route.contentType },
    });
  if (env.incoming.method === 'HEAD')
    return new Response(null, { headers: { 'Content-Type': 'text/event-stream' } });
  streams.start(env.incoming, env.outgoing as never, (sink) => route.open(input as never, sink));
  return RESPONSE_ALREADY_SENT;
}

function jsonResponse(
  status: number,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

/** Why a request was not carried out, as every client is told. */
export function errorOf(error: unknown): { readonly status: number; readonly body: object } {
  const { status, code, message, where, hint } = asApiError(error);
  return { status, body: { error: { code, message, where, hint } } };
}

function errorResponse(error: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  const { status, body } = errorOf(error);
  return jsonResponse(status, body, headers);
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof OperatingError) {
    const isWrong = error.exitCode === EXIT_USAGE;
    return new ApiError(isWrong ? 400 : 503, isWrong ? 'wrong' : 'failed', error.message, '', error.hint);
  }
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError(503, 'fault', message, '', 'this is a fault of the program');
}

function wrongMethod(method: string, path: string, allowed: readonly string[]): Response {
  const methods = [...new Set(allowed)].join(', ');
  const message = `${path} does not take ${method}`;
  return errorResponse(new ApiError(405, 'wrong-method', message, path, `it takes ${methods}`), {
    Allow: methods,
  });
}

function unknownPath(path: string, routes: readonly Route[]): ApiError {
  const near = nearest(path, [...new Set(routes.map((route) => route.path))]);
  const hint = near?.isNear ? `did you mean ${near.word}?` : 'GET /v1/openapi.json names all paths';
  return new ApiError(404, 'unknown-path', `there is no ${path}`, path, hint);
}
