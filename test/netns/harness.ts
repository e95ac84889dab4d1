/**
 * For tests on real packets: the lab of bench/lab, and `describeNetns`, which skips by name what this machine cannot
 * do. A test reads like a story:
 *
 *   describeNetns('a policed class', () => {
 *     const world = useLab();
 *     it('passes its rate and drops the rest', async () => {
 *       const shaper = await startShaper(world.lab, CONFIG);
 *       const { bitsPerSec } = await udpTransfer(world.lab.client, world.lab.server, { port: 7001, ... });
 *       expect(bitsPerSec / 2e6).toBeCloseTo(1, 1);
 *       expect((await shaper.stop()).code).toBe(0);
 *     });
 *   });
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe } from 'vitest';
import { createLab, type Lab, type LabOptions } from '../../bench/lab/lab.ts';

export * from '../../bench/lab/lab.ts';
export * from '../../bench/lab/measure.ts';
export * from '../../bench/lab/native.ts';
export * from '../../bench/lab/process.ts';
export * from '../../bench/lab/shaper.ts';
export * from '../../bench/lab/udp.ts';

const QUEUES = '/proc/net/netfilter/nfnetlink_queue';

/** Why tests on real packets cannot run here; empty when they can. */
export function netnsMissing(): string {
  if (process.getuid?.() !== 0) return 'not root';
  if (existsSync(QUEUES)) return '';
  spawnSync('modprobe', ['-q', 'nfnetlink_queue']); // a module on most distributions, loaded by nobody yet
  return existsSync(QUEUES) ? '' : 'no NFQUEUE in this kernel';
}

export function describeNetns(name: string, tests: () => void): void {
  const missing = netnsMissing();
  if (missing) describe.skip(`${name} (skipped: ${missing})`, tests);
  else describe(name, tests);
}

/** One lab for all tests of the surrounding describe, closed after them. */
export function useLab(options: LabOptions = {}): { readonly lab: Lab } {
  let lab: Lab | undefined;
  beforeAll(async () => {
    lab = await createLab(options);
  }, 30_000);
  afterAll(async () => lab?.close());
  return {
    get lab(): Lab {
      if (!lab) throw new Error('the lab exists only while tests run');
      return lab;
    },
  };
}
