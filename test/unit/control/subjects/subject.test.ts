import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../../src/control/api-error.ts';
import { parseSubject, subjectText } from '../../../../src/control/subjects/subject.ts';

const parse = (text: string) => parseSubject(text, 'body.subject');

function problemOf(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ApiError) return `${error.message} | ${error.hint}`;
    throw error;
  }
  throw new Error(`${text} is taken`);
}

describe('the text of a subject', () => {
  it.each([
    ['pid:12', { kind: 'pid', pid: 12 }],
    ['pgid:12', { kind: 'pgid', pgid: 12 }],
    ['socket:12/3', { kind: 'socket', pid: 12, fd: 3 }],
    ['user:alice', { kind: 'user', name: 'alice' }],
    ['cgroup:/a/b', { kind: 'cgroup', path: '/a/b' }],
    ['exe:/usr/bin/curl', { kind: 'exe', path: '/usr/bin/curl' }],
    ['unit:user.slice', { kind: 'unit', name: 'user.slice' }],
    ['container:web_1.a', { kind: 'container', name: 'web_1.a' }],
    ['rsync', { kind: 'program', name: 'rsync' }],
  ])('%s is read and written', (text, subject) => {
    expect(parse(text)).toEqual(subject);
    expect(subjectText(parse(text))).toBe(text);
  });

  it('has one form: a unit is a service unless it says so, a path has no slash at its end', () => {
    expect(subjectText(parse('unit:nginx'))).toBe('unit:nginx.service');
    expect(subjectText(parse('cgroup:/a//b/./'))).toBe('cgroup:/a/b');
    expect(subjectText(parse('cgroup:/'))).toBe('cgroup:/');
  });

  it.each([
    ['', 'a subject is expected'],
    ['12', 'pid:12'],
    ['/usr/bin/curl', 'exe:/usr/bin/curl'],
    ['pd:12', 'did you mean pid:12?'],
    ['quux:12', 'user:NAME'],
    ['pid:', 'the number of a process is expected'],
    ['pid:curl', 'the program curl'],
    ['pid:-1', 'the number of a process is expected'],
    ['pid:0', 'the number of a process is expected'],
    ['pid:99999999', 'the number of a process is expected'],
    ['socket:12', 'PID/FD is expected'],
    ['socket:12/x', 'PID/FD is expected'],
    ['cgroup:system.slice', 'a path from / on is expected'],
    ['cgroup:/a/../b', 'must not hold ..'],
    ['exe:curl', 'a path from / on is expected'],
    ['unit:a/b', 'has no /'],
    ['container:a b', 'the name or the id of a container is expected'],
  ])('%j is refused with what is expected', (text, words) => {
    expect(problemOf(text)).toContain(words);
  });
});
