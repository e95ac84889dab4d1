import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NodeLists } from '../../../src/base/node-lists.ts';

const NODES = 8;
const LISTS = 3;

/** The order of a list, found by turning it once. */
function order(lists: NodeLists, list: number, length: number): number[] {
  return Array.from({ length }, () => {
    const node = lists.first(list);
    lists.rotate(list);
    return node;
  });
}

test('lists keep the order of arrays under append, remove and rotate', () => {
  const step = fc.tuple(fc.constantFrom('toggle', 'rotate'), fc.nat(LISTS - 1), fc.nat(NODES - 1));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const lists = new NodeLists(NODES, LISTS);
      const twins: number[][] = Array.from({ length: LISTS }, () => []);
      for (const [what, list, node] of steps) {
        const home = twins.findIndex((twin) => twin.includes(node));
        if (what === 'rotate') {
          if (twins[list].length === 0) continue;
          lists.rotate(list);
          twins[list].push(twins[list].shift() as number);
        } else if (home >= 0) {
          lists.remove(home, node);
          twins[home].splice(twins[home].indexOf(node), 1);
        } else {
          lists.append(list, node);
          twins[list].push(node);
        }
        for (const [l, twin] of twins.entries()) {
          expect(lists.isEmpty(l)).toBe(twin.length === 0);
          expect(order(lists, l, twin.length)).toEqual(twin);
        }
      }
    }),
  );
});
