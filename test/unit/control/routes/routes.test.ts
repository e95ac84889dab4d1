import { expect, it } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { statusCommand } from '../../../../src/control/commands/status.ts';
import { Events } from '../../../../src/control/events.ts';
import { createApp } from '../../../../src/control/http/app.ts';
import { openApiPath } from '../../../../src/control/http/route.ts';
import { type RouteCommands, routesOf } from '../../../../src/control/routes/routes.ts';
import { STATUS } from '../../../../src/control/routes/status-schema.ts';
import { Samples } from '../../../../src/control/samples.ts';
import { createStats } from '../../../../src/core/packets/stats.ts';
import { setUp } from '../change/fakes.ts';

const status = statusCommand(
  { version: '1', pid: 5, backend: 'nft' },
  {
    snapshot: async () => ({
      generation: 7,
      classes: [{ path: 'w/up', rateBytesPerSec: 1, ceilBytesPerSec: 1, isPaced: false, parent: NONE }],
      classChanges: 0,
      takenNs: 3e9,
      nfqueues: { open: [], closedDrops: { queueFull: 0, socketFull: 0 } },
      socket: { truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 },
      warnings: ['link w waits for device w0'],
      stats: createStats(1),
    }),
    eachClasses: async () => [{ path: 'w/up', by: 'host', rateBytesPerSec: 125, fullest: [] }],
  },
  new Samples(),
  { scheduled: () => new Map([['w/up', { ceil: '1mbit' }]]), warnings: () => ['history is not stored'] },
);
const commands: RouteCommands = {
  status,
  stop: async () => ({ process: { pid: 5, startTicks: 6 } }),
  change: setUp().service,
  events: new Events(() => 0),
  isShared: false,
  why: async () => ({ subject: '', flows: [], total: 0 }),
  tcp: () => () => undefined,
  views: {
    flows: async () => ({ flows: [], total: 0 }),
    hosts: async () => ({ hosts: [], total: 0, forgotten: 0, ports: [] }),
    programs: async () => ({ programs: [], total: 0 }),
  },
  quotas: {
    report: () => ({ hosts: [] }),
    grant: () => {
      throw new Error('not asked');
    },
    reset: () => {
      throw new Error('not asked');
    },
    history: async () => ({ host: 'house', name: '', stepSeconds: 300, points: [] }),
  },
  subjects: {
    attach: async () => {
      throw new Error('not asked');
    },
    detach: () => {
      throw new Error('not asked');
    },
    report: async () => ({ attachments: [], unknownFlows: 0 }),
  },
  modules: async () => [],
  metrics: async () => '',
};
const routes = routesOf(commands, '1');

interface Document {
  readonly paths: Record<string, Record<string, { summary: string }>>;
}

it('openapi.json describes the routes that the server has, and no others', async () => {
  const app = createApp(routes);
  const served = app.routes.map(({ method, path }) => `${method} ${openApiPath(path).path}`);
  const description = routes.find(({ path }) => path === '/v1/openapi.json')!;
  if (description.kind !== 'answer') throw new Error('the description is an answer');
  const { paths } = (await description.handle({ params: {}, query: {}, body: {} } as never)) as Document;
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.sort()).toEqual(served.sort());
  expect(new Set(served).size).toBe(served.length);
});

it('every route has a summary: one sentence without a full stop', () => {
  for (const { summary } of routes) expect(summary).toMatch(/^[A-Z].*[^.]$/);
});

it('the report of status has the shape that is described', async () => {
  const report = JSON.parse(JSON.stringify(await status())) as unknown;
  expect(STATUS.check(report, 'status')).toEqual(report);
});
