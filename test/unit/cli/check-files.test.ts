import { constants } from 'node:fs';
import { expect, it } from 'vitest';
import { fileDoubts } from '../../../src/cli/check-files.ts';
import { load } from '../config/helpers.ts';

const PAGE = '{ page: { cert: /c, key: /k, text: /t, style: /s } }';
const { spec } =
  load(`links: { w: { device: e, up: { rate: 9mbit, classes: { c: { match: { exe: [/p, /x] } } } } } }
hosts: { leases: [/a, /b] }
quotas: { q: { windows: { over: 4h, up: 5GB }, then: [${PAGE}, { exec: [/x, /y] }] } }`);

it('every file that cannot be read, and every program that cannot be run', () => {
  const asked: [string, number][] = [];
  const never = (path: string, mode: number): boolean => asked.push([path, mode]) < 0;
  expect(fileDoubts(spec, never)).toEqual([
    'hosts.leases: /a cannot be read',
    'hosts.leases: /b cannot be read',
    'quotas.q: cert: /c cannot be read',
    'quotas.q: key: /k cannot be read',
    'quotas.q: text: /t cannot be read',
    'quotas.q: style: /s cannot be read',
    'quotas.q: exec: /x is no program that can run',
    'w/up/c match.exe: /p is no program that can run',
    'w/up/c match.exe: /x is no program that can run',
  ]);
  expect(asked.at(-1)).toEqual(['/x', constants.X_OK]);
  expect(fileDoubts(spec, (path) => path !== '/k')).toEqual(['quotas.q: key: /k cannot be read']);
});

it('asks the machine', () => {
  const all = ['/a', '/b', '/c', '/k', '/t', '/s', '/x'];
  expect(all.every((path) => fileDoubts(spec).some((doubt) => doubt.includes(`: ${path} `)))).toBe(true);
  const there = load('links: { w: { device: e, up: 9mbit } }\nhosts: { leases: /proc/self/status }').spec;
  expect(fileDoubts(there)).toEqual([]);
});
