/** Words that are no keys: the advice is right, and is given at the word. */
import { describe, expect, it } from 'vitest';
import type { Section } from '../../../../src/config/fields/kinds.ts';
import { SECTIONS } from '../../../../src/config/fields/sections.ts';
import { problemsOf } from '../helpers.ts';

type Name = keyof typeof SECTIONS;
const WORDS = Object.entries(SECTIONS).flatMap(([name, section]) =>
  Object.entries(section as Section).flatMap(([word, field]): [Name, string, string][] =>
    field.shape === 'refused' ? [[name as Name, word, field.message]] : [],
  ),
);
const usable = (name: Name): string[] =>
  Object.entries(SECTIONS[name] as Section).flatMap(([key, field]) =>
    field.shape === 'refused' ? [] : [key],
  );

/** A file with `body` in the section of this name. */
function fileWith(name: Name, body: string): string {
  const inClass = (text: string): string =>
    `links: { w: { device: e, up: { rate: 9mbit, classes: { c: {${text}} } } } }`;
  const inFile = (text: string): string => `{ links: { w: { device: e, up: 9mbit } }, ${text} }`;
  const inQuota = (text: string): string => inFile(`quotas: { q: { ${text} } }`);
  const files: Partial<Record<Name, string>> = {
    top: `{ links: { w: { device: e, up: 9mbit } }, ${body} }`,
    link: `links: { w: { device: e, up: 9mbit, ${body} } }`,
    direction: `links: { w: { device: e, up: { rate: 9mbit, ${body} } } }`,
    class: inClass(body),
    match: inClass(`match: { proto: tcp, ${body} }`),
    police: inClass(`police: { rate: 1mbit, ${body} }`),
    each: inClass(`each: { by: host, rate: 1mbit, ${body} }`),
    queue: inClass(`queue: { limit: 90kB, ${body} }`),
    hosts: inFile(`hosts: { ${body} }`),
    history: inFile(`history: { ${body} }`),
    quota: inQuota(`windows: { over: 1h, up: 9GB }, ${body}`),
    quotaHosts: inQuota(`windows: { over: 1h, up: 9GB }, hosts: { src: 10.0.0.1, ${body} }`),
    window: inQuota(`windows: { over: 1h, total: 9GB, ${body} }`),
    action: inQuota(`windows: { over: 1h, up: 9GB }, then: { block: true, ${body} }`),
    module: inFile(`modules: { use: delay, ${body} }`),
    local: `{ links: { w: { device: e, up: 9mbit } }, local: { exempt: {}, ${body} } }`,
    nfqueue: `{ links: { w: { device: e, up: 9mbit } }, nfqueue: { ${body} } }`,
    control: `{ links: { w: { device: e, up: 9mbit } }, control: { ${body} } }`,
    log: `{ links: { w: { device: e, up: 9mbit } }, log: { ${body} } }`,
  };
  return files[name]!;
}

describe('a word that is no key', () => {
  it.each(WORDS)('%s: %s', (name, word, message) => {
    const text = fileWith(name, `${word}: 5`);
    const at = text.lastIndexOf(`${word}: 5`) + 1;
    expect(problemsOf(text)).toEqual([`1:${at} ${word}: ${message}`]);
  });

  it('is told the name of a key that there is', () => {
    const renamed = WORDS.filter(([, , message]) => message.startsWith('this key is called '));
    expect(renamed.length).toBeGreaterThan(40);
    for (const [name, , message] of renamed) expect(usable(name)).toContain(message.split(' ').at(-1));
    const placed = WORDS.filter(([, , message]) => /^it belongs in \w+$/.test(message));
    expect(placed.length).toBeGreaterThan(15);
    const sections = Object.keys(SECTIONS).flatMap((name) => [name, ...usable(name as Name)]);
    for (const [, , message] of placed)
      expect(sections.map((key) => key)).toContain(message.slice('it belongs in '.length));
  });
});

const ofMatcher = (word: string): string =>
  problemsOf(fileWith('match', `${word}: 5`))[0]!.replace(/^\d+:\d+ /, '');

describe('what a matcher cannot see', () => {
  it.each([
    [
      'pid',
      'pid: write exe: /usr/bin/rsync for a program; for a single process use: shaper attach pid:N CLASS',
    ],
    ['uid', 'uid: this key is called user'],
    [
      'unit',
      'unit: write its control group, cgroup: /system.slice/NAME.service, or: shaper attach unit:NAME CLASS',
    ],
    ['saddr', 'saddr: this key is called src'],
    ['fwmark', 'fwmark: this key is called mark'],
    ['tos', 'tos: this key is called dscp'],
    ['ip', 'ip: write src, dst, or host for either of them'],
  ])('%s', (word, message) => {
    expect(ofMatcher(word)).toBe(message);
  });

  it('a word that is far from every key is not taken for a short one', () => {
    expect(ofMatcher('zid')).not.toContain('did you mean');
    expect(ofMatcher('protocl')).toContain("did you mean 'proto'?");
  });
});

it.each([
  ['priorty', "unknown key 'priorty' in class c; did you mean 'priority'?"],
  ['prio', "unknown key 'prio' in class c; did you mean 'priority'?"],
  ['ceiling', "unknown key 'ceiling' in class c; did you mean 'ceil'?"],
  ['bandwidth', 'bandwidth: write rate for what is guaranteed, ceil for the most'],
  ['limit', 'limit: write ceil for the most rate, queue: { limit: … } for how much may wait'],
  ['min', 'min: this key is called rate'],
  ['max', 'max: this key is called ceil'],
])('in a class: %s', (word, message) => {
  expect(problemsOf(fileWith('class', `${word}: 5`))[0]).toContain(message);
});
