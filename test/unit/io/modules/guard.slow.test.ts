/** Real time passes here: the machine may be as busy as it likes, so nothing waits for an exact time. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
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

  it('runs nothing after close()', () => {
    const guard = start();
    guard.close();
    guard.close();
    expect(() => guard.run(() => undefined)).toThrow('the guard was closed');
    expect(guard.cpuNs()).toBeGreaterThan(0);
  });
});
