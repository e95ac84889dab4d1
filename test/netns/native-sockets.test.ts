/** Whose sockets there are, as the addon and /proc say, in a fresh network namespace each. */
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compileInto } from '../../bench/compiled.ts';
import { findAddon } from '../../src/io/nfqueue/addon.ts';

const run = promisify(execFile);
const COMPILED = mkdtempSync(join(tmpdir(), 'shaper-sockets-'));
const SCRIPT = join(COMPILED, 'test/netns/native-scenarios.js');
const NS = `shsock${process.pid}`;
const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });

// biome-ignore lint/suspicious/noExplicitAny: the result of a scenario is whatever it printed
async function scenario(name: string, environment: NodeJS.ProcessEnv = {}): Promise<any> {
  const { stdout } = await run('ip', ['netns', 'exec', NS, process.execPath, SCRIPT, name], {
    env: { ...process.env, SHAPER_ADDON: findAddon(), ...environment },
    timeout: 100_000,
  });
  return JSON.parse(stdout);
}

const TCP_ESTABLISHED = 1;
const TCP_TIME_WAIT = 6;
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;
const TCP_NEW_SYN_RECV = 12;

describe('sockets of this machine', () => {
  beforeAll(() => compileInto(COMPILED, [join(import.meta.dirname, 'native-scenarios.ts')]));
  afterAll(() => rmSync(COMPILED, { recursive: true }));
  beforeEach(() => {
    ip('netns', 'add', NS);
    ip('-n', NS, 'link', 'set', 'lo', 'up');
  });
  afterEach(() => {
    if (existsSync(`/run/netns/${NS}`)) ip('netns', 'delete', NS);
  });

  test('of every kind are found by the ends of their packets, and listed', async () => {
    const { found, late, isListed, none } = await scenario('socketKinds');
    const of = (state: number): object => ({ isIt: true, state, uid: process.getuid!() });
    expect(found).toEqual({
      client: of(TCP_ESTABLISHED),
      accepted: of(TCP_ESTABLISHED),
      request: of(TCP_LISTEN),
      'client of IPv6': of(TCP_ESTABLISHED),
      'accepted of IPv6': of(TCP_ESTABLISHED),
      'mapped accepted': of(TCP_ESTABLISHED),
      'mapped request': of(TCP_LISTEN),
      'connected datagrams': of(TCP_ESTABLISHED),
      'unconnected datagrams': of(TCP_CLOSE),
      'datagrams of any address': of(TCP_CLOSE),
      'mapped datagrams': of(TCP_CLOSE),
      'datagrams of IPv6': of(TCP_CLOSE),
    });
    expect(late).toEqual({ inode: 0, state: TCP_TIME_WAIT, uid: 0 });
    expect(isListed).toBe(true);
    expect(none).toBe(null);
  });

  test('that nobody has accepted yet are those of the listener', async () => {
    expect(await scenario('unacceptedSockets')).toEqual({
      states: [TCP_LISTEN, TCP_NEW_SYN_RECV],
      isSame: true,
    });
  });

  test('of another network namespace are not found', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = String((server.address() as AddressInfo).port);
    expect(await scenario('otherNamespace', { SHAPER_TEST_PORT: port })).toBe(null);
    server.close();
  });

  test('belong to the process that has them open, or to its parent', async () => {
    const { sets, isOther, givenUp } = await scenario('socketsOfProcesses');
    expect(sets).toEqual({
      before: 3,
      after: 3,
      child: 103,
      grandchild: 103,
      shared: 3,
      'of nobody': -1,
      'before, renumbered': 5,
      'after the end': -1,
    });
    expect(isOther).toBe(-1);
    expect(givenUp).toBe(0);
  });

  test('belong to a program that has just been started', async () => {
    expect(await scenario('newPrograms')).toEqual({ itself: 7, child: 7, other: -1, become: 7 });
  });

  test('of processes that end leave nothing behind', async () => {
    const { sets, left } = await scenario('manyProcesses');
    expect(sets).toEqual(Array.from({ length: 30 }, (_, i) => i));
    // Of 30 processes; Node itself keeps one or two for signals and pipes.
    expect(left).toBeLessThan(5);
  });

  test('are not given to a process that has the number of another', async () => {
    expect(await scenario('reusedPids')).toEqual([3, -1]);
  });
});
