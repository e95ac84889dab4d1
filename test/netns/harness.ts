/**
 * For tests on real packets: the lab of bench/lab, and the program in it. A test reads like a story:
 *
 *   describeNetns('a policed class', () => {
 *     const world = useLab();
 *     const start = useShapers(world);
 *     it('passes its rate and drops the rest', async () => {
 *       const shaper = await start(CONFIG);
 *       const { bitsPerSec } = await udpTransfer(world.lab.client, world.lab.server, { port: 7001, ... });
 *       expect(bitsPerSec / 2e6).toBeCloseTo(1, 1);
 *       expect((await shaper.stop()).code).toBe(0);
 *     });
 *   });
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { createLab, type Lab, type LabOptions } from '../../bench/lab/lab.ts';
import { type RunningShaper, type ShaperOptions, type Status, startShaper } from '../../bench/lab/shaper.ts';

export * from '../../bench/lab/lab.ts';
export * from '../../bench/lab/measure.ts';
export * from '../../bench/lab/native.ts';
export * from '../../bench/lab/pause.ts';
export * from '../../bench/lab/process.ts';
export * from '../../bench/lab/shaper.ts';
export * from '../../bench/lab/tcp.ts';
export * from '../../bench/lab/udp.ts';

/**
 * For what needs root and NFQUEUE: where something is missing, test/skip-runner.ts skips it by name and says
 * why.
 */
export const describeNetns = describe;

/** One lab for all tests of the surrounding describe, closed after them. A repeated test gets a new one. */
export function useLab(options: LabOptions = {}): { readonly lab: Lab } {
  let lab: Lab | undefined;
  beforeAll(async () => {
    lab = await createLab(options);
  }, 120_000);
  beforeEach(async ({ task }) => {
    if ((task.result?.retryCount ?? 0) === 0) return;
    await lab?.close();
    lab = await createLab(options);
  }, 120_000);
  afterAll(async () => lab?.close());
  return {
    get lab(): Lab {
      if (!lab) throw new Error('the lab exists only while tests run');
      return lab;
    },
  };
}

/** Starts the program in the lab's router; what a test leaves running is killed after it. */
export function useShapers(world: {
  readonly lab: Lab;
}): (config: string, options?: ShaperOptions) => Promise<RunningShaper> {
  const running: RunningShaper[] = [];
  afterEach(async () => {
    for (const shaper of running.splice(0)) {
      if (shaper.child.exitCode === null && shaper.child.signalCode === null) await shaper.kill();
    }
  });
  return async (config, options) => {
    const shaper = await startShaper(world.lab, config, options);
    running.push(shaper);
    return shaper;
  };
}

/** By how many packets the four numbers of a status do not add up: 0, whenever it is read. */
export function packetsUnaccounted({ totals }: Status): number {
  const { received, accepted, dropped, held, kernel } = totals;
  return received.packets - accepted.packets - dropped.packets - held.packets - kernel.lost;
}
