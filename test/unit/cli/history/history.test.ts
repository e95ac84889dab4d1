import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { GrantRequest, HistoryRequest } from '../../../../src/control/commands/quotas.ts';
import type { HistoryReport, StandingReport } from '../../../../src/control/hosts/reports.ts';
import { quotaRoutes } from '../../../../src/control/routes/quotas.ts';
import { type ControlServer, startServer } from '../../../../src/control/server.ts';
import { configFiles, shaper } from '../helpers.ts';

const files = configFiles();
const socket = files.path('history.sock');
const asked: (HistoryRequest | GrantRequest)[] = [];
let server: ControlServer;

function reportOf(host: string, lastNs: number): HistoryReport {
  const stepSeconds = lastNs > 7 * 86_400e9 ? 3600 : 300;
  const endMs = Date.parse('2026-11-29T12:00:00Z');
  const count = Math.round(lastNs / 1e9 / stepSeconds);
  const points = Array.from({ length: count }, (_, i) => {
    const isKnown = i % 50 > 4;
    return {
      at: new Date(endMs - (count - i) * stepSeconds * 1000).toISOString(),
      upBytes: isKnown ? 1000 * i : null,
      downBytes: isKnown ? 10_000 * i : null,
    };
  });
  return { host, name: host === 'house' ? '' : 'flat-<12>', stepSeconds, points };
}

const standing = (over: string, direction: StandingReport['direction']): StandingReport => ({
  ...{ quota: 'fair-use', over, direction, usedBytes: 5e9, limitBytes: 1e10, state: 'ok', endsAt: null },
});
const HOST = {
  ...{ id: 'a', name: 'flat-<12>', addresses: ['10.0.0.5'], grants: [] },
  quotas: [standing('4h', 'up'), standing('4h', 'down'), standing('7d', 'total')],
};

beforeAll(async () => {
  const quotas = {
    report: () => ({ hosts: [HOST] }),
    grant: (request: GrantRequest) => {
      asked.push(request);
      return {
        ...{ id: 1, host: 'a', name: 'tv', quota: null, bytes: request.bytes, since: '' },
        until: null,
      };
    },
    reset: () => HOST,
    history: async (request: HistoryRequest) => {
      asked.push(request);
      return reportOf(request.host, request.lastNs);
    },
  };
  server = await startServer(socket, quotaRoutes({ quotas }));
});
afterAll(async () => {
  await server.close();
  files.remove();
});
const run = (...args: string[]) => shaper(...args, '--socket', socket);

it('plots, or prints values', async () => {
  asked.length = 0;
  const { code, stdout } = await run('history', 'flat-12', '--last', '6h');
  expect(code).toBe(0);
  expect(stdout).toContain('flat-<12> (flat-12), 2026-11-29');
  expect(stdout).toContain('down, kbit/s: ');
  expect(stdout).toContain('Where the axis is missing, nothing is known.');
  const csv = (await run('history', 'flat-12', '--last', '1h', '--step', '5m', '--csv')).stdout.split('\r\n');
  expect(csv.slice(0, 2)).toEqual(['at,upBytes,downBytes', '2026-11-29T11:00:00.000Z,,']);
  expect(csv).toHaveLength(14);
  expect(JSON.parse((await run('history', 'house', '--json')).stdout)).toMatchObject({ host: 'house' });
  expect(asked).toEqual([
    { host: 'flat-12', lastNs: 6 * 3600e9, stepNs: null },
    { host: 'flat-12', lastNs: 3600e9, stepNs: 300e9 },
    { host: 'house', lastNs: 7 * 86_400e9, stepNs: null },
  ]);
});

it('writes a page with the host beside the house, and the sums of its quotas', async () => {
  asked.length = 0;
  const page = files.path('history.html');
  expect(await run('history', 'flat-12', '--html', page)).toMatchObject({ code: 0, stdout: '' });
  const html = readFileSync(page, 'utf8');
  expect(html.match(/<svg/g)).toHaveLength(8);
  expect(html).toContain('flat-&lt;12&gt;');
  expect(html).not.toContain('flat-<12>');
  expect(html).toContain('All hosts together: rates');
  expect(html).toContain('class="blank"');
  expect(html).toContain('down: at most 10.0 GB');
  expect(html).toContain('fair-use, over 7d');
  // Each sum needs one window more than is shown.
  expect(asked.slice(6)).toMatchObject([{ lastNs: 28 * 3600e9 }, { lastNs: 37 * 86_400e9 }]);
  const own = ['--html', page, '--last', '4h', '--step', '1h'];
  expect(await run('history', 'flat-12', ...own)).toMatchObject({ code: 0, stdout: '' });
  expect(readFileSync(page, 'utf8')).toContain('last 4h in steps of 1h');
  const other = await run('history', 'flat-12', '--html', page, '--json');
  expect(other.code).toBe(2);
  expect((await run('history', 'flat-12', '--html', '/no/such/folder/x.html')).code).toBe(2);
});

it('options of a command inside another are its own', async () => {
  asked.length = 0;
  const granted = await run('quota', 'grant', 'tv', '5GB', '--for', '1d', '--quota', 'fair-use');
  expect(granted).toMatchObject({
    code: 0,
    stdout: 'tv: 5.00 GB more of all quotas in each window, for as long as it is\n',
  });
  expect(asked).toEqual([{ host: 'tv', bytes: 5e9, quota: 'fair-use', forNs: 86_400e9 }]);
  expect(JSON.parse((await run('quota', 'grant', 'tv', '5GB', '--json')).stdout)).toMatchObject({
    grant: { id: 1 },
  });
  expect((await run('quota', 'reset', 'tv')).stdout).toContain('flat-<12>  10.0.0.5\nquota');
  expect((await run('quota', 'tv')).stdout).toContain('fair-use  7d    total');
  expect((await run('quota')).stdout).toContain('flat-<12>');
  const { code, stderr } = await run('quota', 'grant', 'tv', '5');
  expect([code, stderr]).toEqual([2, expect.stringContaining("'5' has no unit")]);
});

it('an export needs a file of history', async () => {
  const conf = files.path('good.yaml');
  const { code, stderr } = await shaper('history', 'export', '--rrd', files.path('rrd'), '--conf', conf);
  expect([code, stderr]).toEqual([2, expect.stringContaining('keeps no history')]);
  const missing = ['--rrd', files.path('rrd'), '--file', files.path('none.db')];
  expect((await shaper('history', 'export', ...missing)).code).not.toBe(0);
});
