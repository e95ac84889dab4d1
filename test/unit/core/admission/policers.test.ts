import { expect, test } from 'vitest';
import { POLICE_DROP, POLICE_MARK, POLICE_PASS, Policers } from '../../../../src/core/admission/policers.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { type ClassInput, SECOND, shaper } from '../../../sim/world.ts';

const POLICE = { rateBytesPerSec: 1000, burstBytes: 3000 };

/** Rows: 0 the root, then the leaves. */
function policers(leaves: readonly ClassInput[], police?: typeof POLICE): Policers {
  const root = { rate: 1e9, burst: 1e9, ...(police ? { police } : {}) };
  return new Policers(listClasses(shaper({ wan: { up: { ...root, leaves } } })));
}

/** How many of `count` packets pass at once. */
function passes(p: Policers, leaf: number, nowNs: number, lengthBytes: number, count: number): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (p.ask(leaf, lengthBytes, true, false, nowNs) === POLICE_PASS) passed++;
  return passed;
}

test('a class without a policer, nor one above, passes everything', () => {
  const p = policers([{ name: 'a' }, { name: 'b', police: POLICE }]);
  expect(passes(p, 1, 0, 65_535, 100)).toBe(100);
  expect(passes(p, 2, 0, 1000, 100)).toBe(3);
});

test('burst at once, then the rate', () => {
  const p = policers([{ name: 'a', police: POLICE }]);
  expect(passes(p, 1, 0, 1000, 10)).toBe(3);
  expect(passes(p, 1, SECOND - 1, 1000, 10)).toBe(0);
  expect(passes(p, 1, SECOND, 1000, 10)).toBe(1);
  expect(passes(p, 1, 100 * SECOND, 1000, 10)).toBe(3);
});

test('a packet larger than the burst never passes and takes nothing', () => {
  const p = policers([{ name: 'a', police: POLICE }]);
  expect(passes(p, 1, 100 * SECOND, 3001, 5)).toBe(0);
  expect(passes(p, 1, 100 * SECOND, 3000, 5)).toBe(1);
});

test('the policer above is shared by its leaves', () => {
  const p = policers([{ name: 'a' }, { name: 'b' }], POLICE);
  expect(passes(p, 1, 0, 1000, 2)).toBe(2);
  expect(passes(p, 2, 0, 1000, 5)).toBe(1);
});

test('all are charged or none: what one refuses costs the others nothing', () => {
  const strict = { rateBytesPerSec: 1000, burstBytes: 1000 };
  const inner = policers([{ name: 'a', police: strict }, { name: 'b' }], POLICE);
  expect(passes(inner, 1, 0, 1000, 10)).toBe(1);
  expect(passes(inner, 2, 0, 1000, 10)).toBe(2);
  const outer = policers([{ name: 'a', police: { ...POLICE, rateBytesPerSec: 1 } }, { name: 'b' }], strict);
  expect(passes(outer, 2, 0, 1000, 10)).toBe(1);
  // The root has nothing left, so three packets of a are refused; a keeps its whole burst for the next three
  // seconds.
  expect(passes(outer, 1, 0, 1000, 3)).toBe(0);
  for (const second of [1, 2, 3]) expect(passes(outer, 1, second * SECOND, 1000, 3)).toBe(1);
  expect(passes(outer, 1, 4 * SECOND, 1000, 3)).toBe(0);
});

test('a packet that may not be dropped passes and is charged, down to a debt of one burst', () => {
  const p = policers([{ name: 'a', police: POLICE }]);
  for (let i = 0; i < 1000; i++) expect(p.ask(1, 1000, false, false, 0)).toBe(POLICE_PASS);
  // From -3000 B it takes four seconds until 1000 B are there.
  expect(passes(p, 1, 4 * SECOND - 1, 1000, 1)).toBe(0);
  expect(passes(p, 1, 4 * SECOND, 1000, 5)).toBe(1);
});

test('a packet marked instead of dropped still counts for the policers above, and is dropped by one that drops', () => {
  const leaves = [{ name: 'default', police: { rateBytesPerSec: 1, burstBytes: 1000 } }];
  const { links, ...rest } = shaper({ wan: { up: { rate: 1e9, burst: 1e9, police: POLICE, leaves } } });
  const up = links[0].up!;
  const [leaf] = up.children;
  const marking = { ...up, children: [{ ...leaf, police: { ...leaf.police!, exceed: 'mark' as const } }] };
  const p = new Policers(listClasses({ ...rest, links: [{ ...links[0], up: marking }] }));
  const decisions = Array.from({ length: 5 }, () => p.ask(1, 1000, true, true, 0));
  expect(decisions).toEqual([POLICE_PASS, POLICE_MARK, POLICE_MARK, POLICE_DROP, POLICE_DROP]);
  // What the leaf marks takes no tokens from it, what it cannot mark is dropped.
  expect([true, false].map((mayMark) => p.ask(1, 1000, true, mayMark, SECOND))).toEqual([
    POLICE_MARK,
    POLICE_DROP,
  ]);
});
