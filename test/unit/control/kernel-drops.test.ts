import { describe, expect, it } from 'vitest';
import { sumKernelDrops } from '../../../src/control/kernel-drops.ts';
import type { KernelQueue } from '../../../src/io/proc/nfqueues.ts';
import { NO_DROPS } from './sample.ts';

describe("the kernel's counters", () => {
  const queue = (number: number, queueFull: number, socketFull: number): KernelQueue => ({
    number,
    portId: 1,
    heldPackets: 0,
    queueFull,
    socketFull,
  });
  const queues = [queue(99, 5, 6), queue(100, 1, 2), queue(103, 10, 20), queue(104, 100, 200)];

  it('are summed over our open NFQUEUEs and those that have closed', () => {
    const sum = (open: readonly number[], closedDrops = NO_DROPS) =>
      sumKernelDrops(queues, { open, closedDrops });
    expect(sum([100, 101, 102, 103])).toEqual({ queueFull: 11, socketFull: 22 });
    expect(sum([100], { queueFull: 10, socketFull: 20 })).toEqual({ queueFull: 11, socketFull: 22 });
    expect(sum([])).toEqual(NO_DROPS);
  });
});
