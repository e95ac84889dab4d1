/** All vectors but those that simulate traffic, which are in vectors.slow.test.ts. */
import { expect, test } from 'vitest';
import { loadVectors, vectorsFolder } from './load.ts';
import { isSlow, testVectors } from './run.ts';

const vectors = loadVectors(vectorsFolder);

test('the folder has vectors', () => {
  expect(vectors.length, vectorsFolder).toBeGreaterThan(0);
});

testVectors(vectors.filter((vector) => !isSlow(vector)));
