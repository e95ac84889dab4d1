/** `shaper simulate --history` as its users call it, and the files that it reads. */
import { afterAll, describe, expect, test } from 'vitest';
import { parseHistoryCsv } from '../../../src/cli/simulate/history-csv.ts';
import { roughTime } from '../../../src/cli/simulate/quota-view.ts';
import { batchOf, T0 } from '../store/samples.ts';
import { TestThread } from '../store/thread.ts';
import { filesWith, shaper } from './helpers.ts';

const LINK = 'links: { wan: { device: nodevice0, up: { rate: 1mbit }, down: { rate: 1mbit } } }';
const files = filesWith({
  'quotas.yaml': `
${LINK}
hosts: { names: { flat-1: 10.0.0.11 } }
quotas:
  fair:
    hosts: { src: 10.0.0.0/24 }
    windows: [{ over: 4h, down: 1MB }, { over: 7d, up: 10MB }]
    warn: 80%
    then: block
`,
  'none.yaml': LINK,
  'month.csv': `at,host,upBytes,downBytes
2026-10-01T00:00Z,10.0.0.11,5,2000000
2026-10-01T01:00Z,10.0.0.11,5,0
2026-10-01T02:00Z,10.0.0.11,5,0
2026-10-01T03:00Z,10.0.0.11,5,0
2026-10-01T04:00Z,10.0.0.11,5,0
2026-10-01T05:00Z,10.0.0.11,,
1790812800,10.0.1.1,1,9000000
1790816400,10.0.1.1,1,9000000
`,
  'empty.csv': 'at,host,upBytes,downBytes\n',
  'nothing.csv': '',
  'names.csv': 'at,host,upBytes,downBytes\n0,x,1,1\n60,x,1,1\n0,10.0.0.11,1,1\n60,10.0.0.11,1,1\n',
});
afterAll(() => files.remove());
const conf = files.path('quotas.yaml');
const replay = (file: string, ...more: string[]): ReturnType<typeof shaper> =>
  shaper('simulate', conf, '--history', files.path(file), ...more);

describe('the command', () => {
  test('says who would have been stopped, when and for how long', async () => {
    const { code, stdout: out, stderr: err } = await replay('month.csv');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('month.csv: 2 hosts from 2026-10-01T00:00Z to 2026-10-01T06:00Z');
    expect(out).toMatch(/^fair +1 +1 +1 +\d+ /m);
    expect(out).toMatch(/^10\.0\.0\.11 +fair .* 2026-10-01T00:30Z +4h down$/m);
    expect(out).toContain('As recorded');
  });

  test('as JSON', async () => {
    const { stdout: out } = await replay('month.csv', '--json');
    const report = JSON.parse(out);
    expect(report).toMatchObject({
      from: '2026-10-01T00:00:00.000Z',
      to: '2026-10-01T06:00:00.000Z',
      stepSeconds: 300,
      house: { hosts: 2, downBytes: 20_000_000 },
      asRecorded: {
        totals: [{ quota: 'fair', hostsExceeded: 1, violations: 1 }],
        hosts: [
          { host: '10.0.0.11', quota: 'fair', violations: [{ limits: [{ over: '4h', direction: 'down' }] }] },
        ],
      },
    });
    // A megabyte after half an hour. What came from minute 25 on is as much as the limit.
    expect(report.asRecorded.hosts[0].violations[0]).toMatchObject({
      from: '2026-10-01T00:30:00.000Z',
      until: '2026-10-01T04:25:00.000Z',
    });
    expect(report.held.keptBackBytes).toBeGreaterThan(900_000);
  });

  test('reads the file of an instance, with what is known of its hosts', async () => {
    const file = files.path('shaper.db');
    const thread = new TestThread(file, { levels: [{ stepSeconds: 60, keepSeconds: 86_400 }] });
    const mac = '02:50:00:00:00:01';
    const minute = 60_000;
    const hosts = [{ id: mac, name: null, macs: [mac], addresses: ['10.0.0.11'], lastSeenMs: T0 }];
    for (const i of [0, 1, 3]) {
      const batch = batchOf(T0 + i * minute, T0 + (i + 1) * minute, { [mac]: [0, 600_000] });
      thread.flush({ ...batch, hosts });
    }
    thread.close();
    const { code, stdout: out, stderr: err } = await shaper('simulate', conf, '--history', file);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('1 host from 2024');
    expect(out).toContain('25 % of the time unknown');
    expect(out).toMatch(/^02:50:00:00:00:01 +fair .* 4h down$/m);
  });

  test('hosts that the quota cannot know are warned of', async () => {
    const { stderr: err } = await replay('names.csv');
    expect(err).toContain('quota fair goes by addresses: it does not hold for 1 hosts');
  });

  test.each([
    ['a configuration without quotas', ['simulate', files.path('none.yaml')], 'month.csv', 'has no quotas'],
    ['a file that is not there', ['simulate', conf], 'absent.csv', 'no such file'],
    ['a file without a host', ['simulate', conf], 'empty.csv', 'has no history of any host'],
    ['an empty file', ['simulate', conf], 'nothing.csv', 'nothing.csv is empty'],
    ['packets beside history', ['simulate', conf, '--scenario', 'flood'], 'month.csv', 'cannot be used with'],
  ])('%s is an error', async (_, words, file, message) => {
    const { code, stderr: err } = await shaper(...words, '--history', files.path(file));
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

/** 100 Mbit/s. */
const LINE = { upBytesPerSec: 12.5e6, downBytesPerSec: 12.5e6 };

describe('files', () => {
  test('readings of counters that wrap and are reset', () => {
    const text = `at,host,upCounter,downCounter
60,a,4294967290,100
120,a,10,200
180,a,20,
240,a,30,5000
300,a,40,0`;
    const [host] = parseHistoryCsv(text, 'f', 'f', LINE);
    expect(host.id).toBe('a');
    expect([...host.fromMs]).toEqual([60_000, 120_000, 180_000, 240_000]);
    expect([...host.toMs]).toEqual([120_000, 180_000, 240_000, 300_000]);
    // The last counter fell far from its end: by a wrap it would have been 71 MB/s.
    expect([...host.upBytes]).toEqual([16, Number.NaN, Number.NaN, Number.NaN]);
    expect([...host.downBytes]).toEqual([100, Number.NaN, Number.NaN, Number.NaN]);
  });

  test('of one host without a column for it, as `shaper history --csv` prints', () => {
    const hosts = parseHistoryCsv(
      'at,upBytes,downBytes\r\n0,1,2\r\n3600,3,4\r\n',
      'flat-1.csv',
      'flat-1',
      LINE,
    );
    expect(hosts).toHaveLength(1);
    expect(hosts[0].id).toBe('flat-1');
    expect([...hosts[0].toMs]).toEqual([3_600_000, 7_200_000]);
    expect([...hosts[0].downBytes]).toEqual([2, 4]);
  });

  test.each([
    ['time,host\n', /f:1: the heading is 'time,host'/],
    ['at,host,upBytes,downBytes\nnoon,a,1,2\n', /f:2: 'noon' is no instant/],
    ['at,host,upBytes,downBytes\n1,a,1,2\n2,a,-1,2\n', /f:3: '-1' is no number of bytes/],
    ['at,host,upBytes,downBytes\n1,,1,2\n', /f:2: the host is missing/],
    ['at,host,upBytes,downBytes\n1,a,1,2\n', /f:2: one step of 'a' does not say how long it is/],
    ['at,host,upCounter,downCounter\n1,a,1,2\n', /f:2: one reading of 'a' tells no bytes/],
  ])('%j is refused', (text, message) => {
    expect(() => parseHistoryCsv(text, 'f', 'f', LINE)).toThrow(message);
  });
});

test.each([
  [5e9, '5 s'],
  [600e9, '10 min'],
  [2 * 3600e9, '2.0 h'],
  [240 * 3600e9, '10.0 days'],
])('%d ns are about %s', (ns, text) => {
  expect(roughTime(ns)).toBe(text);
});
