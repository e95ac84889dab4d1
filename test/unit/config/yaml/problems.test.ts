/** Problems of a file: places from 1, file order, each told once. */
import { expect, it } from 'vitest';
import { LineCounter } from 'yaml';
import { ConfigError, formatProblem, Problems } from '../../../../src/config/yaml/problems.ts';

/** Lines of ten characters. */
function problemsOfLines(): Problems {
  const lines = new LineCounter();
  for (const start of [0, 10, 20]) lines.addNewLine(start);
  return new Problems('f.yaml', lines);
}

it('errors and warnings are apart, each in file order with line and column', () => {
  const problems = problemsOfLines();
  problems.error(25, 'third line');
  problems.error(12, 'second line');
  problems.warn(0, 'a warning');
  expect(problems.errors.map(formatProblem)).toEqual(['f.yaml:2:3: second line', 'f.yaml:3:6: third line']);
  expect(problems.warnings.map(formatProblem)).toEqual(['f.yaml:1:1: a warning']);
});

it('the same message at the same place is told once', () => {
  const problems = problemsOfLines();
  for (const offset of [3, 3, 4]) problems.error(offset, 'wrong');
  problems.error(3, 'also wrong');
  expect(problems.errors).toHaveLength(3);
});

it('the error of a file is all its problems, a line each', () => {
  const problems = problemsOfLines();
  problems.error(0, 'one');
  problems.error(10, 'two');
  expect(new ConfigError(problems.errors).message).toBe('f.yaml:1:1: one\nf.yaml:2:1: two');
});
