import { describe, expect, it } from 'vitest';
import { withOpenApi } from '../../../../src/control/http/openapi.ts';
import { openApiPath } from '../../../../src/control/http/route.ts';
import { bedRoutes } from './bed.ts';

interface Operation {
  readonly parameters: readonly { name: string; in: string; required: boolean }[];
  readonly requestBody?: { required: boolean };
  readonly responses: Record<string, { content: Record<string, unknown> }>;
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
}

async function documentOf(): Promise<Document> {
  const routes = withOpenApi(bedRoutes({ calls: [], sinks: new Set(), slow: [] }), '9');
  const last = routes.at(-1)!;
  if (last.kind !== 'answer') throw new Error('the description is an answer');
  return (await last.handle({ params: {}, query: {}, body: {} } as never)) as Document;
}

describe('the description', () => {
  it('writes names in paths as OpenAPI does', () => {
    expect(openApiPath('/v1/classes/:path{.+}/move')).toEqual({
      path: '/v1/classes/{path}/move',
      names: ['path'],
    });
    expect(openApiPath('/v1/leases/:id')).toEqual({ path: '/v1/leases/{id}', names: ['id'] });
  });

  it('has the methods of one path together, and describes itself', async () => {
    const { paths } = await documentOf();
    expect(Object.keys(paths['/v1/classes/{path}']!)).toEqual(['patch', 'delete']);
    expect(Object.keys(paths['/v1/openapi.json']!)).toEqual(['get']);
  });

  it('has the parameters of path and query, and whether a body is needed', async () => {
    const { paths } = await documentOf();
    const patch = paths['/v1/classes/{path}']!.patch!;
    expect(patch.parameters.map(({ name, in: place, required }) => [name, place, required])).toEqual([
      ['path', 'path', true],
      ['for', 'query', false],
      ['generation', 'query', false],
    ]);
    expect(patch.requestBody?.required).toBe(false);
    expect(paths['/v1/classes/{path}/move']!.post!.requestBody?.required).toBe(true);
    expect(paths['/v1/status']!.get!.requestBody).toBeUndefined();
  });

  it('says which routes answer with events', async () => {
    const { paths } = await documentOf();
    expect(Object.keys(paths['/v1/events']!.get!.responses['200']!.content)).toEqual(['text/event-stream']);
  });
});
