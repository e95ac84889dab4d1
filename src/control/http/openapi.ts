/** The description of all routes, made from their table: OpenAPI 3.1. */
import { openApiPath, type Route, route } from './route.ts';
import { anyObject, object, type Schema, text } from './schema.ts';

export const ERROR = object('why the request was not carried out', {
  error: object('the reason', {
    code: text('A word for programs'),
    message: text('A sentence for people'),
    where: text('What it is about: a key, a class, or a place in a file; empty if it is about all'),
    hint: text('What can be done about it; empty if the message says so'),
  }),
});

const ERRORS: Readonly<Record<string, string>> = {
  400: 'The request is wrong. Nothing has changed.',
  404: 'It names something that is not there.',
  405: 'The path takes other methods, which the header Allow names.',
  409: 'It contradicts what has changed meanwhile, or comes at the wrong moment.',
  413: 'The body is longer than 1 MiB.',
  503: 'It could not be done: the machine refused, the instance stops, or it serves as many as it can. All is as before.',
};

/** The routes of the table, and the one that describes them all. */
export function withOpenApi(routes: readonly Route[], version: string): readonly Route[] {
  const all: Route[] = [
    ...routes,
    route({
      method: 'GET',
      path: '/v1/openapi.json',
      summary: 'This description, as OpenAPI 3.1',
      answer: anyObject('an OpenAPI document'),
      handle: async () => document,
    }),
  ];
  const document = openApi(all, version);
  return all;
}

function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of routes) {
    const { path } = openApiPath(one.path);
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: operation(one) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'shaper', version, summary: 'Reads and changes a running shaper over its control socket' },
    paths,
    components: {
      responses: Object.fromEntries(
        Object.entries(ERRORS).map(([status, description]) => [
          status,
          { description, content: { 'application/json': { schema: ERROR.json } } },
        ]),
      ),
    },
  };
}

function operation(one: Route): object {
  const { names } = openApiPath(one.path);
  const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  const inQuery = Object.entries(one.queryFields).map(([name, schema]) => ({
    name,
    in: 'query',
    required: schema.isOptional !== true,
    schema: schema.json,
  }));
  const errors = Object.keys(ERRORS).map((status) => [status, { $ref: `#/components/responses/${status}` }]);
  return {
    summary: one.summary,
    parameters: [...inPath, ...inQuery],
    ...(one.method !== 'GET' && {
      requestBody: {
        required: isBodyNeeded(one.body),
        content: { 'application/json': { schema: one.body.json } },
      },
    }),
    responses: { 200: success(one), ...Object.fromEntries(errors) },
  };
}

function success(one: Route): object {
  if (one.kind === 'text')
    return { description: 'Done.', content: { [one.contentType]: { schema: { type: 'string' } } } };
  return one.kind === 'events'
    ? {
        description: 'Events, one JSON object each, until the client closes the connection.',
        content: { 'text/event-stream': { schema: one.event.json } },
      }
    : { description: 'Done.', content: { 'application/json': { schema: one.answer.json } } };
}

function isBodyNeeded({ json }: Schema<unknown>): boolean {
  return Array.isArray(json.required);
}
