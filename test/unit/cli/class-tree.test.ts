/** The summary of `shaper check`: every class, and everything that is configured or taken for granted. */
import { expect, it } from 'vitest';
import { classTree } from '../../../src/cli/class-tree.ts';
import { load } from '../config/helpers.ts';

const treeOf = (text: string): string[] => classTree(load(text).spec).trimEnd().split('\n');
/** What is said of the one class: its line, then those of its parts. */
const saidOf = (fields: string): string[] => {
  const text = `links: { w: { device: e, up: { rate: 20mbit, classes: { c: { ${fields} } } } } }`;
  const lines = treeOf(text).slice(1);
  const end = lines.findIndex((line) => line.startsWith('    default: '));
  return lines.slice(0, end).map((line) => line.slice(4));
};
const PLAIN = 'c: ceil 20mbit, priority 3, weight 1, burst 3028B';
const FAIR = '  queue: discipline fair, isolation dual-src, limit 250kB, ackFilter false';
const CODEL = '  queue.aqm.codel: target 5ms, interval 100ms, ecn true';

it('every direction and class in its place, however deep', () => {
  const inner =
    'classes: { deep: { rate: 1mbit, ceil: 50%, classes: { deeper: { rate: 1mbit, priority: 0 } } } }';
  const a = `a: { rate: 2mbit, weight: 2.5, ${inner} }`;
  const up = `{ rate: 20mbit, police: { rate: 30mbit }, remark: be, classes: { ${a} } }`;
  const link = `{ device: e, wait: true, overhead: pppoe-ptm, up: ${up}, down: 1gbit }`;
  expect(treeOf(`links: { w: ${link}, x: { device: f, down: 100mbit } }`)).toEqual([
    '  w/up on e, which may come later: rate 20mbit, burst 3028B, remark be',
    '    overhead: bytes 30, mpu 0, framing ptm',
    '    police: rate 30mbit, burst 75kB, exceed drop',
    '    a: rate 2mbit, ceil 20mbit, priority 3, weight 2.5, burst 3028B',
    '      deep: rate 1mbit, ceil 10mbit, priority 3, weight 1, burst 3028B',
    '        deeper: rate 1mbit, ceil 10mbit, priority 0, weight 1, burst 3028B',
    '          queue: discipline fair, isolation dual-src, limit 125kB, ackFilter false',
    '          queue.aqm.codel: target 5ms, interval 100ms, ecn true',
    '        default: ceil 10mbit, priority 3, weight 1, burst 3028B',
    '          queue: discipline fair, isolation dual-src, limit 125kB, ackFilter false',
    '          queue.aqm.codel: target 5ms, interval 100ms, ecn true',
    '      default: ceil 20mbit, priority 3, weight 1, burst 3028B',
    '        queue: discipline fair, isolation dual-src, limit 250kB, ackFilter false',
    '        queue.aqm.codel: target 5ms, interval 100ms, ecn true',
    '    default: ceil 20mbit, priority 3, weight 1, burst 3028B',
    '      queue: discipline fair, isolation dual-src, limit 250kB, ackFilter false',
    '      queue.aqm.codel: target 5ms, interval 100ms, ecn true',
    '  w/down on e, which may come later: rate 1gbit, burst 125kB',
    '    overhead: bytes 30, mpu 0, framing ptm',
    '    default: ceil 1gbit, priority 3, weight 1, burst 125kB',
    '      queue: discipline fair, isolation dual-dst, limit 12.5MB, ackFilter false',
    '      queue.aqm.codel: target 5ms, interval 100ms, ecn true',
    '  x/down on f: rate 100mbit, burst 12.5kB',
    '    default: ceil 100mbit, priority 3, weight 1, burst 12.5kB',
    '      queue: discipline fair, isolation dual-dst, limit 1250kB, ackFilter false',
    '      queue.aqm.codel: target 5ms, interval 100ms, ecn true',
    '  local.exempt: ports 22, share 5%',
  ]);
});

it.each([
  ['{ ports: [2222, 8000-8010], share: 12.5% }', 'ports 2222 8000-8010, share 12.5%'],
  ['{ ports: [] }', 'nothing'],
  ['{ share: 0% }', 'nothing'],
])('local: { exempt: %s }', (exempt, said) => {
  const text = `links: { w: { device: e, up: 1mbit } }\nlocal: { exempt: ${exempt} }`;
  expect(treeOf(text).at(-1)).toBe(`  local.exempt: ${said}`);
});

it('a class whose rate and ceil have bursts of their own shows both', () => {
  const text = 'links: { w: { device: e, down: { rate: 1gbit, classes: { c: { rate: 100mbit } } } } }';
  expect(treeOf(text)[1]).toBe(
    '    c: rate 100mbit, ceil 1gbit, priority 3, weight 1, burst 12.5kB for the rate and 125kB for the ceil',
  );
});

it.each([
  [
    'match: [{ proto: [icmp, tcp, 99], src: [10.0.0.0/8, "fd00::1"], host: 192.0.2.1 }, { iif: lo0, oif: [a, b] }]',
    ['match: proto icmp tcp 99, src 10.0.0.0/8 fd00::1, host 192.0.2.1', 'match: iif lo0, oif a b'],
  ],
  [
    'match: { sport: 1, dport: [2-3, 4], port: 5, dst: "2001:db8::/32", dscp: [ef, 63], mark: 0x10/0xff }',
    [
      'match: proto tcp udp udplite sctp, dst 2001:db8::/32, sport 1, dport 2-3 4, port 5, dscp ef 63, ' +
        'mark 0x10/0xff',
    ],
  ],
  ['police: { rate: 64kbit, burst: 8kB, exceed: mark }', ['police: rate 64kbit, burst 8kB, exceed mark']],
  ['meter: { type: srtcm, cir: 1mbit }', ['meter: type srtcm, cir 1mbit, cbs 15kB, ebs 30kB, aware false']],
  [
    'meter: { type: trtcm, cir: 1mbit, pir: 2mbit, aware: true }, remark: { green: af11, red: 63 }',
    ['meter: type trtcm, cir 1mbit, cbs 15kB, pir 2mbit, pbs 15kB, aware true', 'remark: green af11, red 63'],
  ],
  [
    'meter: { type: rfc4115, cir: 1mbit, eir: 3mbit }',
    ['meter: type rfc4115, cir 1mbit, cbs 15kB, eir 3mbit, ebs 15kB, aware false'],
  ],
])('{ %s }', (fields, said) => {
  expect(saidOf(fields)).toEqual([PLAIN, ...said.map((line) => `  ${line}`), FAIR, CODEL]);
});

it('a class that no packet matches says so', () => {
  expect(saidOf('match: none')).toEqual([PLAIN.replace('c: ', 'c: match none, '), FAIR, CODEL]);
});

it.each([
  ['by: host, rate: 2mbit', 'by host, rate 2mbit, burst 3028B, exceed delay, prefix6 128'],
  ['by: src, rate: 2mbit, prefix6: 56', 'by src, rate 2mbit, burst 3028B, exceed delay, prefix6 56'],
  ['by: flow, rate: 2mbit, exceed: drop', 'by flow, rate 2mbit, burst 15kB, exceed drop'],
])('each: { %s }', (fields, said) => {
  expect(saidOf(`each: { ${fields} }`)).toEqual([PLAIN, FAIR, CODEL, `  each: ${said}`]);
});

const PROFILE = 'min 31250B, max 62.5kB, probability 0.1';

it.each([
  [
    'isolation: triple, ackFilter: true, aqm: none',
    ['queue: discipline fair, isolation triple, limit 250kB, aqm none, ackFilter true'],
  ],
  [
    'discipline: fifo, limit: 200p, aqm: pie',
    [
      'queue: discipline fifo, limit 200p',
      'queue.aqm.pie: target 15ms, update 15ms, burst 150ms, alpha 0.125, beta 1.25, ecn false',
    ],
  ],
  [
    'discipline: short-first, aqm: { codel: { ecn: false } }',
    [
      'queue: discipline short-first, short 30kB, limit 250kB',
      'queue.aqm.codel: target 5ms, interval 100ms, ecn false',
    ],
  ],
  [
    'discipline: fifo, aqm: { red: { min: 30kB, max: 90kB, probability: 2%, ecn: true } }',
    [
      'queue: discipline fifo, limit 250kB',
      'queue.aqm.red: min 30kB, max 90kB, probability 0.02, weight 0.002, gentle true, adaptive false, ecn true, ' +
        'byteMode false, meanPacket 1kB',
    ],
  ],
  [
    'discipline: fifo, aqm: { red: { adaptive: true, min: 10kB } }',
    [
      'queue: discipline fifo, limit 250kB',
      'queue.aqm.red: min 10kB, max 30kB, probability 0.1, weight 0.0003999200106656001, gentle true, adaptive true, ' +
        'ecn false, byteMode false, meanPacket 1kB',
    ],
  ],
  [
    'discipline: fifo, aqm: { wred: { profiles: [{ dscp: af11, min: 10kB }, { min: 31250B }] } }',
    [
      'queue: discipline fifo, limit 250kB',
      'queue.aqm.wred: weight 0.001953125, gentle true, ecn false, meanPacket 1kB',
      'queue.aqm.wred.profiles: dscp af11, min 10kB, max 62.5kB, probability 0.1',
      `queue.aqm.wred.profiles: ${PROFILE}`,
    ],
  ],
])('queue: { %s }', (fields, said) => {
  expect(saidOf(`queue: { ${fields} }`)).toEqual([PLAIN, ...said.map((line) => `  ${line}`)]);
});

it('weighted RED shows the profiles by precedence that nobody wrote, and colours by name', () => {
  const wred = '{ profiles: [{ color: [yellow, red], min: 10kB }] }';
  const lines = saidOf(`meter: { type: srtcm, cir: 1mbit }, queue: { aqm: { wred: ${wred} } }`);
  const profiles = lines.filter((line) => line.startsWith('  queue.aqm.wred.profiles: '));
  expect(profiles).toHaveLength(9);
  expect(profiles[0]).toBe(
    '  queue.aqm.wred.profiles: color yellow red, min 10kB, max 62.5kB, probability 0.1',
  );
  expect(profiles[3]).toMatch(/^ {2}queue\.aqm\.wred\.profiles: dscp cs5 41 42 43 va 45 ef 47, min /);
  expect(profiles.at(-1)).toBe(`  queue.aqm.wred.profiles: ${PROFILE}`);
});
