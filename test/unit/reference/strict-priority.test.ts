import { expect, test } from 'vitest';
import { NONE } from '../../../src/base/none.ts';
import { BANDS_MAX, bestBand, withBand } from '../../reference/strict-priority.ts';

test('the worked example of the header', () => {
  expect(bestBand(0b101100)).toBe(2);
  expect(bestBand(0)).toBe(NONE);
});

test('invariant 1: bands leave in order, the last of a word included', () => {
  let waiting = 0;
  for (let band = BANDS_MAX - 1; band >= 0; band--) {
    waiting = withBand(waiting, band, true);
    expect(bestBand(waiting)).toBe(band);
  }
  for (let band = 0; band < BANDS_MAX; band++) {
    expect(bestBand(waiting)).toBe(band);
    waiting = withBand(waiting, band, false);
  }
  expect(waiting).toBe(0);
});
