import { afterAll, expect, it } from 'vitest';
import { namedConf, requiredConf, socketConf } from '../../../src/cli/conf-file.ts';
import { filesWith } from './helpers.ts';

const files = filesWith({ 'shaper.yaml': '' });
afterAll(() => files.remove());
const there = files.path('shaper.yaml');
const absent = files.path('absent.yaml');

it('the argument or the option, never both', () => {
  expect(namedConf('a', {})).toBe('a');
  expect(namedConf(undefined, { conf: 'b' })).toBe('b');
  expect(namedConf(undefined, { socket: '/s' })).toBeUndefined();
  expect(() => namedConf('a', { conf: 'a' })).toThrow('two configuration files');
  expect(() => namedConf('a', { socket: '/s' })).toThrow('--socket');
});

it('a file that is named is taken even if it is absent, so that the message has its name', () => {
  expect(requiredConf(absent, there)).toBe(absent);
  expect(socketConf(absent, {}, there)).toBe(absent);
});

it('without a name the default, if it is there', () => {
  expect(requiredConf(undefined, there)).toBe(there);
  expect(socketConf(undefined, {}, there)).toBe(there);
  expect(() => requiredConf(undefined, absent)).toThrow(`there is no ${absent}`);
  expect(socketConf(undefined, {}, absent)).toBeUndefined();
});

it('a socket that is named needs no file', () => {
  expect(socketConf(undefined, { socket: '/s' }, there)).toBeUndefined();
});
