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
      timeoutMs: 200_000,
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
  });
});

describeNetns('bench views --quick', () => {
  it('drains and holds with viewers and without, and prints one line of JSON', async () => {
    const script = fileURLToPath(new URL('../../bench/views.ts', import.meta.url));
    const { stdout } = await run([process.execPath, '--import', 'tsx', script, '--quick'], {
      timeoutMs: 200_000,
    });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const { goals, files } = JSON.parse(stdout) as QuickResult & { files: { readsPerSec: number } };
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
    const script = fileURLToPath(new URL('../../bench/modules.ts', import.meta.url));
    const { stdout } = await run([process.execPath, '--import', 'tsx', script, '--quick'], {
      timeoutMs: 200_000,
    });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const { loop, payload } = JSON.parse(stdout);
    for (const { bestNs } of loop) expect(bestNs[0]).toBeGreaterThan(0);
    expect(payload.ratio).toBeGreaterThan(0.5);
  });
});

describeNetns('bench pacing-cost --quick', () => {
  it('measures connections that are paced and that are not, and prints one line of JSON', async () => {
    const script = fileURLToPath(new URL('../../bench/pacing-cost.ts', import.meta.url));
    const { stdout } = await run([process.execPath, '--import', 'tsx', script, '--quick'], {
      timeoutMs: 200_000,
    });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const { results, goals } = JSON.parse(stdout);
    const [{ queued, paced }] = results;
    expect(queued[0]).toMatchObject({ heldAcks: 0, rewritten: 0 });
    expect(paced[0].heldAcks + paced[0].rewritten).toBeGreaterThan(0);
    for (const { value } of goals) expect(value).toBeGreaterThan(0);
  });
});

describeNetns('bench queueing --quick', () => {
  it('measures delay and shares under load, and judges them', async () => {
    const script = fileURLToPath(new URL('../../bench/queueing.ts', import.meta.url));
    const { stdout } = await run([process.execPath, '--import', 'tsx', script, '--quick'], {
      timeoutMs: 200_000,
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
  });
});

interface PacketsQuickResult {
  readonly packets: readonly {
    readonly key: string;
    readonly mode: string;
    readonly cpuNsPerPacket: { readonly min: number };
    readonly waited: number;
    readonly counted: Record<string, number>;
  }[];
  readonly goals: QuickResult['goals'];
}

describeNetns('bench scale --quick packets', () => {
  it('sends real packets of many flows, hosts and classes, and judges them against one', async () => {
    const script = fileURLToPath(new URL('../../bench/scale.ts', import.meta.url));
    const child = start([process.execPath, '--import', 'tsx', script, '--quick', 'packets']);
    const { stdout, stderr, code } = await finish(child, 200_000);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const { packets, goals } = JSON.parse(stdout) as PacketsQuickResult;
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

describeNetns('bench cost --quick', () => {
  it('gives every shaper the same traffic in turns', async () => {
    const script = fileURLToPath(new URL('../../bench/cost.ts', import.meta.url));
    const child = start([process.execPath, '--import', 'tsx', script, '--quick', '20-bursts']);
    const { stdout, stderr, code } = await finish(child, 200_000);
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

describeNetns('the demo', () => {
  it('leaves nothing when it is interrupted half way', async () => {
    const child = start([process.execPath, '--import', 'tsx', demo]);
    let output = '';
    child.stdout?.on('data', (text: Buffer) => {
      output += text.toString();
    });
    const finished = finish(child, 200_000);
    await until('the shaper shapes', () => output.includes('20 Mbit/s'), 120_000);
    const own = (): string[] => namespaceNames().filter((name) => name.startsWith(`shlab-${child.pid}-`));
    expect(own()).toHaveLength(3);
    child.kill('SIGINT');
    expect((await finished).signal).toBe('SIGINT');
    expect(own()).toEqual([]);
  });
});
