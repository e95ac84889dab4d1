import { expect, test } from 'vitest';
import { ApiError } from '../../../../src/control/api-error.ts';
import { parseTcpSubject } from '../../../../src/control/tcp/subject.ts';

const PATHS = ['wan/up', 'wan/up/guests'];

test.each([
  ['wan/up/guests', 'wan/up/guests', 'class'],
  [' wan/up ', 'wan/up', 'class'],
  ['10.1.0.2', '10.1.0.2', 'ends'],
  ['tcp 10.1.0.2 40000 -> 10.2.0.2:443', 'tcp 10.1.0.2:40000 10.2.0.2:443', 'ends'],
  ['[fd00::1]:443', '[fd00::1]:443', 'ends'],
])('%s', (text, spelled, kind) => {
  expect(parseTcpSubject(text, PATHS)).toMatchObject({ text: spelled, traced: { kind } });
});

test.each([
  ['wan/up/guest', 404, 'unknown-class', 'did you mean wan/up/guests?'],
  ['lan/down', 404, 'unknown-class', 'did you mean wan/up?'],
  ['udp 10.1.0.2:1 10.2.0.2:2', 400, 'wrong-subject', ''],
  ['', 400, 'wrong-subject', 'or a class such as wan/up'],
  ['10.0.0.0/24', 400, 'wrong-subject', 'name one address'],
])('%s is refused', (text, status, code, hint) => {
  let error: unknown;
  try {
    parseTcpSubject(text, PATHS);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status, code, hint: expect.stringContaining(hint) });
});
