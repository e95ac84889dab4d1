import { afterAll, expect, it } from 'vitest';
import { route } from '../../../src/control/http/route.ts';
import { anyObject } from '../../../src/control/http/schema.ts';
import { startServer } from '../../../src/control/server.ts';
import { configFiles, shaper } from './helpers.ts';

const files = configFiles();
afterAll(() => files.remove());
const bad = files.path('bad.yaml');

it('nobody there: exit 3 and what to do', async () => {
  const { code, stderr } = await shaper('status', '--socket', files.path('none.sock'));
  expect(code).toBe(3);
  expect(stderr).toContain('no running instance answers on');
  expect(stderr).toContain('shaper --conf FILE');
});

it('a bad --conf is exit 2, decided before 3; a doubtful one says its warnings', async () => {
  expect((await shaper('status', '--conf', bad)).code).toBe(2);
  const { code, stderr } = await shaper('status', '--conf', files.path('warning.yaml'));
  expect(code).toBe(3);
  expect(stderr).toMatch(/^\S+warning\.yaml:1:\d+: warning: class b gets no packets/);
});

it('prints the report of the instance, as JSON or as a table', async () => {
  const bitsPerSecond = { over1s: 0, over10s: 0, over60s: 0 };
  const quiet = { bitsPerSecond, packetsPerSecond: 0, droppedPerSecond: 0, latenessMicroseconds: null };
  const count = { packets: 1, bytes: 100 };
  const totals = { received: count, accepted: count, dropped: count, held: count, kernel: { lost: 0 } };
  const report = {
    version: '9',
    pid: 4,
    uptimeSeconds: 1,
    backend: 'nft',
    totals,
    latenessMicroseconds: { p50: 1, p99: 2 },
    recent: { ...quiet, seconds: 10 },
    bounds: {},
    owners: {},
    socket: {},
    classes: [],
    warnings: [],
  };
  const path = files.path('live.sock');
  const server = await startServer(path, [
    route({
      method: 'GET',
      path: '/v1/status',
      summary: '',
      answer: anyObject(''),
      handle: async () => report,
    }),
  ]);
  try {
    const json = await shaper('status', '--json', '--socket', path);
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toEqual(report);
    const table = await shaper('status', '--socket', path);
    expect(table.stdout).toMatch(/^shaper 9, pid 4, back end nft, up 1\.0 s\n/);
  } finally {
    await server.close();
  }
});
