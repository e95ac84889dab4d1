import { expect, test } from 'vitest';
import { answered, changed, wantedOf } from '../../../../src/cli/top/answers.ts';
import { selectedOf } from '../../../../src/cli/top/lists.ts';
import type { TopState } from '../../../../src/cli/top/state.ts';
import { ClientError } from '../../../../src/control/client.ts';
import {
  CLASSES,
  classOf,
  flowOf,
  footer,
  hostOf,
  LEASE,
  press,
  screen,
  stateOf,
  statusOf,
} from './fixture.ts';

/** Names of the rows below the heading. */
function names(state: TopState): string[] {
  const lines = screen(state);
  const heading = lines.findIndex((line) => /^(?:class|host|bit\/s| +id)\b/.test(line));
  return lines
    .slice(heading + 1, -1)
    .filter((line) => line !== '')
    .map((line) => line.trim().split(' ')[0]!);
}

const selectedPath = (state: TopState): string | null => {
  const selected = selectedOf(state);
  return selected?.view === 'classes' ? selected.row.report.path : null;
};

test('classes are sorted within the class around them', () => {
  const { state } = press(stateOf(80, 24), 's');
  expect(screen(state)[4]).toContain('sort: rate');
  expect(names(state)).toEqual(['wan/down', 'default', 'wan/up', 'guests', 'kids', 'default', 'voice']);
  expect(names(press(state, 'S').state)[0]).toBe('wan/up');
  expect(press(state, 'SS').state.lists.classes.sort).toBe('drops');
});

test('hosts are sorted by each column', () => {
  const hosts = [
    hostOf('10.0.0.1', 5, 1, { flows: 9, name: 'b' }),
    hostOf('10.0.0.2', 1, 9, { flows: 3, name: 'c', rttMilliseconds: 5 }),
    hostOf('10.0.0.3', 0, 0, { flows: 4, name: 'a' }),
  ];
  const state = press(
    stateOf(80, 24, { hosts: { report: { hosts, total: hosts.length }, error: '' } }),
    '2',
  ).state;
  expect(names(state)).toEqual(['c', 'b', 'a']);
  expect(names(press(state, 'ss').state)).toEqual(['b', 'a', 'c']);
  expect(names(press(state, 'sss').state)[0]).toBe('c');
  expect(names(press(state, 'S').state)).toEqual(['a', 'b', 'c']);
});

test('the sort of flows is asked of the instance, and a filter by address or class as well', () => {
  const path = (keys: string) => wantedOf(press(stateOf(80, 24), keys).state).get('flows');
  expect(path('3')).toBe('/v1/flows?sort=rate&limit=500');
  expect(path('3s')).toBe('/v1/flows?sort=bytes&limit=500');
  expect(path('3/10.1.0.0/16')).toBe('/v1/flows?sort=rate&limit=500&host=10.1.0.0%2F16');
  expect(path('3/fd00::1<return>')).toBe('/v1/flows?sort=rate&limit=500&host=fd00%3A%3A1');
  expect(path('3/wan/up/guests')).toBe('/v1/flows?sort=rate&limit=500&class=wan%2Fup%2Fguests');
  expect(path('3/udp')).toBe('/v1/flows?sort=rate&limit=500');
  expect(path('1')).toBeUndefined();
});

test('a filter follows each letter, Enter keeps it, Esc takes it back, Esc again shows all', () => {
  const { state } = press(stateOf(80, 24), '/kid');
  expect(footer(state)).toBe('filter: kid');
  expect(names(state)).toEqual(['wan/up', 'guests', 'kids']);
  expect(names(press(state, '<escape>').state)).toHaveLength(7);
  const kept = press(state, '<return>').state;
  expect(screen(kept)[4]).toContain('filter: kid');
  expect(names(press(kept, '/x<escape>').state)).toHaveLength(3);
  expect(names(press(kept, '<escape>').state)).toHaveLength(7);
  expect(screen(press(kept, '/<ctrl-u>none').state).join('\n')).toContain('no classes that contain none');
});

test('f shows the flows of a class or host', () => {
  const ofClass = press(stateOf(80, 24), 'jjf').state;
  expect(ofClass).toMatchObject({ view: 'flows', lists: { flows: { filter: 'wan/up/guests' } } });
  const ofHost = press(stateOf(80, 24), '2<return>f').state;
  expect(ofHost).toMatchObject({
    view: 'flows',
    page: { kind: 'list' },
    lists: { flows: { filter: '10.0.0.9' } },
  });
});

test('the cursor stays with its row when others come, go or change places', () => {
  const { state } = press(stateOf(80, 24), 'jj');
  expect(selectedPath(state)).toBe('wan/up/guests');
  const classes = [classOf('aaa/up'), ...CLASSES];
  const later = answered(state, 'status', { answer: statusOf(classes, { uptimeSeconds: 99 }) });
  expect(selectedPath(later)).toBe('wan/up/guests');
  const without = classes.filter(({ path }) => path !== 'wan/up/guests');
  const gone = answered(later, 'status', { answer: statusOf(without, { uptimeSeconds: 100 }) });
  expect(selectedPath(gone)).toBe('wan/up/voice');
  expect(selectedPath(press(gone, '<end>j').state)).toBe('wan/down/default');
  expect(selectedPath(press(gone, '<end><home>k').state)).toBe('aaa/up');
});

test('a limit: value, time, and the request', () => {
  const { state } = press(stateOf(80, 24), 'jjl');
  expect(footer(state)).toBe('new ceil of wan/up/guests:');
  const asked = press(state, '5mbxt<left><backspace>i<return>');
  expect(asked.effects).toEqual([]);
  expect(footer(asked.state)).toBe('for how long (30m, 4h; empty: for good):');
  const sent = press(asked.state, '30m<return>');
  expect(sent.effects).toEqual([
    { kind: 'patch', path: 'wan/up/guests', patch: { ceil: '5mbit' }, time: '30m' },
  ]);
  expect(footer(sent.state)).toBe('changing wan/up/guests ...');
  // Keys meanwhile send nothing twice.
  expect(press(sent.state, '<return>5<return>').effects).toEqual([]);
  const change = { path: 'wan/up/guests', key: 'ceil', old: '10mbit', new: '5mbit' };
  const answer = { changes: [change], lease: { until: '2026-01-01T00:30:00.000Z' }, notes: ['a note'] };
  const done = changed(sent.state, { answer });
  expect(done.prompt).toBeNull();
  expect(screen(done).at(-2)).toBe(
    'wan/up/guests ceil: 10mbit -> 5mbit until 2026-01-01T00:30:00.000Z; a note',
  );
});

test('a refusal is shown, and the value can be mended', () => {
  const { state } = press(stateOf(80, 24), 'l50mbit<return><return>');
  const refused = changed(state, { error: new ClientError('refused', 'rate: too much', 'write less') });
  expect(screen(refused).slice(-2)).toEqual(['rate: too much (write less)', 'new rate of wan/up: 50mbit']);
  const again = press(refused, `${'<backspace>'.repeat(6)}9mbit<return><return>`);
  expect(again.effects).toEqual([{ kind: 'patch', path: 'wan/up', patch: { rate: '9mbit' }, time: '' }]);
});

test('after Esc the answer of a change is a notice, and the prompt that is open stays', () => {
  const { state } = press(stateOf(80, 24), 'l9mbit<return><return><escape>/kid');
  const refused = changed(state, { error: new ClientError('refused', 'no') });
  expect(screen(refused).slice(-2)).toEqual(['no', 'filter: kid']);
});

test.each([
  ['each.rate=1mbit ceil=20 Mbit/s', { each: { rate: '1mbit' }, ceil: '20 Mbit/s' }],
  ['police=null', { police: null }],
  ['match={ proto: udp, dport: 53 }', { match: { proto: 'udp', dport: '53' } }],
  ['20 Mbit/s', { ceil: '20 Mbit/s' }],
])('%s sets keys of the file', (value, patch) => {
  const { effects } = press(stateOf(80, 24), `jl${value}<return><return>`);
  expect(effects).toEqual([{ kind: 'patch', path: 'wan/up/voice', patch, time: '' }]);
});

test.each([
  ['l<return>', /write a value such as 5mbit/],
  ['lx.=1<return>', /is not a key|there is no =|x\./],
  ['l5mbit<return>soon<return>', /'soon' is not a time/],
  ['l5mbit<return>0s<return>', /longer than nothing/],
])('%s is refused here', (keys, message) => {
  const { state, effects } = press(stateOf(80, 24), keys);
  expect(effects).toEqual([]);
  expect(screen(state).slice(-3).join(' ')).toMatch(message);
  expect(state.prompt).not.toBeNull();
});

test('a lease is ended after a question', () => {
  const leases = { report: { leases: [LEASE] }, error: '' } as const;
  const { state } = press(stateOf(80, 24, { leases }), 'jjx');
  expect(footer(state)).toBe('end lease 7 now? y/n');
  expect(press(state, 'y').effects).toEqual([{ kind: 'end-lease', id: 7 }]);
  expect(press(state, 'n').effects).toEqual([]);
  expect(press(stateOf(80, 24, { leases }), '4xy').effects).toEqual([{ kind: 'end-lease', id: 7 }]);
  expect(screen(press(stateOf(80, 24), 'x').state).at(-2)).toBe('no lease is chosen (key 4 lists them)');
});

test('keys that are always there', () => {
  for (const keys of ['<ctrl-c>', 'l<ctrl-c>', '?<ctrl-c>', 'q'])
    expect(press(stateOf(80, 24), keys).effects).toEqual([{ kind: 'quit' }]);
  expect(press(stateOf(80, 24), '/q').effects).toEqual([]);
  expect(press(stateOf(80, 24), '<ctrl-z>').effects).toEqual([{ kind: 'suspend' }]);
  const { state, effects } = press(stateOf(80, 24), 'p');
  expect([state.isPaused, effects]).toEqual([true, []]);
  expect(press(state, ' ').effects).toEqual([{ kind: 'ask' }]);
  expect(press(stateOf(80, 24), '<backtab>').state.view).toBe('programs');
  expect(press(stateOf(80, 24), '<tab>').state.view).toBe('hosts');
});

test('help and details scroll within their text', () => {
  const { state } = press(stateOf(40, 10), '?<end>jj');
  expect(screen(state).join('\n')).toContain('lease.\n');
  expect(screen(press(state, '<home>').state).join('\n')).toContain('Keys\n');
  expect(press(state, '<escape>').state.page.kind).toBe('list');
});

test('an instance that ends and starts anew is told', () => {
  const error = new ClientError('absent', 'no running instance answers on /run/x.sock');
  const lost = answered(stateOf(80, 24), 'status', { error });
  expect(screen(lost)[1]).toBe('no running instance answers on /run/x.sock; asking again every second');
  const back = answered(lost, 'status', { answer: statusOf(CLASSES, { pid: 99 }) });
  expect(screen(back).at(-2)).toBe('another instance runs now: pid 99');
  expect(back.flows).toBeNull();
  expect(answered(lost, 'status', { answer: statusOf() })).toMatchObject({ lost: '', notice: null });
});

test('why is asked for the flow or host that is open', () => {
  const why = (state: TopState) => decodeURIComponent(wantedOf(state).get('why') ?? '');
  expect(why(press(stateOf(80, 24), '3').state)).toBe('');
  expect(why(press(stateOf(80, 24), '3<return>').state)).toBe(
    '/v1/why?subject=tcp 10.1.0.2:40000 10.2.0.2:5201',
  );
  expect(why(press(stateOf(80, 24), '2<return>').state)).toBe('/v1/why?subject=10.0.0.9');
  const flows = { report: { flows: [flowOf({ src: 'fd00::1' })], total: 1 }, error: '' };
  expect(why(press(stateOf(80, 24, { flows }), '3<return>').state)).toContain('[fd00::1]:40000');
});
