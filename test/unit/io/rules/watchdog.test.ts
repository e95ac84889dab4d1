/** The heartbeat, with a shell script in place of the watchdog. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findAddon } from '../../../../src/io/nfqueue/addon.ts';
import { Watchdog, watchdogProgram } from '../../../../src/io/rules/watchdog.ts';

const NFT = 4321;

let folder = '';
let watchdog: Watchdog | undefined;
let warnings: [string, object | undefined][] = [];
const log = { warn: (message: string, fields?: object) => void warnings.push([message, fields]) };

function watch(script: string): Watchdog {
  const program = join(folder, 'watchdog');
  writeFileSync(program, `#!/bin/sh\ncd ${folder}\n${script}\n`);
  chmodSync(program, 0o755);
  watchdog = new Watchdog(NFT, log, program);
  return watchdog;
}

const said = (name: string): string => readFileSync(join(folder, name), 'utf8');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-watchdog-'));
  warnings = [];
});
afterEach(() => {
  watchdog?.close();
  rmSync(folder, { recursive: true });
});

describe('the watchdog', () => {
  it('hears whom to watch, feels a heart that beats, and ends with the pipe', async () => {
    const dog = watch('echo "$1" > nft; head -c 3 > beats; cat > /dev/null; echo ended > end');
    await vi.waitFor(() => expect(said('beats')).toBe('...'), 30_000);
    expect(said('nft')).toBe(`${NFT}\n`);
    dog.close();
    await vi.waitFor(() => expect(said('end')).toBe('ended\n'), 30_000);
    expect(warnings).toEqual([]);
  });

  it('says whether it ended nft because the heart had stopped', async () => {
    for (const status of [1, 0]) {
      const dog = watch(`touch ended${status}; exit ${status}`);
      await vi.waitFor(() => said(`ended${status}`), 30_000);
      expect(await dog.hasBitten()).toBe(status === 1);
    }
    const silent = watch('cat > /dev/null');
    expect(await silent.hasBitten()).toBe(false);
    expect(silent.stillMs).toBeGreaterThanOrEqual(0);
    silent.close();
    expect(warnings).toEqual([]);
  });

  it('has a successor if a signal ends it', async () => {
    watch('[ -e once ] && { echo second > second; cat > /dev/null; exit; }; touch once; kill -KILL $$');
    await vi.waitFor(() => expect(said('second')).toBe('second\n'), 30_000);
    expect(warnings).toEqual([
      ['somebody ended the watchdog; another one takes its place', { signal: 'SIGKILL' }],
    ]);
  });

  it('that is ended again and again has no more successors', async () => {
    watch('kill -KILL $$');
    await vi.waitFor(() => expect(warnings).toHaveLength(5), 30_000);
    const again = 'somebody ended the watchdog; another one takes its place';
    const none = 'no watchdog: packets wait while this process is stopped';
    expect(warnings.map(([message]) => message)).toEqual([again, again, again, again, none]);
  });

  it('that cannot watch, or is not there, is a warning', async () => {
    const message = 'no watchdog: packets wait while this process is stopped';
    watch('exit 2');
    await vi.waitFor(() => expect(warnings).toEqual([[message, { status: 2, signal: null }]]), 30_000);
    watchdog = new Watchdog(NFT, log, join(folder, 'nowhere'));
    await vi.waitFor(() => expect(warnings).toHaveLength(2), 30_000);
    expect(warnings[1]).toEqual([message, { error: expect.stringContaining('ENOENT') }]);
    expect(await watchdog.hasBitten()).toBe(false);
  });

  it('is beside the addon', () => {
    expect(basename(watchdogProgram())).toBe('shaper-watchdog');
    expect(dirname(watchdogProgram())).toBe(dirname(findAddon() ?? ''));
  });
});

it.skipIf(findAddon() === undefined)(
  'the program: a second without a byte ends nft, the end of the pipe a stopped one',
  // This process must not stand still for a second.
  { retry: 3 },
  async () => {
    const exitOf = (child: ReturnType<typeof spawn>): Promise<unknown[]> =>
      new Promise((resolve) => child.once('exit', (...how) => resolve(how)));
    const nft = spawn('sleep', ['60']);
    const dog = spawn(watchdogProgram(), [String(nft.pid)], { stdio: ['pipe', 'ignore', 'ignore'] });
    const beats = setInterval(() => dog.stdin?.write('.'), 200);
    const ends = [exitOf(nft), exitOf(dog)];
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([nft.signalCode, dog.exitCode]).toEqual([null, null]);
    clearInterval(beats);
    expect(await Promise.all(ends)).toEqual([
      [null, 'SIGKILL'],
      [1, null],
    ]);

    const stopped = spawn('sleep', ['60']);
    const heir = spawn(watchdogProgram(), [String(stopped.pid)], { stdio: ['pipe', 'ignore', 'ignore'] });
    const both = [exitOf(stopped), exitOf(heir)];
    stopped.kill('SIGSTOP');
    heir.stdin?.end();
    expect(await Promise.all(both)).toEqual([
      [null, 'SIGKILL'],
      [0, null],
    ]);
  },
);
