import { expect, it } from 'vitest';
import { FreedWatch, type PaceOff } from '../../../src/live/freed-watch.ts';

it('tells of each connection once: its class, its ends and why', () => {
  const told: PaceOff[] = [];
  const freed = { flow: 32, generation: 5, classRow: 2, movedBytesPerSec: 12_500, shareBytesPerSec: 125_000 };
  // The row of the second one has another flow by now.
  const waiting = [freed, { ...freed, generation: 4 }];
  const watch = new FreedWatch({
    freed: () => waiting.splice(0),
    tupleOf: ({ flow, generation }) => {
      const ends = { src: [0x0a000001, 0, 0, flow], sport: 40_000, dst: [0xc0000207, 0, 0, 0], dport: 443 };
      return generation === 5 ? { family: 4, protocol: 6, ...ends } : null;
    },
    pathOf: (row) => `wan/up/${row}`,
    onFreed: (event) => told.push(event),
  });
  watch.look();
  watch.look();
  watch.close();
  expect(told).toEqual([
    {
      path: 'wan/up/2',
      flow: 'tcp 10.0.0.1:40000 > 192.0.2.7:443',
      reason: 'it moved 100kbit of its share of 1mbit, and nothing else held it back',
    },
  ]);
});
