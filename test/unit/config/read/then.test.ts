import { describe, expect, it } from 'vitest';
import type { QuotaSpec } from '../../../../src/spec/hosts.ts';
import { load, problemsOf, warningsOf } from '../helpers.ts';

const fileWith = (then: string): string =>
  `links: { w: { device: e, up: 9mbit, down: 9mbit } }\nquotas: { q: { windows: { over: 4h, up: 5GB }, slope: 5%, then: ${then} } }`;
/** The slope needs a throttle, and is of no matter here. */
const read = (then: string): QuotaSpec => load(fileWith(then).replace('slope: 5%, ', '')).spec.quotas[0]!;
const problems = (then: string): string[] =>
  problemsOf(fileWith(then).replace('slope: 5%, ', '')).map((line) => line.replace(/^\d+:\d+ /, ''));

const PAGE = { allow: [], certFile: null, keyFile: null, textFile: null, styleFile: null };
const OUTSIDE = { exec: null, webhook: null, mail: null };

describe('then', () => {
  it.each([
    ['block', { isBlocking: true }],
    ['page', { page: PAGE }],
    ['[block, page]', { isBlocking: true, page: PAGE }],
    ['{ block: true, page: true }', { isBlocking: true, page: PAGE }],
    ['{ block: false, page: false }', { isBlocking: false, page: null }],
    ['{ throttle: 1mbit }', { throttle: { upBytesPerSec: 125_000, downBytesPerSec: 125_000 } }],
    [
      '[{ throttle: { up: 1mbit } }]',
      { throttle: { upBytesPerSec: 125_000, downBytesPerSec: Number.POSITIVE_INFINITY } },
    ],
    ['{ page: {} }', { page: PAGE }],
    [
      '{ page: { allow: Portal.example.org, text: /t.html, style: s.css } }',
      { page: { ...PAGE, allow: ['portal.example.org'], textFile: '/t.html', styleFile: 's.css' } },
    ],
    ['{ page: { cert: /c, key: /k } }', { page: { ...PAGE, certFile: '/c', keyFile: '/k' } }],
    [
      '[{ module: ./punish.ts }, { block: true, module: mine }]',
      { isBlocking: true, modules: ['./punish.ts', 'mine'] },
    ],
    ['{ exec: /bin/tell }', { outside: [{ ...OUTSIDE, exec: ['/bin/tell'] }] }],
    [
      '[{ exec: [/bin/tell, "{host}"], webhook: "http://[::1]:8/x" }, block, { mail: { to: a@b } }]',
      {
        isBlocking: true,
        outside: [
          { ...OUTSIDE, exec: ['/bin/tell', '{host}'], webhook: 'http://[::1]:8/x' },
          { ...OUTSIDE, mail: { to: 'a@b', from: 'shaper@localhost', server: 'smtp://localhost' } },
        ],
      },
    ],
    [
      '{ mail: { to: a@b.example, from: c@d, server: "smtps://mail.example.org:4650" } }',
      {
        outside: [
          { ...OUTSIDE, mail: { to: 'a@b.example', from: 'c@d', server: 'smtps://mail.example.org:4650' } },
        ],
      },
    ],
  ])('%s', (then, said) => expect(read(then)).toMatchObject(said));

  it('a list of addresses that the page allows', () => {
    const { page } = read('{ page: { allow: [10.0.0.1, "fd00::/64", nas] } }');
    expect(page!.allow).toMatchObject([{ family: 4, bits: 32 }, { family: 6, bits: 64 }, 'nas']);
    expect(warningsOf(fileWith('{ throttle: 1mbit, page: { allow: 10.0.0.1/8 } }'))).toEqual([
      expect.stringContaining('it is taken as 10.0.0.0/8'),
    ]);
  });

  it.each([
    ['stop', "then: 'stop' is neither block nor page, the words that stand alone"],
    ['throttle', "then: 'throttle' needs a value: { throttle: … }"],
    ['[{}]', 'then: this says nothing; it takes: map, block, page, or list'],
    ['[block, { block: true }]', 'block: a quota has it once'],
    ['[page, { page: {} }]', 'page: a quota has it once'],
    ['[{ throttle: 1mbit }, { throttle: 2mbit }]', 'throttle: a quota has it once'],
    ['{ throttle: {} }', 'throttle says no rate: { up: RATE, down: RATE }, or one for both'],
    ['{ throttle: unlimited }', expect.stringMatching(/^throttle: 'unlimited' is not a rate/)],
    ['{ throttle: 80% }', expect.stringMatching(/^throttle: '80%' is not a rate/)],
    ['{ page: yes }', "page: 'yes' is neither true nor false"],
    ['{ page: { cert: /c } }', 'cert is of use with key only'],
    ['{ page: { key: /k } }', 'key is of use with cert only'],
    ['{ exec: tell }', "exec: 'tell' is not the absolute path of a program"],
    ['{ exec: [[/bin/tell]] }', 'exec must be a single value, not a list'],
    [
      '{ exec: [/bin/tell, "{host}:{bogus}"] }',
      "exec: '{bogus}' stands for nothing; write one of {host}, {name}, {quota}, {state}, {over}, {direction}, {used}, {limit}, {ends}",
    ],
    ['{ webhook: ftp://x }', "webhook: 'ftp://x' is not a URL; write https://HOST/PATH or http://HOST/PATH"],
    ['{ webhook: "http://x y" }', expect.stringMatching(/^webhook: 'http:\/\/x y' is not a URL/)],
    ['{ mail: {} }', 'mail needs to: who gets it'],
    ['{ mail: { to: nobody } }', "to: 'nobody' is not one mail address; write NAME@HOST"],
    ['{ mail: { to: "a@b, c@d" } }', expect.stringMatching(/is not one mail address/)],
    ['{ mail: { to: "a@b\\r\\nBcc: c@d" } }', expect.stringMatching(/is not one mail address/)],
    [
      '{ mail: { to: a@b, server: mail.example.org } }',
      "server: 'mail.example.org' is not a mail server; write smtp://HOST, smtp://HOST:25 or smtps://HOST",
    ],
    [
      '{ mail: { to: a@b, server: "smtp://me:secret@mail" } }',
      'server: nobody logs in here: name a server that takes mail of this host, without a user',
    ],
    ['[{ module: a }, { module: ./b.ts }, { module: a }]', "module: 'a' is here twice"],
    ['{ modules: x }', expect.stringMatching(/^unknown key 'modules' in then/)],
    ['{ warn: 80% }', 'warn: it belongs in the quota, beside then'],
  ])('%s', (then, said) => expect(problems(then)).toEqual([said]));

  it('a URL that nobody can ask is a warning', () => {
    const text = fileWith('{ throttle: 1mbit, webhook: "https://…" }');
    expect(warningsOf(text)).toEqual([
      expect.stringContaining("webhook: nobody can be reached at 'https://…'"),
    ]);
  });
});
