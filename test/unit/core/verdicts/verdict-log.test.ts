/** Rows of classes in the log of verdicts, through changes of classes. */
import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { Prng } from '../../../../src/base/prng.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { VerdictLog } from '../../../../src/core/verdicts/verdict-log.ts';
import { VERDICT_LOG_ROWS } from '../../../../src/limits.ts';

function setUp() {
  const held = new HeldTable(300);
  const log = new VerdictLog(held);
  const h = held.take();
  const accept = (leaf: number, leafBefore: number, lender = NONE): number => {
    held.leaf[h] = leaf;
    held.leafBefore[h] = leafBefore;
    held.setLender(h, lender);
    return log.accept(h);
  };
  return { log, accept };
}

test('verdicts of before a change have the rows of now, later ones their own', () => {
  const { log, accept } = setUp();
  const before = accept(2, 1, 2);
  log.renumber([0, NONE, 1]);
  const after = accept(2, NONE, 2);
  expect([log.leaf(before), log.leafBefore(before), log.lender(before)]).toEqual([1, NONE, 1]);
  expect([log.leaf(after), log.leafBefore(after), log.lender(after)]).toEqual([2, NONE, 2]);
  log.renumber([NONE, 5, 6]);
  expect([log.leaf(before), log.lender(after)]).toEqual([5, 6]);
});

test('however many changes there were, as a twin says that changes every verdict at once', () => {
  const { log, accept } = setUp();
  const prng = new Prng(7);
  const CLASSES = 4;
  const twin: { tag: number; leaf: number; leafBefore: number }[] = [];
  const pick = (): number => Math.floor(prng.nextUnit() * (CLASSES + 1)) - 1;
  for (let change = 0; change < 300; change++) {
    for (let n = pick(); n > 0; n--) {
      const [leaf, leafBefore] = [pick(), pick()];
      twin.push({ tag: accept(leaf, leafBefore), leaf, leafBefore });
    }
    // Mostly the same rows: otherwise all would be gone soon.
    const heir = Array.from({ length: CLASSES }, (_, c) => (prng.nextUnit() < 0.05 ? pick() : c));
    log.renumber(heir);
    const rowNow = (row: number): number => (row === NONE ? NONE : heir[row]);
    for (const one of twin) {
      one.leaf = rowNow(one.leaf);
      one.leafBefore = rowNow(one.leafBefore);
    }
    const rows = twin.map(({ tag }) => [log.leaf(tag), log.leafBefore(tag)]);
    if (change % 20 === 0) expect(rows).toEqual(twin.map(({ leaf, leafBefore }) => [leaf, leafBefore]));
  }
  expect(new Set(twin.map(({ leaf }) => leaf)).size).toBeGreaterThan(2);
});

test('a change that is older than all verdicts is forgotten', () => {
  const { log, accept } = setUp();
  accept(1, NONE);
  log.renumber([0, NONE]);
  for (let n = 0; n <= VERDICT_LOG_ROWS; n++) accept(1, NONE);
  log.forgetOld();
  // Tags begin again after 2^31 verdicts; a change that was kept would then count for new ones.
  const { renumberings } = log as unknown as { renumberings: unknown[] };
  expect(renumberings).toEqual([]);
});
