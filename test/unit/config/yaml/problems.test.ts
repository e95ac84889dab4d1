/** Problems of a file: places from 1, file order, each told once. */
import { expect, it } from 'vitest';
import { LineCounter } from 'yaml';
import {
  ConfigError,
  formatProblem,
  formatProblems,
  Problems,
} from '../../../../src/config/yaml/problems.ts';

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

it('what the file holds is shown escaped, and cut where it is long', () => {
  const problem = {
    file: 'a\x1b.yaml',
    line: 1,
    column: 2,
    offset: 1,
    message: `key '\x1b[31m' ${'x'.repeat(10_000)}`,
  };
  const shown = formatProblem(problem);
  expect(shown).toMatch(/^a\\x1b\.yaml:1:2: key '\\x1b\[31m' x+…$/);
  expect(shown.length).toBeLessThan(700);
});

it('of very many problems the first are shown and the others counted', () => {
  const of = (count: number): string[] => {
    const one = (_: unknown, i: number) => ({
      file: 'f',
      line: i + 1,
      column: 1,
      offset: 0,
      message: 'wrong',
    });
    return formatProblems(Array.from({ length: count }, one)).split('\n');
  };
  expect(of(50)).toHaveLength(50);
  expect(of(50).at(-1)).toBe('f:50:1: wrong');
  expect(of(90_000)).toHaveLength(51);
  expect(of(90_000).at(-1)).toBe('f: and 89950 more like these');
});
