/** One test for each vector: run, or skipped with a reason. */
import { describe, test } from 'vitest';
import type { Vector } from './load.ts';
import { planFor } from './plan.ts';
import { QUALITATIVE_RUNNERS } from './qualitative.ts';

const EXPERIMENTS = new Set(QUALITATIVE_RUNNERS.map(([alg]) => alg));

/** Whether the vector is an experiment over simulated minutes, which takes seconds. */
export const isExperiment = (vector: Vector): boolean => EXPERIMENTS.has(vector.alg);

export function testVectors(vectors: readonly Vector[]): void {
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
        });
      }
    });
  }
}
