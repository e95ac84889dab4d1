/** The vectors that simulate traffic, and the check that every vector of the project can fail. */
import { describe, expect, test } from 'vitest';
import { loadVectors, type Vector, vectorsFolder } from './load.ts';
import { planFor } from './plan.ts';
import { isSlow, testVectors } from './run.ts';

testVectors(loadVectors(vectorsFolder).filter(isSlow));

const own = loadVectors(import.meta.dirname);

function runOf(vector: Vector): () => string | undefined {
  const plan = planFor(vector);
  if ('skip' in plan) throw new Error(`skipped: ${plan.skip}`);
  return plan.run;
}

/** The vector with its first or its last expected value made wrong. Nulls only if it expects nothing else. */
function falsified(vector: Vector, which: 'first' | 'last'): Vector {
  const stated = Object.entries(vector.body).filter(([key]) => /^values$|^expect(?!.*_fields$)/.test(key));
  const body: Record<string, unknown> = structuredClone(Object.fromEntries(stated));
  const spoil = (node: object, areNullsMeant: boolean): boolean => {
    const entries = Object.entries(node);
    if (which === 'last') entries.reverse();
    return entries.some(([key, value]) => {
      if (typeof value === 'object' && value !== null) return spoil(value, areNullsMeant);
      if (value === null && !areNullsMeant) return false;
      (node as Record<string, unknown>)[key] =
        typeof value === 'number' ? value + 10 + Math.abs(value) : `not ${value}`;
      return true;
    });
  };
  expect(spoil(body, false) || spoil(body, true)).toBe(true);
  return { ...vector, body: { ...vector.body, ...body } };
}

/** Whether it runs and fails: a vector that is skipped for what it says has not failed. */
function fails(vector: Vector): boolean {
  const plan = planFor(vector);
  if ('skip' in plan) return false;
  try {
    plan.run();
    return false;
  } catch {
    return true;
  }
}

describe('with a wrong expectation', () => {
  const runnable = own.filter((vector) => 'run' in planFor(vector));

  test.each(runnable.map((vector) => [vector.id, vector] as const))('%s fails', (_, vector) => {
    // One of the two may be an input, or belong to a part that is reported as untried.
    const isNoticed = (['first', 'last'] as const).some((which) => fails(falsified(vector, which)));
    expect(isNoticed).toBe(true);
  });
});

test('an experiment uses the numbers of its setup, and is skipped if one is missing', () => {
  const vector = own.find(({ id }) => id === 'udp-through-red') as Vector;
  const setup = String(vector.body.setup).replace('6 Mbit/s constant', '8 Mbit/s constant');
  expect(setup).not.toBe(vector.body.setup);
  // A sixth of the line goes to UDP however much it sends.
  const values = { 'fq-codel': [10 / 6, 50 / 6, 1 - 10 / 6 / 8, 0.01] };
  expect(runOf({ ...vector, body: { ...vector.body, setup, values } })()).toBeUndefined();
  const stated = runOf({
    ...vector,
    body: { ...vector.body, setup, values: { 'fq-codel': [8, 2, 0, 0] } },
  });
  expect(stated).toThrow(/udp_Mbps/);
  const plan = planFor({ ...vector, body: { ...vector.body, setup: 'some flows' } });
  expect('skip' in plan && plan.skip).toMatch(/does not say: flows/);
});
