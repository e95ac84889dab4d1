/** The bench and the demo run at all: their numbers are for quiet machines and people, not for asserts. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeNetns, finish, namespaceNames, run, start, until } from './harness.ts';

const bench = fileURLToPath(new URL('../../bench/bench.ts', import.meta.url));
const demo = fileURLToPath(new URL('../../bench/demo.ts', import.meta.url));

interface QuickResult {
  readonly drains: Record<string, Record<string, { readonly cpuNsPerPacket: { readonly median: number } }>>;
  readonly throughput: Record<string, { readonly median: number }>;
  readonly lateness: { readonly engineMicroseconds: { readonly packets: number } };
  readonly goals: readonly { readonly name: string; readonly value: number }[];
}

describeNetns('bench --quick', () => {
  it('drains, transfers and releases with every contender, and prints one line of JSON', async () => {
    const { stdout } = await run([process.execPath, '--import', 'tsx', bench, '--quick'], {
      timeoutMs: 100_000,
    });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const result = JSON.parse(stdout) as QuickResult;
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
  }, 120_000);
});

describeNetns('bench queueing --quick', () => {
  it('measures delay and shares under load, and judges them', async () => {
    const script = fileURLToPath(new URL('../../bench/queueing.ts', import.meta.url));
    const { stdout } = await run([process.execPath, '--import', 'tsx', script, '--quick'], {
      timeoutMs: 100_000,
    });
    expect(stdout.match(/ (?:NOT MET|met)$/gm)).toHaveLength(7);
    expect(stdout).not.toContain('NaN');
    const cells = (line: RegExp): string[] => line.exec(stdout)?.[0].trim().split(/ {2,}/) ?? [];
    // Of what the rate can carry, in percent: unshaped TCP would be far above, no transfer at 0.
    const [, , , , goodput] = cells(/^shaper, default queue .*$/m);
    expect(Number.parseFloat(goodput!)).toBeGreaterThan(50);
    expect(Number.parseFloat(goodput!)).toBeLessThan(110);
    const passed = ['a', 'b'].map((path) => cells(new RegExp(`^.*  ${path} .*bit/s .*$`, 'm')).at(-2));
    for (const rate of passed) expect(rate).toMatch(/^(?!0\.0 )[\d.]+ [kM]bit\/s$/);
  }, 120_000);
});

describeNetns('the demo', () => {
  it('leaves nothing when it is interrupted half way', async () => {
    const child = start([process.execPath, '--import', 'tsx', demo]);
    let output = '';
    child.stdout?.on('data', (text: Buffer) => {
      output += text.toString();
    });
    const finished = finish(child, 50_000);
    await until('the shaper shapes', () => output.includes('20 Mbit/s'), 30_000);
    const own = (): string[] => namespaceNames().filter((name) => name.startsWith(`shlab-${child.pid}-`));
    expect(own()).toHaveLength(3);
    child.kill('SIGINT');
    expect((await finished).signal).toBe('SIGINT');
    expect(own()).toEqual([]);
  });
});
