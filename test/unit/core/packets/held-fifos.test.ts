import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { FLAG_NEVER_DROP, HeldTable } from '../../../../src/core/packets/held.ts';
import { HeldFifos } from '../../../../src/core/packets/held-fifos.ts';

const SEED = 110;

test('a leaf loses its first packet that may be dropped; packets of others and SSH keep their places', () => {
  const held = new HeldTable(8);
  const fifos = new HeldFifos(1, held);
  const packets = [0, 1, 1, 0, 1].map((leaf, n) => {
    const h = held.take();
    held.leaf[h] = leaf;
    held.flags[h] = n === 1 ? FLAG_NEVER_DROP : 0;
    held.lengthBytes[h] = 100;
    fifos.push(0, h);
    return h;
  });
  expect([fifos.canSpare(0, 1, 2, 200), fifos.canSpare(0, 1, 3, 0), fifos.canSpare(0, 1, 0, 201)]).toEqual([
    true,
    false,
    false,
  ]);
  expect([fifos.shiftDroppable(0, 1), fifos.shiftDroppable(0, 1)]).toEqual([packets[2], packets[4]]);
  // The tail has gone: a packet that comes now must still be reached.
  fifos.push(0, packets[4]);
  expect(fifos.takeAll(0)).toEqual([packets[0], packets[1], packets[3], packets[4]]);
});

test('FIFOs keep the order of arrival, whichever rows they get and however they interleave', () => {
  const step = fc.tuple(fc.constantFrom('push', 'push', 'shift'), fc.nat(3));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const held = new HeldTable(128);
      const fifos = new HeldFifos(4, held);
      const model: number[][] = [[], [], [], []];
      for (const [what, fifo] of steps) {
        if (what === 'push') {
          const h = held.take();
          fifos.push(fifo, h);
          model[fifo].push(h);
        } else if (model[fifo].length > 0) {
          const h = fifos.shift(fifo);
          expect(h).toBe(model[fifo].shift());
          held.give(h);
        }
        expect([0, 1, 2, 3].map((l) => fifos.isEmpty(l))).toEqual(model.map((m) => m.length === 0));
        expect([0, 1, 2, 3].map((l) => fifos.head[l])).toEqual(model.map((m) => m[0] ?? NONE));
      }
    }),
    { seed: SEED, numRuns: 200 },
  );
});
