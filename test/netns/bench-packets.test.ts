/** Benches that drain queues run at all. */
import { expect, it } from 'vitest';
import { BENCH_MS, benchCommand, type QuickGoals, quickResult } from './bench-bed.ts';
import { describeNetns, finish, namespaceNames, start } from './harness.ts';

interface ModulesResult {
  readonly loop: readonly { readonly bestNs: readonly number[] }[];
  readonly payload: { readonly ratio: number };
}

interface PacketsResult extends QuickGoals {
  readonly packets: readonly {
    readonly key: string;
    readonly mode: string;
    readonly cpuNsPerPacket: { readonly min: number };
    readonly waited: number;
    readonly counted: Record<string, number>;
  }[];
}

describeNetns('bench views --quick', () => {
  it('drains and holds with viewers and without, and prints one line of JSON', async () => {
    const { goals, files } = await quickResult<QuickGoals & { files: { readsPerSec: number } }>('views');
    expect(goals.map(({ name }) => name)).toEqual([
      'CPU per packet of the packet thread, watched by not, http',
      'release lateness p99, watched by not, http',
      'CPU per packet of the packet thread, watched by not, files',
      'release lateness p99, watched by not, files',
    ]);
    for (const { value } of goals) expect(value).toBeGreaterThan(0);
    expect(files.readsPerSec).toBeGreaterThan(10);
  });
});

describeNetns('bench modules --quick', () => {
  it('measures the decision loop and real packets, and prints one line of JSON', async () => {
    const { loop, payload } = await quickResult<ModulesResult>('modules');
    for (const { bestNs } of loop) expect(bestNs[0]).toBeGreaterThan(0);
    expect(payload.ratio).toBeGreaterThan(0.5);
  });
});

describeNetns('bench scale --quick packets', () => {
  it('sends real packets of many flows, hosts and classes, and judges them against one', async () => {
    const child = start(benchCommand('scale', '--quick', 'packets'));
    const { stdout, stderr, code } = await finish(child, BENCH_MS);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const { packets, goals } = JSON.parse(stdout) as PacketsResult;
    // Fills of 20,000: as many as make every flow known, and one that counts.
    const counts = (received: number, flows: number, eachBuckets: number, classes: number) => ({
      ...{ received, accepted: received, dropped: 0, unmatched: 0, flows, eachBuckets, classes },
    });
    const expected = {
      flow: counts(120_000, 1, 0, 1),
      flows: counts(120_000, 100_000, 0, 1),
      host: counts(40_000, 1, 1, 1),
      hosts: counts(40_000, 10_000, 10_000, 1),
      class: counts(40_000, 1000, 0, 1),
      classes: counts(40_000, 1000, 0, 1000),
    };
    for (const mode of ['pass', 'wait']) {
      const own = packets.filter((one) => one.mode === mode);
      expect(Object.fromEntries(own.map(({ key, counted }) => [key, counted]))).toMatchObject(expected);
      for (const { cpuNsPerPacket, waited } of own) {
        expect(cpuNsPerPacket.min).toBeGreaterThan(0);
        if (mode === 'pass') expect(waited).toBe(0);
        // Of each batch of 256 at most 125 find the bucket full, however slow this machine is.
        else expect(waited).toBeGreaterThan(0.5);
      }
    }
    expect(goals.map(({ name }) => name)).toEqual([
      '100,000 flows by one of them, real packets passing at once',
      '10,000 hosts, each by one of them, real packets passing at once',
      '1000 classes by one of them, real packets passing at once',
      '100,000 flows by one of them, real packets waiting their turn',
      '10,000 hosts, each by one of them, real packets waiting their turn',
      '1000 classes by one of them, real packets waiting their turn',
    ]);
    for (const { value } of goals) expect(value).toBeGreaterThan(0);
    expect(namespaceNames().filter((name) => name.startsWith(`shlab-${child.pid}-`))).toEqual([]);
  });
});
