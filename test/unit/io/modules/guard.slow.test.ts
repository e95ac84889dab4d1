/** Real time passes here: the machine may be as busy as it likes, so nothing waits for an exact time. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { type LiveGuard, startGuard } from '../../../../src/io/modules/guard.ts';
import { findAddon } from '../../../../src/io/nfqueue/addon.ts';

const LIMIT_US = 20_000;
const LOOK_US = 2_000;

/** Uses so much processor time of this thread. */
function work(guard: LiveGuard, ns: number): void {
  const untilNs = guard.cpuNs() + ns;
  while (guard.cpuNs() < untilNs);
}

describe.skipIf(findAddon() === undefined)('the guard of modules', () => {
  const guards: LiveGuard[] = [];
  const start = (limitUs = LIMIT_US, lookUs = LOOK_US): LiveGuard => {
    const guard = startGuard(new ArrayBuffer(4), { limitUs, lookUs });
    guards.push(guard);
    return guard;
  };
  afterEach(() => {
    for (const guard of guards.splice(0)) guard.close();
  });

  it('calls, and lets exceptions through', () => {
    const guard = start();
    let calls = 0;
    expect(guard.run(() => calls++)).toBe(true);
    expect(() =>
      guard.run(() => {
        throw new RangeError('mine');
      }),
    ).toThrow(RangeError);
    expect(() => guard.run(() => guard.run(() => undefined))).toThrow('a run does not contain another');
    expect(() => guard.run('no function' as never)).toThrow(TypeError);
    expect(guard.run(() => calls++)).toBe(true);
    expect(calls).toBe(2);
  });

  it.each<[string, (seen: () => void) => void]>([
    [
      'a loop',
      () => {
        for (;;);
      },
    ],
    [
      'a loop that catches and tidies up',
      (seen) => {
        for (;;) {
          try {
            for (;;);
          } catch {
            seen();
          } finally {
            seen();
          }
        }
      },
    ],
    ['a regular expression', () => void /^(a+)+$/.test(`${'a'.repeat(60)}b`)],
    [
      'work of built-in functions',
      () => {
        for (let list: unknown[] = []; ; list = [list]) list.toString();
      },
    ],
    ['a wait', () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)],
    ['a child', () => void execFileSync('sleep', ['0.3'])],
  ])('ends %s', (_, run) => {
    const guard = start();
    let seen = 0;
    expect(guard.run(() => run(() => seen++))).toBe(false);
    expect(seen).toBe(0);
    // And nothing else is ended.
    expect(guard.run(() => undefined)).toBe(true);
    work(guard, 3e6);
  });

  it('counts the processor time of a run, not the time of others', async () => {
    const guard = start(200_000, LOOK_US);
    const others = Array.from({ length: 4 }, () => spawn('sh', ['-c', 'while :; do :; done']));
    try {
      await Promise.all(others.map((child) => once(child, 'spawn')));
      const beganNs = performance.now();
      // By then others have had most of the time.
      for (let i = 0; i < 5; i++) expect(guard.run(() => work(guard, 50e6))).toBe(true);
      expect(performance.now() - beganNs).toBeGreaterThan(250);
    } finally {
      for (const child of others) child.kill('SIGKILL');
    }
  });

  it('lets a thread alone that was stopped', async () => {
    const script = `
      const { createRequire } = require('node:module');
      const { NativeGuard } = require(process.argv[1]);
      const guard = new NativeGuard(${LIMIT_US}, ${LOOK_US}, new ArrayBuffer(4));
      const { spawn } = require('node:child_process');
      const waker = 'sleep 0.3; for i in 1 2 3 4 5 6 7 8 9; do kill -CONT ' + process.pid + '; sleep 0.2; done';
      spawn('sh', ['-c', waker], { stdio: 'ignore', detached: true }).unref();
      const began = performance.now();
      const result = guard.run(() => process.kill(process.pid, 'SIGSTOP'));
      console.log(result, performance.now() - began > 100);
      guard.close();`;
    const child = spawn(process.execPath, ['-e', script, findAddon()!], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (bytes) => {
      text += String(bytes);
    });
    await once(child, 'close');
    expect(text).toBe('true true\n');
  });

  it('never ends anything but the run that is too long', () => {
    const guard = start(100, 50);
    let [ended, whole, thrown, outside] = [0, 0, 0, 0];
    for (let i = 0; i < 10_000; i++) {
      const isThrown = i % 3 === 0;
      try {
        const isWhole = guard.run(() => {
          work(guard, (i % 40) * 5_000);
          if (isThrown) throw new RangeError('mine');
        });
        if (isWhole) whole++;
        else ended++;
        expect(isWhole && isThrown).toBe(false);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        thrown++;
      }
      // A request that came late would end this.
      for (let k = 0; k < 100; k++) outside += k & 1;
    }
    expect(outside).toBe(10_000 * 50);
    expect(ended + whole + thrown).toBe(10_000);
    for (const count of [ended, whole, thrown]) expect(count).toBeGreaterThan(0);
  });

  it('ends with its thread', async () => {
    const text = `
      const { NativeGuard } = require(require('node:worker_threads').workerData);
      const guard = new NativeGuard(${LIMIT_US}, ${LOOK_US}, new ArrayBuffer(4));
      guard.run(() => undefined);
      require('node:worker_threads').parentPort.postMessage('ready');`;
    const worker = new Worker(text, { eval: true, workerData: findAddon() });
    expect(await once(worker, 'message')).toEqual(['ready']);
    expect(await once(worker, 'exit')).toEqual([0]);
  });

  describe('a loop that hangs', () => {
    /** Runs `hang` where nothing ends it, with a limit of 100 ms. Resolves with what the next start says. */
    const startsAnew = async (hang: string, more = ''): Promise<{ first: string[]; text: string }> => {
      const script = `
        const { readdirSync, readFileSync, readlinkSync } = require('node:fs');
        const { execSync, spawn } = require('node:child_process');
        const descriptors = () => readdirSync('/proc/self/fd').map((fd) => {
          try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; }
        });
        const told = process.env.SHAPER_RESUME;
        if (told !== undefined) {
          const [pid, fd, ...note] = told.split(' ');
          console.log(JSON.stringify([Number(pid) === process.pid, ...note, readFileSync(Number(fd), 'utf8')]));
          console.log(JSON.stringify([process.cwd(), process.argv.slice(2), descriptors().some((one) => one.includes('hostname'))]));
          process.exit(0);
        }
        const { NativeGuard } = require(process.argv[2]);
        const owner = new Uint32Array(new ArrayBuffer(4));
        owner[0] = 7;
        const guard = new NativeGuard(${LIMIT_US}, ${LOOK_US}, owner.buffer);
        const { execPath, argv0, execArgv, argv, env } = process;
        const variables = Object.entries(env).map((pair) => pair.join('='));
        const arm = () =>
          guard.arm(100_000, execPath, [argv0, ...execArgv, ...argv.slice(1)], variables, process.cwd(), 'a text');
        const open = require('node:fs').openSync('/proc/sys/kernel/hostname');
        arm();
        ${more}
        process.chdir('/');
        setTimeout(() => { ${hang} }, 50);`;
      const file = join(mkdtempSync(join(tmpdir(), 'shaper-guard-')), 'hang.cjs');
      writeFileSync(file, script);
      const child = spawn(process.execPath, [file, findAddon()!], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (bytes) => {
        text += String(bytes);
      });
      await once(child, 'close');
      rmSync(dirname(file), { recursive: true });
      const [first = '', second = ''] = text.split('\n');
      // The folder is that of the first start, and what it had open has closed.
      if (second !== '') expect(JSON.parse(second)).toEqual([process.cwd(), [findAddon()], false]);
      return { first: (JSON.parse(first) as unknown[]).map(String), text };
    };

    it.each([
      ['a loop', 'for (;;);', ['computes', expect.anything(), '0', '0']],
      [
        'a loop in a promise',
        'Promise.resolve().then(() => { for (;;); });',
        ['computes', expect.anything(), '0', '0'],
      ],
      ['a child', "execSync('sleep 20');", ['sleeps', expect.anything(), '0', '0']],
      ['a child in a run', "guard.run(() => execSync('sleep 20'));", ['sleeps', expect.anything(), '7', '0']],
      [
        'many short waits',
        'for (const lock = new Int32Array(new SharedArrayBuffer(4)); ; ) Atomics.wait(lock, 0, 0, 3);',
        [expect.stringMatching(/sleeps|computes/), expect.anything(), '0', '0'],
      ],
    ])('in %s is ended by a new start of the same process', async (_, hang, note) => {
      expect((await startsAnew(hang)).first).toEqual(['true', ...note, 'a text']);
    });

    it('hands on a signal that nobody could handle', async () => {
      const hang = "process.kill(process.pid, 'SIGTERM'); for (;;);";
      const { first } = await startsAnew(hang, "process.on('SIGTERM', () => undefined);");
      expect(first.slice(0, 2).concat(first.slice(3))).toEqual(['true', 'computes', '0', '15', 'a text']);
    });

    it('is none while the loop goes on, waits, or was asked to stop', async () => {
      // Many turns that use more than the limit together, and a wait that is longer.
      const hang = `
        let turns = 0;
        const turn = () => {
          for (const beganNs = guard.cpuNs(); guard.cpuNs() < beganNs + 10e6; );
          if (++turns < 30) setImmediate(turn);
          else setTimeout(() => { console.log('[]'); guard.stopping(); for (;;); }, 400);
        };
        turn();`;
      expect((await startsAnew(hang)).text).toBe('[]\n');
    });
  });

  it('runs nothing after close()', () => {
    const guard = start();
    guard.close();
    guard.close();
    expect(() => guard.run(() => undefined)).toThrow('the guard was closed');
    expect(guard.cpuNs()).toBeGreaterThan(0);
  });
});
