/** `shaper top` through a terminal, in front of a control server whose limits change as in an instance. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../../bench/lab/process.ts';
import { type Route, route } from '../../../../src/control/http/route.ts';
import { anyObject, optional, text } from '../../../../src/control/http/schema.ts';
import { changeRoutes } from '../../../../src/control/routes/change.ts';
import { type ControlServer, startServer } from '../../../../src/control/server.ts';
import { setUp } from '../../control/change/fakes.ts';
import { classOf, flowOf, hostOf, statusOf } from './fixture.ts';
import { SHAPER, type TerminalBed, temporaryFolder, terminalBed } from './terminal-bed.ts';

const folder = temporaryFolder();
const socketPath = join(folder.path, 'x.sock');
let bed: TerminalBed | null = null;
let server: ControlServer | null = null;
let ticking: NodeJS.Timeout;

/** An instance as its clients see it. `pid` tells one from the next. */
async function startInstance(pid: number): Promise<void> {
  const { service, clock } = setUp();
  clearInterval(ticking);
  ticking = setInterval(() => void clock.advance(20), 20);
  const answers: Readonly<Record<string, () => object>> = {
    '/v1/status': () =>
      statusOf(
        ['wan/up', 'wan/up/voice', 'wan/up/guests', 'wan/up/guests/web', 'wan/up/bulk'].map((path) =>
          classOf(path, { now: 1e6 }),
        ),
        { pid },
      ),
    '/v1/flows': () => ({ flows: [flowOf()], total: 1 }),
    '/v1/hosts': () => ({ hosts: [hostOf('10.0.0.9', 1e6, 2e6, { name: '\x1b[2J漢字' })], total: 1 }),
  };
  const gets = Object.entries(answers).map(([path, answer]): Route => {
    const report = anyObject('a report');
    const query = { sort: optional(text('A key')), limit: optional(text('A number')) };
    return route({
      method: 'GET',
      path,
      summary: 'A report',
      query,
      answer: report,
      handle: async () => answer(),
    });
  });
  server = await startServer(socketPath, [...gets, ...changeRoutes({ change: service, isShared: false })]);
}

async function stopInstance(): Promise<void> {
  await server?.close();
  server = null;
}

const TOP = `run ${SHAPER} top --socket ${socketPath}`;

/** Starts it in a terminal, and says the modes of the terminal before. */
async function startTop(script = `${TOP}; echo "EXIT $?."`, env = {}): Promise<{ before: string }> {
  bed = await terminalBed(`${script}\nread -r never`, env);
  const before = bed.modes();
  bed.type('\r');
  await bed.shows('wan/up');
  expect(bed.emulator.isAlternate).toBe(true);
  return { before };
}

/** The terminal is as it was. */
async function isRestored(before: string): Promise<void> {
  const { emulator, modes } = bed!;
  await until('the modes of the terminal are as before', () => modes() === before, 30_000);
  const { isAlternate, isCursorShown, wraps, unknown } = emulator;
  expect({ isAlternate, isCursorShown, wraps, unknown }).toEqual({
    isAlternate: false,
    isCursorShown: true,
    wraps: true,
    unknown: [],
  });
}

beforeEach(() => startInstance(77));
afterEach(async () => {
  clearInterval(ticking);
  bed?.close();
  bed = null;
  await stopInstance();
});

describe('the screen', () => {
  test('shows the instance, changes a limit by keys, says why one is refused, and ends a lease', async () => {
    const { before } = await startTop();
    expect(bed!.emulator.screen[0]).toMatch(/^shaper 1.2.3 .* pid 77$/);
    await bed!.shows(/^ {2}guests +\[/m);
    bed!.type('jjl');
    await bed!.shows('new ceil of wan/up/guests:');
    bed!.type('cel=5mbit\r\r');
    await bed!.shows(/unknown key.*cel/);
    await bed!.shows('new ceil of wan/up/guests: cel=5mbit');
    bed!.type('\x155mbit\r30m\r');
    await bed!.shows('wan/up/guests ceil: 10mbit -> 5mbit until 2026-06-01T12:30');
    await bed!.shows('guests [L]');
    bed!.type('4');
    await bed!.shows(/1 wan\/up\/guests +ceil=5mbit/);
    bed!.type('x');
    await bed!.shows('end lease 1 now? y/n');
    bed!.type('y');
    await bed!.shows('no changes with an end');
    bed!.type('2');
    await bed!.shows(/\\x1b\[2J漢字 +10\.0\.0\.9/);
    bed!.type('\t');
    await bed!.shows('10.2.0.2:5201');
    bed!.type('\r');
    await bed!.shows('flow tcp 10.1.0.2:40000 > 10.2.0.2:5201');
    bed!.type('q');
    await bed!.logs(/EXIT 0\./);
    await isRestored(before);
  });

  test('follows the size of the terminal', async () => {
    const { before } = await startTop();
    bed!.resize(60, 12);
    await until('the keys stand in row 12', () => bed!.emulator.screen[11]!.startsWith('q quit'), 60_000);
    expect(bed!.emulator.screen.every((line) => line.length <= 60)).toBe(true);
    bed!.resize(200, 40);
    await until(
      'the keys stand in row 40',
      () => bed!.emulator.screen[39]?.startsWith('q quit') === true,
      60_000,
    );
    await bed!.shows('60 s');
    bed!.type('\x03');
    await bed!.logs(/EXIT 0\./);
    await isRestored(before);
  });

  test('says that the instance has ended, and shows the next one', async () => {
    await startTop();
    await stopInstance();
    await bed!.shows('NO ANSWER');
    await bed!.shows('no running instance answers');
    await startInstance(78);
    await bed!.shows('another instance runs now: pid 78');
    expect(bed!.emulator.text).not.toContain('NO ANSWER');
  });
});

describe('the terminal is as before', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)('after %s', async (signal) => {
    const { before } = await startTop();
    expect(bed!.modes()).not.toBe(before);
    bed!.kill(signal);
    await bed!.logs(/EXIT 0\./);
    await isRestored(before);
  });

  test('after a fault of the program, whose stack stands on the normal screen', async () => {
    // The answer lacks what the screen draws, so drawing throws.
    await stopInstance();
    const bad = route({
      ...({ method: 'GET', path: '/v1/status', summary: 'Bad', answer: anyObject('a report') } as const),
      handle: async () => ({ ...statusOf(), recent: isBad ? null : statusOf().recent }),
    });
    let isBad = false;
    server = await startServer(socketPath, [bad]);
    const { before } = await startTop();
    isBad = true;
    await bed!.logs(/TypeError[\s\S]*EXIT 1\./);
    await isRestored(before);
  });

  test('while it is stopped by Ctrl-Z, and it goes on where it was', async () => {
    const { before } = await startTop(`set -m\n${TOP}\necho "STOPPED $?."\nread -r go\nfg\necho "EXIT $?."`);
    bed!.type('/gue\r\x1a');
    await bed!.logs(/STOPPED \d+\./);
    await isRestored(before);
    bed!.type('\r');
    await bed!.shows('filter: gue');
    bed!.type('q');
    await bed!.logs(/EXIT 0\./);
    await isRestored(before);
  });

  test('after SIGSTOP and SIGCONT it draws its screen again', async () => {
    const { before } = await startTop();
    bed!.kill('SIGSTOP');
    bed!.emulator.write('\x1b[2J');
    bed!.kill('SIGCONT');
    await bed!.shows('wan/up');
    bed!.type('q');
    await bed!.logs(/EXIT 0\./);
    await isRestored(before);
  });
});

test('NO_COLOR is no obstacle, TERM=dumb is one', async () => {
  bed = await terminalBed(`TERM=dumb ${SHAPER} top --socket ${socketPath}; echo "EXIT $?."`);
  bed.type('\r');
  await bed.logs(/top needs a terminal that can move its cursor; TERM is 'dumb'[\s\S]*EXIT 2\./);
  bed.close();
  await startTop(undefined, { NO_COLOR: '1' });
});
