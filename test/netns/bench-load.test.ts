/** Benches that load a line run at all. */
import { expect, it } from 'vitest';
import { BENCH_MS, benchCommand, type QuickGoals, quickResult } from './bench-bed.ts';
import { describeNetns, finish, namespaceNames, run, start } from './harness.ts';

interface PacingResult extends QuickGoals {
  readonly results: readonly Record<'queued' | 'paced', { heldAcks: number; rewritten: number }[]>[];
}

describeNetns('bench pacing-cost --quick', () => {
  it('measures connections that are paced and that are not, and prints one line of JSON', async () => {
    const { results, goals } = await quickResult<PacingResult>('pacing-cost');
    const { queued, paced } = results[0]!;
    expect(queued[0]).toMatchObject({ heldAcks: 0, rewritten: 0 });
    expect(paced[0]!.heldAcks + paced[0]!.rewritten).toBeGreaterThan(0);
    for (const { value } of goals) expect(value).toBeGreaterThan(0);
  });
});

describeNetns('bench queueing --quick', () => {
  it('measures delay and shares under load, and judges them', async () => {
    const { stdout } = await run(benchCommand('queueing', '--quick'), { timeoutMs: BENCH_MS });
    expect(stdout.match(/ (?:NOT MET|met)$/gm)).toHaveLength(7);
    expect(stdout).not.toContain('NaN');
    const cells = (line: RegExp): string[] => line.exec(stdout)?.[0].trim().split(/ {2,}/) ?? [];
    // Of what the rate can carry, in percent: unshaped TCP would be far above, no transfer at 0.
    const [, , , , goodput] = cells(/^shaper, default queue .*$/m);
    expect(Number.parseFloat(goodput!)).toBeGreaterThan(50);
    expect(Number.parseFloat(goodput!)).toBeLessThan(110);
    const passed = ['a', 'b'].map((path) => cells(new RegExp(`^.*  ${path} .*bit/s .*$`, 'm')).at(-2));
    for (const rate of passed) expect(rate).toMatch(/^(?!0\.0 )[\d.]+ [kM]bit\/s$/);
  });
});

describeNetns('bench cost --quick', () => {
  it('gives every shaper the same traffic in turns', async () => {
    const child = start(benchCommand('cost', '--quick', '20-bursts'));
    const { stdout, stderr, code } = await finish(child, BENCH_MS);
    expect([code, stderr]).toEqual([0, '']);
    const { results, idlePercent } = JSON.parse(stdout) as {
      readonly results: readonly { readonly shaper: string; readonly packetsPerSec: number }[];
      readonly idlePercent: number;
    };
    expect(results.map(({ shaper }) => shaper)).toEqual(
      expect.arrayContaining(['nothing', 'c1', 'c256', 'htb', 'shaper', 'shaper-full']),
    );
    // A busy machine sends less, never more.
    for (const { packetsPerSec } of results) {
      expect(packetsPerSec).toBeGreaterThan(0);
      expect(packetsPerSec).toBeLessThan(1.1 * (20e6 / 8 / 1500));
    }
    expect(Number.isFinite(idlePercent)).toBe(true);
    expect(namespaceNames().filter((name) => name.startsWith(`shlab-${child.pid}-`))).toEqual([]);
  });
});
