/** All vectors but the experiments, which are in experiments.slow.test.ts. */
import { expect, test } from 'vitest';
import { loadVectors, vectorsFolder } from './load.ts';
import { isExperiment, testVectors } from './run.ts';

const vectors = loadVectors(vectorsFolder);

test('the folder has vectors', () => {
  expect(vectors.length, vectorsFolder).toBeGreaterThan(0);
});

testVectors(vectors.filter((vector) => !isExperiment(vector)));
