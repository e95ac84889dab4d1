import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import { DEFAULT_HOSTS } from '../../../../src/spec/hosts.ts';
import { load, problemsOf, warningsOf } from '../helpers.ts';

const LINKS = 'links: { w: { device: e, up: 9mbit, down: 9mbit } }\n';
const QUOTA = 'quotas: { q: { windows: { over: 1h, up: 1GB } } }\n';
const HOUR = 3600e9;
const problems = (text: string): string[] =>
  problemsOf(LINKS + text).map((line) => line.replace(/^\d+:/, ''));
const hosts = (text: string) => load(`${LINKS}hosts: { ${text} }`).spec.hosts;
const history = (text: string) => load(LINKS + text).history;

describe('hosts', () => {
  it('no word of them, and an empty map, mean the same', () => {
    expect(load(LINKS).spec.hosts).toEqual(DEFAULT_HOSTS);
    expect(hosts('')).toEqual(DEFAULT_HOSTS);
    expect(hosts('names: {}')).toEqual(DEFAULT_HOSTS);
  });

  it('one value or a list', () => {
    expect(hosts('lan: eth1, identify: port, leases: /a, reverseDns: true')).toEqual({
      lan: ['eth1'],
      identify: 'port',
      names: [],
      leases: ['/a'],
      reverseDns: true,
    });
    expect(hosts('lan: [eth1, br-lan], leases: [/a, /b]')).toMatchObject({
      lan: ['eth1', 'br-lan'],
      leases: ['/a', '/b'],
    });
  });

  it('names are lower case, in the order of the file', () => {
    expect(hosts('names: { NAS: 10.0.0.5, flat-12: 0050.8d68.5075 }').names).toEqual([
      { name: 'nas', mac: null, address: { family: 4, words: [0x0a000005, 0, 0, 0], bits: 32 } },
      { name: 'flat-12', mac: { high: 0x50, low: 0x8d685075 }, address: null },
    ]);
  });

  it.each([
    [
      'names: { nas: 10.0.0.5, NAS: 10.0.0.6 }',
      '34 names: this is nas again; upper and lower case are the same',
    ],
    ['names: { nas: 10.0.0.5, nas: 10.0.0.6 }', '34 this key is here twice'],
    ['names: { a: 10.0.0.5, b: "::ffff:10.0.0.5" }', '35 names: 10.0.0.5 is called a already'],
    [
      'names: { a: 00-50-8d-68-50-75, b: 00:50:8D:68:50:75 }',
      '44 names: 00:50:8d:68:50:75 is called a already',
    ],
    ['names: { a: }', '19 this name has no value; it takes a MAC or an address'],
    ['names: { 10.0.0.1: 10.0.0.2 }', "19 names: '10.0.0.1' is an address, not a name"],
    ['names: { a: 10.0.0.0/8 }', "22 names: '10.0.0.0/8' is a network; a name is that of one address"],
    ['names: [a]', '17 names must be a map (key: value), not a list'],
    ['lan: [eth1, eth1]', "22 lan: 'eth1' is here twice"],
    ['leases: dnsmasq.leases', "18 leases: 'dnsmasq.leases' is not an absolute path"],
    ['identify: ip', "20 identify: 'ip' is not one of: mac, address, port"],
  ])('%s', (text, problem) => expect(problems(`hosts: { ${text} }`)).toEqual([problem]));

  it('a device that is not there is a warning', () => {
    const devices = new Map([['e', { name: 'e', kind: '', master: null, lowers: [] }]]);
    const { warnings } = loadConfig(`${LINKS}hosts: { lan: [e, eth7] }`, 'f', devices);
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^lan: .*eth7/)]);
  });
});

describe('a link whose own device is in lan', () => {
  const isolations = (lan: string, queue = '') => {
    const { spec } = load(
      `links: { w: { device: e, both: { rate: 9mbit, classes: { default: { queue: { ${queue} } } } } } }\nhosts: { lan: ${lan} }`,
    );
    const { up, down } = spec.links[0]!;
    return [up, down].map((root) => root!.children[0]!.queue!.isolation);
  };

  it('has hosts inside as the destination in up', () => {
    expect(isolations('x')).toEqual(['dual-src', 'dual-dst']);
    expect(isolations('[x, e]')).toEqual(['dual-dst', 'dual-src']);
    expect(isolations('[x, e]', 'isolation: { up: flow, down: triple }')).toEqual(['flow', 'triple']);
  });

  it('is warned of matchers that call the other side inside', () => {
    const text = (lan: string): string =>
      `links: { w: { device: e, up: { rate: 9mbit, classes: { c: { match: { inside: 10.0.0.1, outsidePort: 80 } } } } } }\nhosts: { lan: ${lan} }`;
    expect(warningsOf(text('x'))).toEqual([]);
    expect(warningsOf(text('e'))).toEqual([
      '1:78 inside: e is in hosts.lan, so the inside is the other side; this is src all the same; write src, dst, sport or dport',
      '1:101 outsidePort: e is in hosts.lan, so the inside is the other side; this is dport all the same; write src, dst, sport or dport',
    ]);
  });
});

describe('history', () => {
  const keep = [
    { stepNs: HOUR / 12, forNs: 48 * HOUR },
    { stepNs: HOUR, forNs: 1440 * HOUR },
    { stepNs: 24 * HOUR, forNs: 5 * 8760 * HOUR },
  ];
  const stored = { file: '/var/lib/shaper/shaper.db', flushNs: 10e9, keep };

  it('is stored where somebody wants it: with quotas, or where it is written', () => {
    expect(history('')).toEqual({ ...stored, file: null });
    expect(history('history: {}')).toEqual(stored);
    expect(history(QUOTA)).toEqual(stored);
    expect(history('quotas: {}')).toEqual({ ...stored, file: null });
    expect(history('history: { file: /x, flush: 1m, keep: 1s for 1h }')).toEqual({
      file: '/x',
      flushNs: 60e9,
      keep: [{ stepNs: 1e9, forNs: HOUR }],
    });
  });

  it('none: nowhere, of which quotas are warned', () => {
    expect(history('history: { file: none }').file).toBeNull();
    expect(warningsOf(`${LINKS}history: { file: none }`)).toEqual([]);
    expect(warningsOf(`${LINKS}${QUOTA}history: { file: none }`)).toEqual([
      '3:18 file: nothing is stored, so windows of quotas begin anew when the program starts',
    ]);
  });

  it.each([
    ['file: x.db', "18 file: 'x.db' is not an absolute path"],
    ['flush: 500ms', '19 flush: 500ms is out of range: 1s to 10m'],
    ['flush: 11m', '19 flush: 11m is out of range: 1s to 10m'],
    ['keep: 5m', "18 keep: '5m' does not say how long a step is kept; write 5m for 2d"],
    ['keep: [x for 2d]', "19 keep: 'x' is not a time; write a time like 100us, 15ms, 2s, 30m, 4h or 7d"],
    ['keep: 1500ms for 1h', '18 keep: 1500ms is not a step of whole seconds'],
    ['keep: 0s for 1h', '18 keep: 0ns is not a step of whole seconds'],
    ['keep: 1h for 1h', '18 keep: 1h is not longer than one step, 1h'],
    [
      'keep: 1s for 7d',
      '18 keep: 1s for 7d are more than 100000 steps; write a longer step or a shorter time',
    ],
    [
      'keep: [1h for 2d, 5m for 9d]',
      '30 keep: 5m is not longer than the step before, 1h; write the finest first',
    ],
    ['keep: [5m for 2d, 12m for 9d]', '30 keep: 12m is not a multiple of the step before, 5m'],
    ['keep: [5m for 9d, 1h for 9d]', '30 keep: 9d is not longer than the time of the finer step, 9d'],
    ['keep: []', '18 the list is empty'],
  ])('%s', (text, problem) => expect(problems(`history: { ${text} }`)).toEqual([problem]));

  it('has at most eight steps', () => {
    const steps = Array.from({ length: 9 }, (_, n) => `${2 ** n}s for ${n + 1}h`).join(', ');
    expect(problems(`history: { keep: [${steps}] }`)).toEqual([
      '18 keep: 9 steps are more than the 8 that are possible',
    ]);
  });
});
