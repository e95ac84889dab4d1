import { expect, it } from 'vitest';
import { letterOf, sentenceOf, withWords, wordsOf } from '../../../../../src/control/hosts/actions/facts.ts';
import { VIOLATION } from './violation.ts';

it('fills in the words between braces, and leaves others alone', () => {
  const words = wordsOf(VIOLATION);
  const all = '{host} {name} {quota} {state} {over} {direction} {used} {limit} {ends}';
  expect(withWords(all, words)).toBe(
    '00:50:8d:68:50:75 flat-12 fair-use exceeded 4h down 10000001500 10000000000 2026-11-29T18:00:00.000Z',
  );
  expect(withWords('{nmae} {} ${name}', words)).toBe('{nmae} {} $flat-12');
});

it('a value with braces is not filled in again', () => {
  expect(withWords('{name}', wordsOf({ ...VIOLATION, name: '{quota}' }))).toBe('{quota}');
});

it('a name is never an option, nor a command of a terminal', () => {
  const nameOf = (name: string): string | undefined => wordsOf({ ...VIOLATION, name }).name;
  expect(nameOf('--rm')).toBe('rm');
  expect(nameOf('a\nb\x1b[2J')).toBe('a\\x0ab\\x1b[2J');
  expect(nameOf('---')).toBe('00:50:8d:68:50:75');
  expect(nameOf('')).toBe('00:50:8d:68:50:75');
});

it('a letter says who, what and until when', () => {
  const { subject, text } = letterOf(VIOLATION);
  expect(subject).toBe('Quota fair-use: flat-12 is over its limit');
  expect(text).toBe(
    [
      'flat-12 received 10.0 GB in the last 4h; the limit is 10.0 GB.',
      '',
      'Quota      fair-use',
      'Host       00:50:8d:68:50:75',
      'Addresses  10.0.0.12, fd00::12',
      'Ends       2026-11-29T18:00:00.000Z, if it sends and receives nothing more',
      '',
    ].join('\n'),
  );
  expect(letterOf({ ...VIOLATION, endsAt: null }).text).toContain('Ends       when it has used less\n');
  expect(sentenceOf({ ...VIOLATION, direction: 'total' })).toContain('sent and received 10.0 GB');
});
