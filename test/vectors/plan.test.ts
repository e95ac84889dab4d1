/** Tests of the vector tests: a vector is run, or skipped with a reason; it cannot pass untried. */
import { describe, expect, test } from 'vitest';
import { loadVectors, type Vector, vectorsOf } from './load.ts';
import { planFor } from './plan.ts';

const own = loadVectors(import.meta.dirname);
const named = (id: string): Vector => own.find((vector) => vector.id === id) as Vector;

function runOf(vector: Vector): () => string | undefined {
  const plan = planFor(vector);
  if ('skip' in plan) throw new Error(`skipped: ${plan.skip}`);
  return plan.run;
}

/** Algorithms of the project's own vectors that have no code. Whoever adds the code takes the name out. */
const WITHOUT_CODE = [...['window-rate-control', 'autorate', 'hfsc-curve', 'hfsc-rt']];

describe('planFor', () => {
  const runnable = own.filter((vector) => 'run' in planFor(vector));

  test('runs every vector of the project but those of algorithms that it does not have', () => {
    const skipped = own.flatMap((vector) => {
      const plan = planFor(vector);
      return 'skip' in plan ? [{ alg: vector.alg, skip: plan.skip }] : [];
    });
    expect(new Set(skipped.map(({ skip }) => skip))).toEqual(
      new Set(WITHOUT_CODE.map((alg) => `no code for ${alg} yet`)),
    );
    expect([...new Set(skipped.map(({ alg }) => alg))].sort()).toEqual([...WITHOUT_CODE].sort());
    expect(runnable.length + skipped.length).toBe(own.length);
    expect(runnable.length).toBeGreaterThan(100);
  });

  test('a row too many or too few fails', () => {
    const vector = named('police-edges');
    const expected = (vector.body.expect as unknown[]).slice(1);
    expect(runOf({ ...vector, body: { ...vector.body, expect: expected } })).toThrow(/rows/);
  });

  test('other parameters of a known algorithm run', () => {
    const body = {
      params: { rate: 1000, burst: 100 },
      events: [
        [0, 100],
        [1e6, 1],
        [1e6, 1],
      ],
    };
    const expected = {
      expect: [
        [true, 0],
        [true, 0],
        [false, 0],
      ],
      expect_fields: ['conform', 'tokens_after'],
    };
    const vector = { file: 'new.json', id: 'new', alg: 'police', body: { ...body, ...expected } };
    expect(runOf(vector)()).toBeUndefined();
  });

  test.each([
    ['an algorithm without code', { alg: 'quantum', body: {} }, /quantum/],
    [
      'a parameter not known',
      { alg: 'police', body: { params: { rate: 1, burst: 1, jitter: 2 } } },
      /jitter/,
    ],
    [
      'a field not known',
      { alg: 'police', body: { params: { rate: 1, burst: 1 }, weather: 'fair' } },
      /weather/,
    ],
    ['events of another shape', { alg: 'police', body: { params: {}, events: [{ at: 1 }] } }, /event/],
  ])('%s is skipped with the reason', (_, vector, reason) => {
    const plan = planFor({ file: 'x.json', id: 'x', ...vector });
    expect('skip' in plan && plan.skip).toMatch(reason);
  });

  test('a file of another shape is one skipped vector', () => {
    const [vector, ...more] = vectorsOf('odd.json', { data: [1, 2] });
    expect(more).toEqual([]);
    expect(planFor(vector as Vector)).toEqual({ skip: expect.stringContaining('a file of this shape') });
  });
});
