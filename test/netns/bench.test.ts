/** The bench and the demo run at all. */
import { expect, it } from 'vitest';
import { BENCH_MS, benchCommand, type QuickGoals, quickResult } from './bench-bed.ts';
import { describeNetns, finish, namespaceNames, start, until } from './harness.ts';

interface QuickResult extends QuickGoals {
  readonly drains: Record<string, Record<string, { readonly cpuNsPerPacket: { readonly median: number } }>>;
  readonly throughput: Record<string, { readonly median: number }>;
  readonly lateness: { readonly engineMicroseconds: { readonly packets: number } };
}

describeNetns('bench --quick', () => {
  it('drains, transfers and releases with every contender, and prints one line of JSON', async () => {
    const result = await quickResult<QuickResult>('bench');
    const contenders = result.drains.flows1000!;
    expect(Object.keys(contenders)).toEqual(
      expect.arrayContaining(['c256', 'c1', 'cbatch', 'core', 'program']),
    );
    for (const { cpuNsPerPacket } of Object.values(contenders))
      expect(cpuNsPerPacket.median).toBeGreaterThan(0);
    for (const { median } of Object.values(result.throughput)) expect(median).toBeGreaterThan(0);
    expect(result.lateness.engineMicroseconds.packets).toBeGreaterThan(100);
    // JSON has no NaN: it would be null here. With and without the npm package, which is optional.
    const names = result.goals.map(({ name }) => name).filter((name) => !name.includes('npm'));
    expect(names).toEqual([
      'CPU of core by C loop, flows1000',
      'CPU of program by C loop, flows1000',
      'TCP through the program by C loop',
      'release lateness p99, microseconds',
    ]);
    for (const { value } of result.goals) expect(value).toBeTypeOf('number');
  });
});

describeNetns('the demo', () => {
  it('leaves nothing when it is interrupted half way', async () => {
    const child = start(benchCommand('demo'));
    let output = '';
    child.stdout?.on('data', (text: Buffer) => {
      output += text.toString();
    });
    const finished = finish(child, BENCH_MS);
    await until('the shaper shapes', () => output.includes('20 Mbit/s'), 120_000);
    const own = (): string[] => namespaceNames().filter((name) => name.startsWith(`shlab-${child.pid}-`));
    expect(own()).toHaveLength(3);
    child.kill('SIGINT');
    expect((await finished).signal).toBe('SIGINT');
    expect(own()).toEqual([]);
  });
});
