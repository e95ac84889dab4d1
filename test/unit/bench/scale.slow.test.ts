import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from '../../../bench/lab/process.ts';

const bench = fileURLToPath(new URL('../../../bench/scale.ts', import.meta.url));

interface QuickResult {
  readonly cases: readonly {
    readonly key: string;
    readonly mode: string;
    readonly nsPerPacket: { readonly min: number };
    readonly toBaseline: number | null;
    readonly last: { readonly flows: number; readonly waiting: number };
  }[];
  readonly memory: Record<string, { readonly bytesPerFlow: number; readonly waiting: number }>;
  readonly simulator: Record<string, { readonly packets: number; readonly packetsPerSec: number }>;
  readonly goals: readonly { readonly name: string; readonly value: number }[];
}

it('the scale bench measures many flows against one in the decision loop, passing and waiting, and the simulator', async () => {
  const { stdout } = await run([process.execPath, '--import', 'tsx', bench, '--quick', 'loop'], {
    timeoutMs: 200_000,
  });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  const { cases, memory, simulator, goals } = JSON.parse(stdout) as QuickResult;
  const flowsOf = (key: string): number[] => cases.filter((c) => c.key === key).map((c) => c.last.flows);
  expect(flowsOf('flow')).toEqual([1, 1]);
  expect(flowsOf('flows')).toEqual([100_000, 100_000]);
  for (const { mode, last, nsPerPacket } of cases) {
    expect(nsPerPacket.min).toBeGreaterThan(0);
    if (mode === 'pass') expect(last.waiting).toBe(0);
    else expect(last.waiting).toBeGreaterThan(16_000);
  }
  const ratios = cases.filter((c) => c.key === 'flows').map((c) => c.toBaseline);
  for (const ratio of ratios) expect(ratio).toBeGreaterThan(0.5);
  expect(ratios).toHaveLength(2);
  expect(Object.keys(memory)).toEqual(['flow', 'freshBucket', 'idleBucket', 'waitingBucket']);
  // A flow is 128 bytes at least; growth of the process is not exact.
  for (const { bytesPerFlow } of Object.values(memory)) expect(bytesPerFlow).toBeGreaterThan(100);
  expect(memory.waitingBucket!.waiting).toBeGreaterThan(1000);
  for (const { packets, packetsPerSec } of Object.values(simulator)) {
    expect(packets).toBeGreaterThan(1000);
    expect(packetsPerSec).toBeGreaterThan(0);
  }
  // JSON has no NaN: it would be null here.
  for (const { value } of goals) expect(value).toBeTypeOf('number');
  expect(goals.map(({ name }) => name)).toEqual([
    'memory per idle flow, and its queue if it has waited, bytes',
    'memory per bucket in which nothing has waited, and its flow, bytes',
    'memory per idle bucket in which a packet has waited, and its flow, bytes',
    'memory per bucket in which a packet waits, and its flow, bytes',
    'simulator, eight-flows: ns/packet',
    'simulator, flats-300: ns/packet',
  ]);
});
