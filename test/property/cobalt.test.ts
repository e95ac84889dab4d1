/** The invariants of test/reference/cobalt.ts, and COBALT against its slow twin. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from '../effort.ts';
import { SlowCobalt } from '../oracle/cobalt.ts';
import {
  COBALT_DROP,
  COBALT_MARK,
  COBALT_PASS,
  cobaltDecide,
  cobaltFoundEmpty,
  cobaltOverflowed,
  createCobaltQueues,
} from '../reference/cobalt.ts';

const SEED = Number(process.env.SEED ?? 79);
const MS = 1e6;
const P = { targetNs: 5 * MS, intervalNs: 100 * MS, mtuNs: 1.2112 * MS, ecn: true };

const event = fc.record({
  what: fc.oneof(
    { weight: 30, arbitrary: fc.constant('packet' as const) },
    { weight: 1, arbitrary: fc.constantFrom('full' as const, 'empty' as const) },
  ),
  gapNs: fc.oneof({ weight: 30, arbitrary: fc.nat(20 * MS) }, { weight: 1, arbitrary: fc.nat(2000 * MS) }),
  sojournNs: fc.nat(9 * MS),
  bulkFlows: fc.nat(3),
  ect: fc.boolean(),
  unit: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});
/** Long runs of lateness and of the opposite. */
const events = fc.array(event, { minLength: 100, maxLength: 500, size: 'max' });

test('invariants 1 to 3: as the kernel’s code, late packets only, one step of BLUE a target', () => {
  const seen = { drops: 0, marks: 0, blue: 0 };
  fc.assert(
    fc.property(events, fc.boolean(), (list, ecn) => {
      const p = { ...P, ecn };
      const q = createCobaltQueues(2);
      const twin = new SlowCobalt(p);
      let nowNs = 0;
      let steppedNs = 0;
      list.forEach(({ what, gapNs, sojournNs, bulkFlows, ect, unit }, n) => {
        nowNs += gapNs;
        const waitedNs = sojournNs + (n % 100 < 60 ? 5 * MS : 0);
        const before = q.probability[1] as number;
        if (what === 'full') {
          cobaltOverflowed(q, 1, p, nowNs);
          twin.queueFull(nowNs);
        } else if (what === 'empty') {
          cobaltFoundEmpty(q, 1, p, nowNs);
          twin.queueEmpty(nowNs);
        } else {
          const code = cobaltDecide(q, 1, p, nowNs, waitedNs, bulkFlows, ect, unit);
          const { drop, marked } = twin.shouldDrop(nowNs, waitedNs, bulkFlows, ect, unit);
          expect(code).toBe(drop ? COBALT_DROP : marked ? COBALT_MARK : COBALT_PASS);
          if (waitedNs <= p.targetNs && unit >= before) expect(code).toBe(COBALT_PASS);
          if (drop) seen.drops++;
          if (marked) seen.marks++;
        }
        expect(q.count[1]).toBe(twin.count);
        expect(q.dropping[1] === 1).toBe(twin.dropping);
        expect(q.probability[1]).toBe(twin.pDrop);
        expect(q.probability[1]).toBeGreaterThanOrEqual(0);
        expect(q.probability[1]).toBeLessThanOrEqual(1);
        if (q.probability[1] !== before) {
          expect(nowNs - steppedNs).toBeGreaterThan(p.targetNs);
          steppedNs = nowNs;
          seen.blue++;
        }
      });
      expect([q.count[0], q.dropNextNs[0]], 'the other row').toEqual([0, 0]);
    }),
    { seed: SEED, numRuns: runs(100) },
  );
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(runs(100));
});
