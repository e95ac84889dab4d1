/**
 * A row of the table of routes. From the table come the routes of the server, the checks of requests and
 * `GET /v1/openapi.json`. A handler knows nothing of HTTP: it takes checked values, and throws ApiError.
 *
 * How to add a route:
 *
 * 1. Write the command in control/commands/, a function that takes what it needs.
 * 2. Write its row in control/routes/, in the file of its group, with route() or eventRoute():
 *
 *        route({
 *          method: 'PATCH',
 *          path: '/v1/classes/:path{.+}',
 *          summary: 'Changes a class',
 *          query: { for: optional(text('How long the change holds')) },
 *          body: anyObject('a JSON Merge Patch'),
 *          answer: object('what has changed', { generation: integer('…') }),
 *          handle: ({ params, query, body }) => change.patch(params.path, body, query.for),
 *        })
 *
 * 3. Add a new group to routesOf() in control/routes/routes.ts, and what it needs to its context.
 *
 * A path of classes holds slashes. `:path{.+}` takes one or more segments, also in the middle of a path:
 * `POST /v1/classes/:path{.+}/move`. `params.path` is then `wan/up/guests`, with its escapes decoded.
 * Of two routes of one method that match, the one that stands first in the table answers.
 */
import type { Method } from '../../client/client.ts';
import { type ObjectOf, object, type Schema } from './schema.ts';

export type { Method };

type Fields = Readonly<Record<string, Schema<unknown>>>;

/** `path` of `path{.+}/move`. */
type FirstName<S extends string> = S extends `${infer Name}{${string}`
  ? FirstName<Name>
  : S extends `${infer Name}/${string}`
    ? Name
    : S;
type ParamName<Path extends string> = Path extends `${string}:${infer Rest}`
  ? FirstName<Rest> | ParamName<Rest>
  : never;

export interface Input<Path extends string, Query, Body> {
  /** Parts of the path, by the names that the route gives them. */
  readonly params: { readonly [Name in ParamName<Path>]: string };
  readonly query: Query;
  readonly body: Body;
}

interface RouteBase {
  readonly method: Method;
  /** In the notation of hono. */
  readonly path: string;
  /** A sentence without a full stop. */
  readonly summary: string;
  readonly queryFields: Fields;
  readonly query: Schema<unknown>;
  readonly body: Schema<unknown>;
}

type AnyInput = Input<never, unknown, unknown> & { readonly params: Readonly<Record<string, string>> };

/** Answers a request with one JSON object. */
export interface AnswerRoute extends RouteBase {
  readonly kind: 'answer';
  readonly answer: Schema<unknown>;
  handle(input: AnyInput): Promise<object>;
}

/** Answers with text that is no JSON. */
export interface TextRoute extends RouteBase {
  readonly kind: 'text';
  readonly contentType: string;
  handle(input: AnyInput): Promise<string>;
}

/** Answers with events until the client goes. */
export interface EventRoute extends RouteBase {
  readonly kind: 'events';
  /** The shape of the data of each event. */
  readonly event: Schema<unknown>;
  /** Begins to send. Returns the function that ends it. May throw ApiError before the first event. */
  open(input: AnyInput, sink: EventSink): () => void;
}

export type Route = AnswerRoute | TextRoute | EventRoute;

export interface ServerEvent {
  /** For Last-Event-ID. */
  readonly id?: string;
  /** One word. */
  readonly type: string;
  readonly data: object;
}

export interface EventSink {
  /** What the client has seen already, if it says so. */
  readonly lastEventId: string | null;
  send(event: ServerEvent): void;
  /** Whether much of what was sent is not read yet. Who can wait should, before the stream is cut. */
  isBehind(): boolean;
  /** Ends the stream: the client gets an orderly end. */
  end(): void;
}

const NO_KEYS = {};
/** POST bodies may be `{}` or absent. */
const EMPTY_BODY = object('no keys', NO_KEYS);

interface Declared<Path extends string, Query extends Fields, Body> {
  readonly path: Path;
  readonly summary: string;
  readonly query?: Query;
  readonly body?: Schema<Body>;
}

function base({ query = NO_KEYS, body = EMPTY_BODY }: { query?: Fields; body?: Schema<unknown> }) {
  return { queryFields: query, query: object('the query', query), body };
}

// biome-ignore lint/complexity/noBannedTypes: a query without keys
export function route<Path extends string, Query extends Fields = {}, Body = object>(
  declared: Declared<Path, Query, Body> & {
    readonly method: Method;
    readonly answer: Schema<unknown>;
    readonly handle: (input: Input<Path, ObjectOf<Query>, Body>) => Promise<object>;
  },
): AnswerRoute {
  const { handle, ...rest } = declared;
  return {
    ...rest,
    ...base(declared),
    kind: 'answer',
    handle: handle as unknown as AnswerRoute['handle'],
  };
}

/** A GET without a query. */
export function textRoute(
  declared: Pick<TextRoute, 'path' | 'summary' | 'contentType'> & { readonly handle: () => Promise<string> },
): TextRoute {
  return { ...declared, ...base({}), kind: 'text', method: 'GET' };
}

// biome-ignore lint/complexity/noBannedTypes: a query without keys
export function eventRoute<Path extends string, Query extends Fields = {}>(
  declared: Omit<Declared<Path, Query, object>, 'body'> & {
    readonly event: Schema<unknown>;
    readonly open: (input: Input<Path, ObjectOf<Query>, object>, sink: EventSink) => () => void;
  },
): EventRoute {
  const { open, ...rest } = declared;
  return {
    ...rest,
    ...base(declared),
    kind: 'events',
    method: 'GET',
    open: open as unknown as EventRoute['open'],
  };
}

/** A path of the table as a pattern for whole paths: `/v1/classes/:path{.+}/move`. */
export function patternOf(path: string): RegExp {
  const source = path
    .split(/(:\w+(?:\{[^}]*\})?)/)
    .map((part, i) =>
      i % 2 === 0 ? part.replace(/[.]/g, '\\.') : `(?:${/\{(.*)\}/.exec(part)?.[1] ?? '[^/]+'})`,
    );
  return new RegExp(`^${source.join('')}$`);
}

/** The names in a path of the table, and the path as OpenAPI writes it: `/v1/classes/{path}/move`. */
export function openApiPath(path: string): { readonly path: string; readonly names: readonly string[] } {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  return { path: path.replace(/:(\w+)(?:\{[^}]*\})?/g, '{$1}'), names };
}
