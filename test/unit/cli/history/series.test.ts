import { expect, it } from 'vitest';
import { historyCsv } from '../../../../src/cli/history/csv.ts';
import { bitsPerSecond, seriesOf, slidingSums, totalsOf } from '../../../../src/cli/history/series.ts';

const report = {
  ...{ host: '10.0.0.5', name: '', stepSeconds: 300 },
  points: [
    { at: '2026-11-29T10:00:00.000Z', upBytes: 0, downBytes: 37_500_000 },
    { at: '2026-11-29T10:05:00.000Z', upBytes: null, downBytes: null },
    { at: '2026-11-29T10:10:00.000Z', upBytes: 3000, downBytes: 12_500_000 },
  ],
};

it('what is not known is neither nothing nor part of a mean', () => {
  const series = seriesOf(report);
  expect(series.toMs - series.fromMs).toBe(900_000);
  expect([...bitsPerSecond(series.downBytes, series.stepMs)]).toEqual([1e6, Number.NaN, 1e6 / 3]);
  const { bytes, meanBitsPerSecond, maxBitsPerSecond, unknownShare } = totalsOf(series.downBytes, 300_000);
  expect({ bytes, maxBitsPerSecond }).toEqual({ bytes: 50_000_000, maxBitsPerSecond: 1e6 });
  expect(meanBitsPerSecond).toBeCloseTo(1e6 * (2 / 3), 3);
  expect(unknownShare).toBeCloseTo(1 / 3, 9);
  expect(totalsOf(new Float64Array(0), 1)).toMatchObject({ meanBitsPerSecond: 0, unknownShare: 1 });
});

it('a sum over a window is that of its last steps', () => {
  const values = Float64Array.of(1, 2, Number.NaN, 4, 8);
  expect([...slidingSums(values, 2)]).toEqual([1, 3, 2, 4, 12]);
  expect([...slidingSums(values, 99)]).toEqual([1, 3, 3, 7, 15]);
});

it('comma-separated values: an empty field is not known', () => {
  expect(historyCsv(report)).toBe(
    [
      'at,upBytes,downBytes',
      '2026-11-29T10:00:00.000Z,0,37500000',
      '2026-11-29T10:05:00.000Z,,',
      '2026-11-29T10:10:00.000Z,3000,12500000',
      '',
    ].join('\r\n'),
  );
});
