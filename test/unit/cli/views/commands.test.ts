import { afterAll, expect, it } from 'vitest';
import { viewRoutes } from '../../../../src/control/routes/views.ts';
import { startServer } from '../../../../src/control/server.ts';
import { configFiles, shaper } from '../helpers.ts';

const files = configFiles();
afterAll(() => files.remove());

it('asks for the flows and hosts that the options name', async () => {
  const path = files.path('views.sock');
  const asked: object[] = [];
  const views = {
    flows: async (query: object) => {
      asked.push(query);
      return { flows: [], total: 0 };
    },
    hosts: async (query: object) => {
      asked.push(query);
      return { hosts: [], total: 0, forgotten: 0, ports: [] };
    },
    programs: async (query: object) => {
      asked.push(query);
      return { programs: [], total: 0 };
    },
  };
  const server = await startServer(path, viewRoutes({ views, metrics: async () => '' }));
  const at = ['--socket', path];
  try {
    const filters = ['--class', 'wan/up', '--host', '10.0.0.0/24', '--sort', 'bytes', '--limit', '3'];
    expect(await shaper('flows', ...filters, ...at)).toMatchObject({ code: 0, stdout: 'no flows\n' });
    expect(JSON.parse((await shaper('flows', '--json', ...at)).stdout)).toEqual({ flows: [], total: 0 });
    expect(await shaper('hosts', ...at)).toMatchObject({ code: 0, stdout: 'no hosts\n' });
    expect(JSON.parse((await shaper('hosts', '--json', ...at)).stdout)).toMatchObject({ hosts: [] });
    expect(asked).toEqual([{ class: 'wan/up', host: '10.0.0.0/24', sort: 'bytes', limit: 3 }, {}, {}, {}]);
    const { code, stderr } = await shaper('flows', '--sort', 'size', ...at);
    expect(code).toBe(2);
    expect(stderr).toContain('query.sort: one of rate, bytes, backlog, dropped, rtt, age is expected');
    expect((await shaper('flows', '--limit', '0', ...at)).code).toBe(2);
  } finally {
    await server.close();
  }
});

it('nobody there: exit 3', async () => {
  expect((await shaper('flows', '--socket', files.path('none.sock'))).code).toBe(3);
  expect((await shaper('hosts', '--socket', files.path('none.sock'))).code).toBe(3);
});
