/** The command in front of an instance that the test plays. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { main } from '../../../../src/cli/main.ts';
import { ApiError } from '../../../../src/control/api-error.ts';
import { tcpRoutes } from '../../../../src/control/routes/tcp.ts';
import { startServer } from '../../../../src/control/server.ts';
import type { TcpEvent } from '../../../../src/control/tcp/report.ts';
import { configFiles, type Outcome, shaper, shaperOn, terminalOf } from '../helpers.ts';
import { eventsOf, FLOWS, ROWS } from './fixture.ts';

const files = configFiles();
afterAll(() => files.remove());

/** Answers each question with these events. Returns the questions. */
async function instance(name: string, events: readonly TcpEvent[], refusal?: ApiError, ends = true) {
  const socket = files.path(name);
  const asked: [subject: string, seconds: number][] = [];
  const routes = tcpRoutes({
    tcp: (subject, seconds, { tell, end }) => {
      if (refusal !== undefined) throw refusal;
      asked.push([subject, seconds]);
      for (const event of events) tell(event);
      if (ends) setImmediate(end);
      return () => undefined;
    },
  });
  const server = await startServer(socket, routes);
  return { at: ['--socket', socket], asked, close: () => server.close() };
}

it('asks for the subject, and prints text, JSON and a page', async () => {
  const { at, asked, close } = await instance('tcp.sock', eventsOf());
  const html = files.path('picture.html');
  try {
    const text = await shaper('tcp', 'wan/up', ...at);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(/^wan\/up, 4\.0 s: goodput 5\.80 kbit\/s/);
    const json = await shaper(
      'tcp',
      'tcp',
      '10.1.0.2:40000',
      '10.2.0.2:443',
      '--seconds',
      '4',
      '--json',
      ...at,
    );
    const { segments, ...rest } = JSON.parse(json.stdout);
    expect(segments).toHaveLength(10);
    expect(segments[4]).toEqual({
      ...{
        atSeconds: 1.5,
        connection: 0,
        half: 1,
        kind: 'control',
        lengthBytes: 52,
        payloadBytes: 0,
        flags: '.',
      },
      ...{ seq: expect.any(Number), ack: 1, windowBefore: 128_000, windowAfter: 12_000, flightBytes: 1448 },
      ...{ answerMilliseconds: 10, roundTripMilliseconds: 20, held: true, dropped: null },
    });
    expect(rest).toMatchObject({ subject: 'wan/up', seconds: 4, total: { retransmits: 1 } });
    expect(rest.flows).toEqual([FLOWS]);
    const page = await shaper('tcp', 'wan/up', '--html', html, ...at);
    expect(page.stderr).toBe(`shaper: wrote ${html}\n`);
    expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>/);
    expect(asked).toEqual([
      ['wan/up', 10],
      ['tcp 10.1.0.2:40000 10.2.0.2:443', 4],
      ['wan/up', 10],
    ]);
  } finally {
    await close();
  }
});

it('shows progress only where stderr is a terminal, and takes it away', async () => {
  const { at, close } = await instance('progress.sock', eventsOf());
  try {
    const { stderr } = await shaperOn({ isErrInteractive: true }, 'tcp', 'wan/up', ...at);
    expect(stderr).toBe('\r1 of 10 s, 10 segments\r\x1b[K');
  } finally {
    await close();
  }
});

it.each([['0'], ['601'], ['soon'], ['1.5']])('--seconds %s is wrong usage', async (seconds) => {
  expect(
    await shaper('tcp', 'wan/up', '--seconds', seconds, '--socket', files.path('none.sock')),
  ).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--seconds takes a whole number from 1 to 600'),
  });
});

it('a page that cannot be written is an error before anybody is asked', async () => {
  const html = files.path('nowhere/picture.html');
  const { code, stderr } = await shaper('tcp', 'wan/up', '--html', html, '--socket', files.path('none.sock'));
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('no such folder') });
  expect(existsSync(html)).toBe(false);
});

it('nobody there: exit 3; a refusal: 2; a stream that is cut: 1', async () => {
  expect((await shaper('tcp', 'wan/up', '--socket', files.path('none.sock'))).code).toBe(3);
  const busy = await instance('busy.sock', [], new ApiError(409, 'watched', 'wan/up is watched already'));
  const cut = await instance('cut-tcp.sock', eventsOf().slice(0, -1));
  try {
    expect(await shaper('tcp', 'wan/up', ...busy.at)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('wan/up is watched already'),
    });
    expect(await shaper('tcp', 'wan/up', ...cut.at)).toEqual({
      code: 1,
      stdout: expect.stringMatching(/^wan\/up, 1\.0 s: goodput/),
      stderr: 'shaper: the instance ended, or cut the stream, before all was told: after 1.0 of 10 s\n',
    });
  } finally {
    await busy.close();
    await cut.close();
  }
});

it('a stream that is cut before its first second shows nothing, and leaves no page', async () => {
  const html = files.path('none.html');
  const early = await instance('early.sock', eventsOf().slice(0, 3));
  const busy = await instance('busy2.sock', [], new ApiError(409, 'watched', 'wan/up is watched already'));
  try {
    expect(await shaper('tcp', 'wan/up', '--html', html, ...early.at)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'shaper: the instance ended, or cut the stream, before all was told: before the first second was over\n',
    });
    expect(existsSync(html)).toBe(false);
    expect((await shaper('tcp', 'wan/up', '--html', html, ...busy.at)).code).toBe(2);
    expect(existsSync(html)).toBe(false);
    writeFileSync(html, 'older');
    expect((await shaper('tcp', 'wan/up', '--html', html, ...busy.at)).code).toBe(2);
    expect(readFileSync(html, 'utf8')).toBe('older');
  } finally {
    await early.close();
    await busy.close();
  }
});

/** Runs the command, and has a signal come once `isReady`. */
async function interrupted(isReady: (stderr: string) => boolean, ...args: string[]): Promise<Outcome> {
  const { terminal, written } = terminalOf({ isErrInteractive: true });
  const others = process.listeners('SIGINT');
  const done = main(['tcp', 'wan/up', ...args], terminal);
  const own = () => process.listeners('SIGINT').filter((listener) => !others.includes(listener));
  while (own().length === 0 || !isReady(written.stderr))
    await new Promise((resolve) => setTimeout(resolve, 5));
  for (const listener of own()) listener('SIGINT');
  const code = await done;
  expect(own()).toEqual([]);
  return { code, ...written };
}

it('a signal ends it with what has come by then', async () => {
  const html = files.path('interrupted.html');
  const { at, close } = await instance('interrupted.sock', eventsOf().slice(0, -1), undefined, false);
  const silent = await instance('silent.sock', [], undefined, false);
  try {
    const early = await interrupted(() => silent.asked.length > 0, '--html', html, ...silent.at);
    const nothing = 'shaper: interrupted before the first second was over\n';
    expect(early).toEqual({ code: 1, stdout: '', stderr: nothing });
    expect(existsSync(html)).toBe(false);
    const isTold = (stderr: string): boolean => stderr.includes('1 of 10 s');
    const { code, stdout } = await interrupted(isTold, '--json', '--html', html, ...at);
    expect(code).toBe(0);
    const { seconds, segments, ended } = JSON.parse(stdout);
    expect(seconds).toBe(1);
    // What came after the last state is in none of its sums.
    expect(segments).toHaveLength(ROWS.filter((row) => row.at <= 1).length);
    expect(ended).toBe('It was cut short: interrupted after 1.0 of 10 s.');
    expect(readFileSync(html, 'utf8')).toContain(`<p>${ended}</p>`);
  } finally {
    await close();
    await silent.close();
  }
});

it('a page that cannot be written at the end takes nothing from the text', async () => {
  const folder = files.path('soon-gone');
  mkdirSync(folder);
  const socket = files.path('gone.sock');
  const routes = tcpRoutes({
    tcp: (_subject, _seconds, { tell, end }) => {
      rmdirSync(folder);
      for (const event of eventsOf()) tell(event);
      setImmediate(end);
      return () => undefined;
    },
  });
  const server = await startServer(socket, routes);
  try {
    const outcome = await shaper('tcp', 'wan/up', '--html', `${folder}/p.html`, '--socket', socket);
    expect(outcome).toEqual({
      code: 2,
      stdout: expect.stringMatching(/^wan\/up, 4\.0 s: goodput/),
      stderr: expect.stringContaining('no such folder'),
    });
  } finally {
    await server.close();
  }
});

it('--html - is wrong usage', async () => {
  const outcome = await shaper('tcp', 'wan/up', '--html', '-', '--socket', files.path('none.sock'));
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("--html takes a file, and '-'") });
  expect(existsSync('-')).toBe(false);
});

it('its help says how long it may take', async () => {
  expect((await shaper('tcp', '--help')).stdout).toMatch(
    /--seconds <n> +for how long, 1 to 600 \(default: "10"\)/,
  );
});
