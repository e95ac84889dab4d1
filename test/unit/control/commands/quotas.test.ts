import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { quotaCommands } from '../../../../src/control/commands/quotas.ts';
import { createApp } from '../../../../src/control/http/app.ts';
import { quotaRoutes } from '../../../../src/control/routes/quotas.ts';
import { HostsWorld, quota } from '../hosts/world.ts';

const A = '00:50:00:00:00:01';

async function setUp(quotas = [quota({ warnShare: 0.5 })]) {
  const world = new HostsWorld(quotas);
  world.names[A] = 'flat-1';
  world.memory.device(32, 1);
  world.memory.owns(32, 5);
  world.memory.device(64, 2);
  await world.service.start();
  world.memory.up(32, 1200);
  world.memory.up(64, 600);
  await world.run(2);
  const app = createApp(quotaRoutes({ quotas: quotaCommands(world.service) }));
  const ask = async (path: string, body?: object): Promise<{ status: number; json: never }> => {
    const chunks = body === undefined ? [] : [Buffer.from(JSON.stringify(body))];
    const incoming = Object.assign(Readable.from(chunks), { headers: {} });
    const method = body === undefined ? 'GET' : 'POST';
    const answer = await app.request(`http://shaper${path}`, { method }, { incoming, outgoing: {} });
    return { status: answer.status, json: (await answer.json()) as never };
  };
  return { world, ask };
}

it('quotas of all hosts, those that are over first; or of one', async () => {
  const { ask } = await setUp();
  const { json } = await ask('/v1/quotas');
  expect(json).toMatchObject({
    hosts: [
      {
        ...{ id: A, name: 'flat-1', addresses: ['10.0.0.5'], grants: [] },
        quotas: [
          {
            quota: 'small',
            over: '100s',
            direction: 'up',
            usedBytes: 1200,
            limitBytes: 1000,
            state: 'exceeded',
          },
        ],
      },
      { id: '00:50:00:00:00:02', name: '', quotas: [{ usedBytes: 600, state: 'warned', endsAt: null }] },
    ],
  });
  expect((await ask('/v1/quotas?host=10.0.0.5')).json).toMatchObject({ hosts: [{ id: A }] });
  expect(await ask('/v1/quotas?host=flat-2')).toMatchObject({
    status: 404,
    json: { error: { code: 'unknown-host', where: 'query.host', hint: 'did you mean flat-1?' } },
  });
});

it('grants and resets', async () => {
  const { ask, world } = await setUp();
  const granted = await ask('/v1/quotas/grant', { host: 'flat-1', bytes: '1kB', for: '1h' });
  expect(granted.json).toMatchObject({ grant: { host: A, name: 'flat-1', quota: null, bytes: 1000 } });
  expect(world.service.counts().stopped).toBe(0);
  expect((await ask('/v1/quotas?host=flat-1')).json).toMatchObject({
    hosts: [{ quotas: [{ limitBytes: 2000, state: 'warned' }], grants: [{ bytes: 1000 }] }],
  });
  expect((await ask('/v1/quotas/reset', { host: A })).json).toMatchObject({
    host: { id: A, quotas: [{ usedBytes: 0, state: 'ok' }] },
  });
  const wrong: readonly [object, number, string][] = [
    [{ host: 'flat-1', bytes: '5' }, 400, 'body.bytes'],
    [{ host: 'flat-1', bytes: '0B' }, 400, 'body.bytes'],
    [{ host: 'flat-1', bytes: '1kB', for: '0s' }, 400, 'body.for'],
    [{ host: 'flat-1', bytes: '1kB', quota: 'smal' }, 404, 'body.quota'],
    [{ host: 'nobody', bytes: '1kB' }, 404, 'body.host'],
    [{ bytes: '1kB' }, 400, 'body.host'],
  ];
  for (const [body, status, where] of wrong)
    expect(await ask('/v1/quotas/grant', body)).toMatchObject({ status, json: { error: { where } } });
});

it('without quotas there is nothing to grant', async () => {
  const { ask } = await setUp([]);
  expect((await ask('/v1/quotas')).json).toEqual({ hosts: [] });
  expect(await ask('/v1/quotas/grant', { host: 'flat-1', bytes: '1kB' })).toMatchObject({
    status: 409,
    json: { error: { code: 'no-quotas' } },
  });
});

it('history of a host or of the house', async () => {
  const { ask, world } = await setUp();
  world.store.points = [
    { at: 0, upBytes: 10, downBytes: 20 },
    { at: 300_000, upBytes: null, downBytes: null },
  ];
  expect((await ask('/v1/history?host=flat-1&last=1d')).json).toEqual({
    ...{ host: A, name: 'flat-1', stepSeconds: 300 },
    points: [
      { at: '1970-01-01T00:00:00.000Z', upBytes: 10, downBytes: 20 },
      { at: '1970-01-01T00:05:00.000Z', upBytes: null, downBytes: null },
    ],
  });
  expect((await ask('/v1/history?host=house&step=1h')).json).toMatchObject({
    host: 'house',
    stepSeconds: 3600,
  });
  expect(await ask('/v1/history?host=house&last=7')).toMatchObject({ status: 400 });
  expect(await ask('/v1/history')).toMatchObject({ status: 400, json: { error: { code: 'missing-key' } } });
});
