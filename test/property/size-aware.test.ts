/** The invariants of src/algo/queues/size-aware.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BAND_LONG,
  BAND_SHORT,
  createSizeAwareQueues,
  type SizeAwareParameters,
  type SizeAwareQueues,
  sizeAwareBand,
  sizeAwareSent,
  sizeAwareTurn,
} from '../../src/algo/queues/size-aware.ts';
import { runs } from '../effort.ts';
import { bandByPackets } from '../reference/size-aware-packets.ts';

const SEED = Number(process.env.SEED ?? 83);
const MTU = 1500;
const parameters = (longShare: number) => ({ thresholdPackets: 6, thresholdBytes: 6000, longShare });
/** Turn and account of one packet. */
function sizeAwarePick(
  q: SizeAwareQueues,
  i: number,
  p: SizeAwareParameters,
  shortBytes: number,
  longBytes: number,
): number {
  const band = sizeAwareTurn(q, i, shortBytes, longBytes);
  sizeAwareSent(q, i, p, band, band === BAND_SHORT ? shortBytes : longBytes, longBytes > 0);
  return band;
}

const sizes = fc.array(fc.tuple(fc.integer({ min: 40, max: MTU }), fc.integer({ min: 40, max: MTU })), {
  minLength: 50,
  maxLength: 300,
  size: 'max',
});

test('the worked example of the header: three short, one long', () => {
  const q = createSizeAwareQueues(1);
  const picks = Array.from({ length: 8 }, () => sizeAwarePick(q, 0, parameters(0.25), MTU, MTU));
  expect(picks.join('')).toBe('00010001');
});

test('invariant 1: while both wait the long band has its share, less one packet of each', () => {
  fc.assert(
    fc.property(sizes, fc.double({ min: 0.01, max: 0.9, noNaN: true }), (heads, share) => {
      const q = createSizeAwareQueues(2);
      const sent = [0, 0];
      // The heads stay until they are sent.
      const at = [0, 0];
      for (let n = 0; n < heads.length; n++) {
        const [short] = heads[at[BAND_SHORT] as number] as [number, number];
        const [, long] = heads[at[BAND_LONG] as number] as [number, number];
        const band = sizeAwarePick(q, 1, parameters(share), short, long);
        sent[band] += band === BAND_SHORT ? short : long;
        at[band]++;
        const due = ((sent[BAND_SHORT] as number) * share) / (1 - share);
        const lag = MTU + (MTU * share) / (1 - share);
        expect(sent[BAND_LONG]).toBeGreaterThanOrEqual(due - lag - 1e-6);
      }
      expect(q.owedBytes[0]).toBe(0);
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('invariant 2: strict means strict, and an empty band is no obstacle', () => {
  const q = createSizeAwareQueues(1);
  for (let n = 0; n < 100; n++) expect(sizeAwarePick(q, 0, parameters(0), MTU, 40)).toBe(BAND_SHORT);
  expect(sizeAwarePick(q, 0, parameters(0), 0, 40)).toBe(BAND_LONG);
  expect(sizeAwarePick(q, 0, parameters(0), 40, 0)).toBe(BAND_SHORT);
});

test('the long band cannot save up for later while it is empty', () => {
  const q = createSizeAwareQueues(1);
  sizeAwarePick(q, 0, parameters(0.5), MTU, MTU);
  sizeAwarePick(q, 0, parameters(0.5), MTU, 0);
  expect(sizeAwarePick(q, 0, parameters(0.5), MTU, MTU)).toBe(BAND_SHORT);
});

const packets = fc.array(fc.integer({ min: 40, max: MTU }), { minLength: 10, maxLength: 30 });

test('invariant 3: short up to the threshold, then long', () => {
  fc.assert(
    fc.property(packets, (lengths) => {
      let bytes = 0;
      for (const length of lengths) {
        expect(sizeAwareBand(6000, bytes)).toBe(bytes < 6000 ? BAND_SHORT : BAND_LONG);
        bytes += length;
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('by packets: short up to the threshold in packets or bytes, then long, but for the last', () => {
  fc.assert(
    fc.property(packets, (lengths) => {
      let bytes = 0;
      const bands = lengths.map((length, n) => {
        const band = bandByPackets(parameters(0), n, bytes, false);
        expect(bandByPackets(parameters(0), n, bytes, true)).toBe(BAND_SHORT);
        expect(band).toBe(n < 6 && bytes < 6000 ? BAND_SHORT : BAND_LONG);
        bytes += length;
        return band;
      });
      expect(bands.join('')).toMatch(/^0+1+$/);
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});
