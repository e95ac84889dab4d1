import { describe, expect, it } from 'vitest';
import type { QuotaSpec } from '../../../../src/spec/hosts.ts';
import { load, problemsOf, warningsOf } from '../helpers.ts';

const LINKS = 'links: { w: { device: e, up: 9mbit, down: 90mbit } }\n';
const WINDOWS = 'windows: { over: 4h, up: 5GB }';
const HOSTS = 'hosts: { names: { nas: 10.0.0.5, flat-12: 00:50:8d:68:50:75 } }\n';
const HOUR = 3600e9;
const NONE = Number.POSITIVE_INFINITY;

const fileWith = (fields: string, hosts = HOSTS, links = LINKS): string =>
  `${links}${hosts}quotas: { q: { ${fields} } }`;
const quota = (fields: string): QuotaSpec => load(fileWith(fields)).spec.quotas[0]!;
const withoutPlace = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/^\d+:\d+ /, ''));
const problems = (fields: string, hosts?: string, links?: string): string[] =>
  withoutPlace(problemsOf(fileWith(fields, hosts, links)));
const warnings = (fields: string, links = LINKS): string[] =>
  withoutPlace(warningsOf(fileWith(fields, HOSTS, links)));

describe('a quota', () => {
  it('without more than a window counts every inside host, and does nothing', () => {
    expect(load(fileWith(WINDOWS)).spec.quotas).toEqual([
      {
        name: 'q',
        hosts: { names: null, match: null },
        windows: [{ overNs: 4 * HOUR, upBytes: 5e9, downBytes: NONE, totalBytes: NONE }],
        warnShare: null,
        slopeShare: null,
        releaseShare: 1,
        throttle: null,
        isBlocking: false,
        page: null,
        outside: [],
        modules: [],
      },
    ]);
  });

  it('the shortest window comes first; sizes are decimal or binary', () => {
    const { windows } = quota(
      'windows: [{ over: 30d, total: 1.5TB }, { over: 1s, down: 64KiB }, { over: 365d, up: 2TiB, down: 1000TB }]',
    );
    expect(windows).toEqual([
      { overNs: 1e9, upBytes: NONE, downBytes: 65_536, totalBytes: NONE },
      { overNs: 720 * HOUR, upBytes: NONE, downBytes: NONE, totalBytes: 1.5e12 },
      { overNs: 8760 * HOUR, upBytes: 2 * 1024 ** 4, downBytes: 1e15, totalBytes: NONE },
    ]);
  });

  it('takes shares', () => {
    expect(quota(`${WINDOWS}, warn: 80%, slope: 75%, release: 90%, then: { throttle: 1mbit }`)).toMatchObject(
      {
        warnShare: 0.8,
        slopeShare: 0.75,
        releaseShare: 0.9,
      },
    );
  });

  it.each([
    ['warn: 80%', ['quota q has no windows: { over: 4h, up: 5GB, down: 10GB }']],
    ['windows: []', ['the list is empty']],
    ['windows: { up: 5GB }', ['windows: a window needs over: how long it is']],
    ['windows: { over: 4h }', ['windows: a window needs a limit: up, down or total']],
    ['windows: { over: 900ms, up: 5GB }', ['over: 900ms is out of range: 1s to 1y']],
    ['windows: { over: 366d, up: 5GB }', ['over: 366d is out of range: 1s to 1y']],
    ['windows: { over: 4h, up: 0B }', ['up: 0B is out of range: 1B to 1000TB']],
    ['windows: { over: 4h, up: 5Gb }', [expect.stringMatching(/^up: '5Gb' is in bits/)]],
    ['windows: { over: 4h, up: 5 }', [expect.stringMatching(/^up: '5' has no unit/)]],
    [
      'windows: [{ over: 4h, up: 5GB }, { over: 240m, down: 5GB }]',
      ['over: there is a window of 4h already; give that one all limits'],
    ],
    [`${WINDOWS}, warn: 101%`, ["warn: '101%' is not a share from 0% to 100%"]],
    [`${WINDOWS}, slope: 75%`, ['slope: the rate falls to that of throttle; write then: { throttle: RATE }']],
    [
      `${WINDOWS}, slope: 100%, then: { throttle: 1mbit }`,
      ['slope: at 100% the host is over; write a smaller share'],
    ],
    [`${WINDOWS}, module: x`, [expect.stringMatching(/^unknown key 'module' in quota q/)]],
  ])('%s', (fields, said) => expect(problems(fields)).toEqual(said));

  it('has at most eight windows, and there are at most 64 quotas', () => {
    const windows = Array.from({ length: 9 }, (_, n) => `{ over: ${n + 1}h, up: 1GB }`).join(', ');
    expect(problems(`windows: [${windows}]`)).toEqual(['windows: 9 are more than the 8 of one quota']);
    const quotas = Array.from({ length: 65 }, (_, n) => `q${n}: { ${WINDOWS} }`).join(', ');
    expect(withoutPlace(problemsOf(`${LINKS}quotas: { ${quotas} }`))).toEqual([
      '65 quotas are more than the 64 that are possible',
    ]);
  });
});

describe('hosts of a quota', () => {
  const of = (text: string) => quota(`${WINDOWS}, hosts: ${text}`).hosts;
  const prefix = (word: number, bits: number) => ({ family: 4, words: [word, 0, 0, 0], bits });

  it.each([
    ['NAS', { names: ['nas'], match: null }],
    ['[nas, flat-12, nas]', { names: ['nas', 'flat-12'], match: null }],
    ['{ src: 10.0.0.0/16 }', { names: null, match: [{ src: [prefix(0x0a000000, 16)] }] }],
    ['{ host: nas }', { names: ['nas'], match: null }],
    ['{ host: [nas, 10.0.0.1] }', { names: ['nas'], match: [{ host: [prefix(0x0a000001, 32)] }] }],
    [
      '[nas, { mac: 00:50:8d:68:50:75, src: 10.0.0.1 }]',
      { names: ['nas'], match: [{ src: [prefix(0x0a000001, 32)], mac: [{ high: 0x50, low: 0x8d685075 }] }] },
    ],
  ])('%s', (text, hosts) => expect(of(text)).toEqual(hosts));

  it.each([
    ['nax', "hosts: no host is called 'nax' in hosts.names; the nearest is 'nas'"],
    ['{ host: nax }', "hosts: no host is called 'nax' in hosts.names; the nearest is 'nas'"],
    ['10.0.0.0/16', `hosts: '10.0.0.0/16' is an address, not a name; write hosts: { src: "10.0.0.0/16" }`],
    [
      '0050.8d68.5075',
      `hosts: '0050.8d68.5075' is a MAC, not a name; write hosts: { mac: "0050.8d68.5075" }`,
    ],
    ['{}', 'hosts: an empty matcher would take every host; leave hosts out for that'],
    [
      '{ src: 10.0.0.1, dport: 80 }',
      'dport: a quota counts all packets of its hosts; choose hosts by src, host or mac',
    ],
    ['{ host: nas, mac: 00:50:8d:68:50:75 }', 'host: a name stands by itself: hosts: [nas, { … }]'],
    ['{ dest: 10.0.0.1 }', expect.stringMatching(/^unknown key 'dest' in hosts of a quota/)],
  ])('%s', (text, said) => expect(problems(`${WINDOWS}, hosts: ${text}`)).toEqual([said]));

  it('a name that only a lease can have is no mistake; without names nothing is near', () => {
    const named = `${WINDOWS}, hosts: laptop`;
    expect(problems(named, 'hosts: { leases: /x }\n')).toEqual([]);
    expect(problems(named, '')).toEqual([
      "hosts: no host is called 'laptop' in hosts.names; write hosts: { names: { NAME: MAC } }, or hosts: { leases: FILE } for those of DHCP",
    ]);
  });
});

describe('a throttle', () => {
  const unlimited = 'links: { w: { device: e, up: unlimited, down: 90mbit } }\n';

  it('is doubtful where it changes nothing', () => {
    expect(warnings(`${WINDOWS}, then: { throttle: { up: 1mbit, down: 90mbit } }`)).toEqual([
      'throttle: 90mbit is no less than the 90mbit of w/down',
    ]);
    expect(warnings(`${WINDOWS}, then: { throttle: { down: 80mbit } }`)).toEqual([]);
    expect(warnings(`${WINDOWS}, then: { throttle: 80mbit }`, unlimited)).toEqual([]);
  });

  it('beside something stricter is of use with a slope alone', () => {
    const then = (more: string): string[] => warnings(`${WINDOWS}, then: [{ throttle: 1mbit }, ${more}]`);
    expect(then('block')).toEqual([
      'throttle: block is stricter, so this rate never holds; with slope the rate falls to it before',
    ]);
    expect(then('page')).toEqual([expect.stringMatching(/^throttle: page is stricter/)]);
    expect(warnings(`${WINDOWS}, slope: 75%, then: [{ throttle: 1mbit }, block]`)).toEqual([]);
  });

  it('with a slope needs a limit of its own direction', () => {
    const then = 'slope: 75%, then: { throttle: { down: 1mbit } }';
    expect(warnings(`${WINDOWS}, ${then}`)).toEqual([
      'slope: no limit is of a direction that throttle has, so no rate falls',
    ]);
    expect(warnings(`windows: { over: 4h, total: 5GB }, ${then}`)).toEqual([]);
  });

  it('with a slope needs a rate from which to fall', () => {
    const sloped = (throttle: string): string[] =>
      problems(`${WINDOWS}, slope: 75%, then: { throttle: ${throttle} }`, '', unlimited);
    expect(sloped('1mbit')).toEqual([
      'slope: w/up is unlimited, so there is no rate from which to fall; write its rate, or throttle: { down: RATE }',
    ]);
    expect(sloped('{ down: 1mbit }')).toEqual([]);
  });

  it('goes by directions that a link shapes: of others nothing is counted', () => {
    const up = 'links: { w: { device: e, up: 9mbit } }\n';
    const said = (fields: string, link = up): string[] => warnings(fields, link);
    const message =
      'quota q goes by down, which no link shapes, so nothing of it is counted or limited; write down: unlimited in the link';
    expect(said('windows: { over: 4h, down: 1GB }')).toEqual([message]);
    expect(said('windows: { over: 4h, total: 1GB }')).toEqual([message]);
    expect(said('windows: { over: 4h, up: 1GB }, then: { throttle: { up: 1mbit, down: 1mbit } }')).toEqual([
      message,
    ]);
    expect(said('windows: { over: 4h, up: 1GB }')).toEqual([]);
    expect(
      said('windows: { over: 4h, down: 1GB }', 'links: { w: { device: e, up: 9mbit, down: unlimited } }\n'),
    ).toEqual([]);
  });
});
