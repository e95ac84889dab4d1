import { describe, expect, it } from 'vitest';
import { parseNfqueues } from '../../../../src/io/proc/nfqueues.ts';

describe("the kernel's list of queues", () => {
  it('gives owner, waiting packets and drops of each queue', () => {
    const text = [
      '   99   4242     7 2   128     5     6      100  1',
      '65535 -12345     0 2 65531    10    20        0  1',
      '',
    ].join('\n');
    expect(parseNfqueues(text)).toEqual([
      { number: 99, portId: 4242, heldPackets: 7, queueFull: 5, socketFull: 6 },
      { number: 65535, portId: -12345, heldPackets: 0, queueFull: 10, socketFull: 20 },
    ]);
  });

  it('is empty while no queue is bound', () => expect(parseNfqueues('')).toEqual([]));
});
