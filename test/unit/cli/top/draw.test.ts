import { describe, expect, test } from 'vitest';
import { bar } from '../../../../src/cli/top/bar.ts';
import { lineCells, textOf } from '../../../../src/cli/top/cells.ts';
import { draw } from '../../../../src/cli/top/draw.ts';
import { VIEWS } from '../../../../src/cli/top/state.ts';
import type { FlowAnswer } from '../../../../src/control/why/report.ts';
import { CLASSES, classOf, flowOf, hostOf, LEASE, press, screen, stateOf, statusOf } from './fixture.ts';

const LEASED = { leases: { report: { leases: [LEASE] }, error: '' } } as const;

test('80x24: links, the tree of classes, and keys', () => {
  const lines = screen(stateOf(80, 24, LEASED));
  expect(lines).toHaveLength(24);
  expect(lines.slice(0, 13)).toEqual([
    'shaper 1.2.3  0 bit/s  0 packets/s  0 drops/s  3 held  pid 77',
    'wan/up   [############################################18.5M/20.0M]     3 drops/s',
    'wan/down [############################                 50.0M/100M]     0 drops/s',
    '',
    ' 1 classes   2 hosts   3 flows   4 leases   5 programs  sort: file',
    'class*       of the ceiling   bit/s       limit     p99  drops/s  waiting  flows',
    'wan/up       [############ ]  18.5M       20.0M 12.0 ms        3      0 B      2',
    '  voice      [#     |      ]   100k 2.00M-4.00M  300 us        0      0 B      2',
    '  guests [L] [######|######]  9.90M 5.00M-10.0M 80.0 ms        3  64.0 kB      2',
    '    kids     [#############]  9.90M       10.0M       -        0  64.0 kB      2',
    '  default    [######       ]  8.50M       20.0M 20.0 ms        0      0 B      2',
    'wan/down     [#######      ]  50.0M        100M       -        0      0 B      2',
    '  default    [#######      ]  50.0M        100M       -        0      0 B      2',
  ]);
  expect(lines.at(-1)).toBe('q quit  ? help  Tab view  Enter details  l limit  / filter  s sort  p pause');
});

test('60x20: the columns that matter most stay', () => {
  const lines = screen(stateOf(60, 20));
  expect(lines).toHaveLength(20);
  expect(lines[5]).toBe('class*       of the cei~  bit/s       limit     p99  drops/s');
  expect(lines[8]).toBe('  guests     [####|####]  9.90M 5.00M-10.0M 80.0 ms        3');
});

test('200x60: rates over 10 and 60 s have room, and bars are long', () => {
  const lines = screen(stateOf(200, 60));
  expect(lines).toHaveLength(60);
  const heading = lines.find((line) => line.startsWith('class*'))!;
  expect(heading.split(/ {2,}/).slice(-3)).toEqual(['flows', '10 s', '60 s']);
  expect(lines.find((line) => line.startsWith('  kids'))).toBeUndefined();
  expect(lines.find((line) => line.startsWith('    kids'))).toMatch(/\[#{38}\] {2}9.90M/);
});

describe('any size', () => {
  const names = ['\x1b[2J\x07evil', '漢字漢字漢字', '\u202eabc', 'e\u0301'.repeat(9), '👍👍'];
  const classes = [...CLASSES, ...names.map((name) => classOf(`wan/up/${name}`))];
  const hosts = names.map((name, i) => hostOf(`10.0.0.${i}`, i, i, { name }));
  const flows = [flowOf({ classes: [names.join(' ')], protocol: names[0]! })];
  const more = {
    ...LEASED,
    status: statusOf(classes, { warnings: ['one\ntwo \x1b[0m', 'three'] }),
    flows: { report: { flows, total: 99 }, error: '' },
    hosts: { report: { hosts, total: hosts.length }, error: '' },
  };
  const sizes = [1, 2, 3, 5, 10, 24, 60].flatMap((rows) =>
    [1, 2, 5, 20, 40, 80, 200].map((columns) => [columns, rows] as const),
  );
  test.each(sizes)(
    '%i x %i: as many lines as rows, none too wide, nothing that moves the cursor',
    (columns, rows) => {
      for (const keys of ['', '2', '3', '4', '?', '<return>', '2<return>', 'l', 'l5mbit<return>x', '/wan']) {
        const lines = draw(press(stateOf(columns, rows, more), keys).state);
        expect(lines).toHaveLength(rows);
        for (const line of lines) {
          expect(lineCells(line)).toBeLessThanOrEqual(columns);
          expect(textOf(line)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        }
      }
    },
  );

  test('the row with the cursor is shown, wherever it is', () => {
    const many = Array.from({ length: 300 }, (_, i) => hostOf(`10.0.${i >> 8}.${i & 255}`, 0, 300 - i));
    const state = stateOf(80, 24, { hosts: { report: { hosts: many, total: 900 }, error: '' } });
    expect(screen(press(state, '2<end>').state).join('\n')).toContain('10.0.1.43 ');
    expect(screen(press(state, `2${'<pagedown>'.repeat(5)}`).state).join('\n')).toContain('10.0.0.85 ');
  });
});

test('a title tells of a pause and of an instance that does not answer', () => {
  const state = stateOf(80, 24, { isPaused: true, lost: 'no running instance answers on /run/x.sock' });
  const lines = screen(state);
  expect(lines[0]).toMatch(/PAUSED NO ANSWER$/);
  expect(lines[1]).toBe('no running instance answers on /run/x.sock');
});

test('more directions than have room are counted', () => {
  const classes = Array.from({ length: 12 }, (_, i) => classOf(`l${i}/up`));
  const lines = screen(stateOf(80, 24, { status: statusOf(classes) }));
  expect(lines[5]).toMatch(/^l4\/up +\[/);
  expect(lines[6]).toBe('and 7 more directions');
});

test('flows and hosts that an instance does not tell are no fault', () => {
  const error = 'there is no /v1/flows';
  const state = { ...stateOf(80, 24, { flows: { report: null, error } }), view: 'flows' as const };
  expect(screen(state).join('\n')).toContain(error);
});

test.each(VIEWS)('%s: a list without rows says so', (view) => {
  const empty = { report: { flows: [], hosts: [], leases: [], programs: [], total: 0 }, error: '' };
  const more = { status: statusOf([]), flows: empty, hosts: empty, leases: empty, programs: empty };
  expect(screen({ ...stateOf(80, 24, more), view }).join('\n')).toMatch(
    /\nno (?:classes|hosts|flows|changes|programs)/,
  );
});

test('details of a class have its lease and the fullest buckets', () => {
  const each = {
    ...({ by: 'host', rateBitsPerSecond: 1e6 } as const),
    fullest: [{ bucket: '10.0.0.9', backlog: { packets: 3, bytes: 4500 } }],
  };
  const classes = CLASSES.map((report) => (report.path === 'wan/up/guests' ? { ...report, each } : report));
  const state = stateOf(100, 40, { ...LEASED, status: statusOf(classes) });
  const text = screen(press(state, 'jj<return>').state).join('\n');
  expect(text).toContain('class wan/up/guests\n[###');
  expect(text).toContain('ceil=5mbit each.rate=1mbit; ends in 20 min, then ceil=10mbit (x ends it now)');
  expect(text).toMatch(/each host: 1.00 Mbit\/s\n10.0.0.9 +4.50 kB/);
});

test('details of a flow have the answer of why', () => {
  const flow: FlowAnswer = {
    flow: 'tcp 10.1.0.2:40000 > 10.2.0.2:5201',
    live: true,
    classes: ['wan/up/guests'],
    rule: { file: '/etc/x.yaml', line: 12 },
    owner: '',
    nextClass: null,
    limitedBy: { kind: 'ceil', where: 'wan/up/guests', detail: '10 Mbit/s' },
    waitMilliseconds: { p50: 12, p99: 40 },
    dropped: { tail: 0, early: 0, police: 0, aqm: 3, module: 0 },
    bitsPerSecond: 10e6,
    buckets: [],
    sentence: 'It is as fast as its class may be.',
  };
  const why = { report: { subject: '10.1.0.2', flows: [flow], total: 1 }, error: '' };
  const { state } = press(stateOf(80, 40), '3<return>');
  const text = screen({ ...state, why }).join('\n');
  expect(text).toContain('flow tcp 10.1.0.2:40000 > 10.2.0.2:5201');
  expect(text).toContain('It is as fast as its class may be.\nlimited by   ceil wan/up/guests 10 Mbit/s\n');
  expect(text).toContain('rule         /etc/x.yaml:12');
});

test('a bar never leaves its cells, whatever the numbers are', () => {
  for (const cells of [0, 1, 2, 3, 10, 40])
    for (const rate of [0, 1, 5e6, 1e12, Number.NaN])
      for (const ceil of [0, 10e6, Number.POSITIVE_INFINITY]) {
        const line = bar({ rate, ceil, guaranteed: 5e6 }, cells, '1.00M/2.00M');
        expect(lineCells(line)).toBe(cells);
      }
  expect(textOf(bar({ rate: 1, ceil: 1e9, guaranteed: 0 }, 12))).toBe('[#         ]');
  expect(textOf(bar({ rate: 1e9, ceil: null, guaranteed: 5e6 }, 12))).toBe('[          ]');
});
