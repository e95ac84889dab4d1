import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../../../src/base/errors.ts';
import { loadConfig } from '../../../../src/config/config.ts';
import { explainKey } from '../../../../src/config/fields/explain.ts';
import { SECTIONS } from '../../../../src/config/fields/sections.ts';

const keysOf = (asked: string) => explainKey(asked).map(({ key, of }) => `${key} of ${of}`);

it('finds dotted keys and short names, of whatever has them', () => {
  expect(keysOf('queue.aqm.red.max')).toEqual(['queue.aqm.red.max of a class']);
  expect(keysOf('red.max')).toEqual(['queue.aqm.red.max of a class']);
  expect(keysOf('ceil')).toEqual(['ceil of a class', 'ceil of a direction']);
  expect(keysOf('each.rate')).toEqual(['each.rate of a class or direction']);
  expect(keysOf('nfqueue.first')).toEqual(['nfqueue.first of the file']);
  expect(keysOf('max')).toEqual([
    'queue.aqm.red.max of a class',
    'queue.aqm.wred.profiles.max of a class',
    'queue.aqm.wred.max of a class',
  ]);
});

it('says what a key means, takes, defaults to, and how it changes', () => {
  expect(explainKey('weight')[0]).toEqual({
    key: 'weight',
    of: 'a class',
    help: SECTIONS.class.weight.help,
    takes: '0.1 to 1000',
    default: '1',
    change: 'live',
    example: 'weight: 2',
  });
  const examples = ['tcp', 'tcp.pace'].map((key) => explainKey(key)[0]?.example);
  expect(examples).toEqual(['tcp: { pace: true }', 'tcp: { pace: true }']);
  expect(explainKey('socket')[0]).toMatchObject({ change: 'restart' });
  expect(explainKey('overhead')[0]).toMatchObject({ change: 'reload' });
});

it.each([
  ['cel', "unknown key 'cel'", 'the nearest is ceil'],
  ['queue.aqm.red.maxx', "unknown key 'queue.aqm.red.maxx'", 'the nearest is queue.aqm.red.max'],
  ['bandwidth', 'bandwidth is no key', /in link: each direction has a rate.*; in class: write rate for/],
])('%s is unknown', (asked, message, hint) => {
  let error: unknown;
  try {
    explainKey(asked);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(OperatingError);
  expect(error).toMatchObject({ exitCode: 2, message });
  expect((error as OperatingError).hint).toMatch(hint);
});

/** Every key of the table, as explain knows it. */
const all = [...new Set(Object.values(SECTIONS).flatMap((section) => Object.keys(section)))].flatMap(
  (name) => {
    try {
      return explainKey(name);
    } catch {
      return [];
    }
  },
);

/** What a value needs beside it. */
const BESIDE: Readonly<Record<string, string>> = {
  police: 'rate: 1mbit',
  meter: 'type: srtcm, cir: 1mbit',
  each: 'by: host, rate: 1mbit',
  windows: 'over: 4h, total: 9GB',
  modules: 'use: ./mine.ts',
};

describe('every example can be read', () => {
  it('there are examples', () => expect(all.length).toBeGreaterThan(100));

  it.each(all.map((one) => [`${one.key} of ${one.of}`, one] as const))('%s', (_, { key, of, example }) => {
    const [first = ''] = key.split('.');
    const others = key.split('.').length === 2 ? BESIDE[first] : undefined;
    const name = key.slice(key.lastIndexOf('.') + 1);
    const pairs = (others ?? '').split(', ').filter((pair) => pair !== '' && !pair.startsWith(`${name}:`));
    let text = pairs.length > 0 ? example.replace('{ ', `{ ${pairs.join(', ')}, `) : example;
    if (key === 'meter.pir' || key === 'meter.pbs') text = text.replace('srtcm', 'trtcm, pir: 2mbit');
    if (key === 'meter.pir') text = text.replace('pir: 2mbit, ', '');
    if (key.startsWith('remark.')) text = `meter: { type: srtcm, cir: 1mbit }, ${text}`;
    if (key === 'meter.type') text = text.replace('type: rfc4115', 'eir: 1mbit, type: rfc4115');
    if (key === 'meter.eir') text = text.replace('srtcm', 'rfc4115');
    if (name === 'short') text = text.replace('{ ', '{ discipline: short-first, ');
    if (key === 'schedule.when') text = text.replace(' }', ', set: { weight: 2 } }');
    if (key === 'schedule.set')
      text = text.replace('{ ', '{ when: sat, ').replace('ceil: 5mbit', 'burst: 9kB');
    if (name === 'cert') text = text.replace('{ cert', '{ key: /k, cert');
    if (name === 'key') text = text.replace('{ key', '{ cert: /c, key');
    if (key.startsWith('then.mail.') && name !== 'to') text = text.replace('mail: { ', 'mail: { to: a@b, ');
    if (key.includes('profiles.')) text = withProfile(text, name);
    expect(() => loadConfig(fileWith(of, text, name), 'example.yaml')).not.toThrow();
  });
});

function withProfile(text: string, name: string): string {
  const others = ['min: 20kB'].filter((pair) => !pair.startsWith(`${name}:`));
  const profile = text.replace('profiles: { ', `profiles: { ${[...others, ''].join(', ')}`);
  return name === 'color' ? `meter: { type: srtcm, cir: 1mbit }, ${profile}` : profile;
}

function fileWith(of: string, text: string, name: string): string {
  const link = (more: string): string => `links: { l: { ${more} } }`;
  const direction = (more: string): string => link(`device: d, up: { rate: 50mbit, ${more} }`);
  if (of.startsWith('a class')) return direction(`classes: { c: { ${text} } }`);
  if (of === 'a direction') {
    if (name === 'rate') return link(`device: d, up: { ${text} }`);
    return direction(name === 'ceil' ? 'ceil: 50mbit' : text);
  }
  if (of === 'a link') {
    const others = [
      ...(name === 'device' ? [] : ['device: d']),
      ...(/^(up|down|both)$/.test(name) ? [] : ['up: 9mbit']),
    ];
    return link([...others, text].join(', '));
  }
  if (of === 'a quota') {
    const others = ['windows: { over: 1h, up: 9GB }', 'then: { throttle: 1mbit }'].filter(
      (pair) => !text.startsWith(pair.slice(0, 6)),
    );
    return `${link('device: d, up: 9mbit')}\nquotas: { q: { ${[...others, text].join(', ')} } }`;
  }
  return name === 'links' ? text : `${link('device: d, up: 9mbit')}\n${text}`;
}
