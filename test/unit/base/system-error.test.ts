import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isSystemError, reasonOf } from '../../../src/base/system-error.ts';

function failureOf(path: string): unknown {
  try {
    return readFileSync(path);
  } catch (error) {
    return error;
  }
}

test('an error of the operating system has the name of its errno', () => {
  expect(isSystemError(failureOf('/nonexistent'))).toBe(true);
  expect(isSystemError(new Error('x'))).toBe(false);
  expect(isSystemError({ code: 'ENOENT' })).toBe(false);
});

test('a reason is the word of the caller, else a common word, else the errno or the message', () => {
  expect(reasonOf(failureOf('/nonexistent'), { ENOENT: 'no such file' })).toBe('no such file');
  expect(reasonOf(failureOf('/nonexistent'))).toBe('ENOENT');
  expect(reasonOf(failureOf('/'))).toBe('a folder, not a file');
  expect(reasonOf(Object.assign(new Error('x'), { code: 'EROFS' }))).toBe('the file system is read-only');
  expect(reasonOf(Object.assign(new Error('x'), { code: 'EMFILE' }))).toContain('ulimit -n 1024');
  expect(reasonOf(new Error('x'))).toBe('x');
  expect(reasonOf('y')).toBe('y');
});
