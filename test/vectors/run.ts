/** One test for each vector: run, or skipped with a reason. */
import { describe, test } from 'vitest';
import type { Vector } from './load.ts';
import { planFor } from './plan.ts';
import { QUALITATIVE_RUNNERS } from './qualitative.ts';

const SIMULATED = new Set(['htb', 'cake-hosts', ...QUALITATIVE_RUNNERS.map(([alg]) => alg)]);

/** Whether the vector simulates seconds or minutes of traffic. */
export const isSlow = (vector: Vector): boolean => SIMULATED.has(vector.alg);

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
