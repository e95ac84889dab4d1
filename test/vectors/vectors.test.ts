import { describe, expect, test } from 'vitest';
import { loadVectors, vectorsFolder } from './load.ts';
import { planFor } from './plan.ts';

const vectors = loadVectors(vectorsFolder);

test('the folder has vectors', () => {
  expect(vectors.length, vectorsFolder).toBeGreaterThan(0);
});

for (const file of new Set(vectors.map((vector) => vector.file))) {
  describe(file, () => {
    for (const vector of vectors.filter((v) => v.file === file)) {
      test(vector.id, (ctx) => {
        const plan = planFor(vector);
        if ('skip' in plan) ctx.skip(plan.skip);
        else {
          const untried = plan.run();
          if (untried) ctx.skip(untried);
        }
      }, 120_000);
    }
  });
}
