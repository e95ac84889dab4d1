/** The commands against a server whose routes call a real change service before a fake packet thread. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { watch } from '../../../../src/cli/change/watch.ts';
import { REAL_CLOCK } from '../../../../src/control/change/clock.ts';
import { Events } from '../../../../src/control/events.ts';
import { changeRoutes } from '../../../../src/control/routes/change.ts';
import { eventRoutes } from '../../../../src/control/routes/events.ts';
import { type ControlServer, startServer } from '../../../../src/control/server.ts';
import { setUp, YAML } from '../../control/change/fakes.ts';
import { filesWith, type Outcome, shaper, terminalOf } from '../helpers.ts';

const files = filesWith({ 'a.yaml': YAML, 'bad.yaml': 'links: 5\n', 'mute.yaml': '' });
const socket = files.path('s.sock');
const events = new Events(Date.now);
const { service, thread } = setUp(YAML, {
  clock: REAL_CLOCK,
  emit: events.emit,
  readText: (file) => readFileSync(file, 'utf8'),
  config: { text: YAML, file: files.path('a.yaml') },
});
let server: ControlServer;

beforeAll(async () => {
  server = await startServer(
    socket,
    [...changeRoutes({ change: service, isShared: true }), ...eventRoutes({ events })],
    null,
  );
});
afterAll(async () => {
  service.stop();
  await server.close();
  files.remove();
});

const run = (...args: string[]): Promise<Outcome> => shaper(...args, '--socket', socket);
/** What it prints, if it is done. */
async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}
const back = (): Promise<Outcome> => run('reload', files.path('a.yaml'));

describe('commands that change', () => {
  it('set prints a line per change, or the answer as JSON', async () => {
    expect(await done('set', 'wan/up/bulk', 'ceil=4mbit', 'priority=1')).toBe(
      'wan/up/bulk ceil: 5mbit -> 4mbit\nwan/up/bulk priority: unset -> 1\n',
    );
    expect(JSON.parse(await done('set', 'wan/up/bulk', 'priority=null', '--json'))).toMatchObject({
      changes: [{ path: 'wan/up/bulk', key: 'priority', old: '1', new: null }],
      generation: thread.generation,
    });
    await back();
  });

  it('class add, move and remove', async () => {
    expect(
      await done('class', 'add', 'wan/up/new', 'ceil=1mbit', 'match={ dport: 9 }', '--before', 'bulk'),
    ).toBe('wan/up/new: added { ceil: 1mbit, match: { dport: 9 } }\n');
    expect(await done('class', 'move', 'wan/up/new', 'wan/up/guests/new')).toContain(
      'wan/up/guests/new: added',
    );
    expect(await done('class', 'remove', 'wan/up/guests/new')).toContain('wan/up/guests/new: removed, was');
    expect(await done('diff')).toBe('');
  });

  it('leases are listed with their end, and end by their number', async () => {
    const { lease } = JSON.parse(await done('set', 'wan/up/bulk', 'ceil=4mbit', '--for', '1h', '--json')) as {
      lease: { id: number };
    };
    expect(await done('leases')).toMatch(
      /^\d+ {2}wan\/up\/bulk {2}ceil=4mbit {2}since \S+Z {2}until \S+Z {2}then ceil=5mbit\n$/,
    );
    expect(await done('lease', 'end', String(lease.id))).toBe('wan/up/bulk ceil: 4mbit -> 5mbit\n');
    expect((await run('lease', 'end', String(lease.id))).code).toBe(2);
    expect(await done('leases')).toBe('nothing has an end, and no schedule holds\n');
  });

  it('reload, confirm and revert', async () => {
    const other = filesWith({ 'b.yaml': YAML.replace('5mbit', '3mbit') });
    const line = 'wan/up/bulk ceil: 5mbit -> 3mbit\n';
    expect(await done('reload', other.path('b.yaml'), '--dry-run')).toBe(line);
    const { stdout, stderr } = await run('reload', other.path('b.yaml'), '--confirm', '60s');
    expect({ stdout, stderr }).toEqual({
      stdout: line,
      stderr: expect.stringMatching(/^goes back by itself at \S+, unless: shaper confirm\n$/),
    });
    expect(await done('confirm')).toBe('');
    expect(await done('revert')).toBe('wan/up/bulk ceil: 3mbit -> 5mbit\n');
    expect((await run('confirm')).code).toBe(2);
    other.remove();
  });

  it('a file with problems: each with its place, exit code 2', async () => {
    const { code, stderr } = await run('reload', files.path('bad.yaml'));
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `${files.path('bad.yaml')}:1:8: links must be a map (key: value), not '5'\n`,
    });
  });

  it('save writes what reload then finds no difference in; without a file over its own', async () => {
    await done('set', 'wan/up/bulk', 'ceil=2mbit');
    expect(await done('save', files.path('saved.yaml'))).toBe(`saved to ${files.path('saved.yaml')}\n`);
    expect(readFileSync(files.path('saved.yaml'), 'utf8')).toBe(YAML.replace('ceil: 5mbit', 'ceil: 2mbit'));
    expect(JSON.parse(await done('reload', files.path('saved.yaml'), '--dry-run', '--json'))).toMatchObject({
      changes: [],
    });
    expect(await done('diff')).toBe('wan/up/bulk ceil: 5mbit -> 2mbit\n');
    await done('save');
    expect(await done('diff')).toBe('');
  });

  it('watch prints events until the instance ends', async () => {
    const { terminal, written } = terminalOf();
    const watching = watch({ since: '0', socket }, terminal);
    await done('set', 'wan/up/bulk', 'ceil=1mbit');
    const isTold = (): boolean => written.stdout.includes('"new":"1mbit"');
    await expect.poll(isTold, { timeout: 30_000 }).toBe(true);
    await server.close();
    expect(await watching).toBe(0);
    const told = written.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: number });
    expect(told.at(-1)).toMatchObject({ type: 'change', by: 'set', changes: [{ path: 'wan/up/bulk' }] });
    expect(told.every(({ id }, i) => i === 0 || id > told[i - 1]!.id)).toBe(true);
  });
});

it.each([
  [['set', 'wan/up/x'], 'missing required argument'],
  [['class'], 'add'],
  [['reload', '--dry-run', '--confirm', '5s'], 'cannot be used with'],
  [['diff', 'a.yaml', '--socket', '/x'], 'cannot be used with --socket'],
])('wrong usage: %j', async (args, message) => {
  const { code, stderr } = await shaper(...args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
});

it('nobody there: exit code 3 and what to do', async () => {
  for (const args of [['set', 'wan/up', 'rate=1mbit'], ['reload'], ['save'], ['leases'], ['watch']]) {
    const { code, stderr } = await shaper(...args, '--socket', files.path('none.sock'));
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringContaining('no running instance answers on'),
    });
  }
});
