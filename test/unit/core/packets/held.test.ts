import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InvariantError } from '../../../../src/base/assert.ts';
import { NONE } from '../../../../src/base/none.ts';
import { HeldFifos, HeldTable } from '../../../../src/core/packets/held.ts';
import { ARRIVAL_ROWS } from '../../../../src/limits.ts';

const SEED = 110;

test('rows are handed out once each, and again when given back', () => {
  const held = new HeldTable(4);
  const rows = [held.take(), held.take(), held.take(), held.take()];
  expect(new Set(rows).size).toBe(4);
  expect(() => held.take()).toThrow(InvariantError);
});

test('given back rows are taken before the table grows', () => {
  const held = new HeldTable(3);
  const [a] = [held.take(), held.take()];
  held.give(a);
  expect(held.size).toBe(1);
  expect(held.take()).toBe(a);
});

test('giving back more than was taken is a broken invariant', () => {
  const held = new HeldTable(3);
  held.give(held.take());
  expect(() => held.give(0)).toThrow(InvariantError);
});

test('packets may wait while a whole batch still finds rows', () => {
  const held = new HeldTable(ARRIVAL_ROWS + 2);
  held.take();
  held.take();
  expect(held.mayWait()).toBe(true);
  held.take();
  expect(held.mayWait()).toBe(false);
});

test('lists keep the order of arrival, whichever rows they get and however they interleave', () => {
  const step = fc.tuple(fc.constantFrom('push', 'push', 'shift'), fc.nat(3));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const held = new HeldTable(128);
      const fifos = new HeldFifos(4, held);
      const model: number[][] = [[], [], [], []];
      for (const [what, list] of steps) {
        if (what === 'push') {
          const h = held.take();
          fifos.push(list, h);
          model[list].push(h);
        } else if (model[list].length > 0) {
          const h = fifos.shift(list);
          expect(h).toBe(model[list].shift());
          held.give(h);
        }
        expect([0, 1, 2, 3].map((l) => fifos.isEmpty(l))).toEqual(model.map((m) => m.length === 0));
        expect([0, 1, 2, 3].map((l) => fifos.head[l])).toEqual(model.map((m) => m[0] ?? NONE));
      }
    }),
    { seed: SEED, numRuns: 200 },
  );
});
