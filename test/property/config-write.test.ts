/**
 * Writing is the inverse of reading: for every field of the table, for random configurations and for the
 * examples.
 */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import type { ListField, ScalarField } from '../../src/config/fields/kinds.ts';
import { OVERHEAD_WORD } from '../../src/config/fields/links.ts';
import { REMARK_ALL } from '../../src/config/fields/meter.ts';
import { AQM_NAME } from '../../src/config/fields/queue.ts';
import { SECTIONS } from '../../src/config/fields/sections.ts';
import { type Block, type Detail, writeSection } from '../../src/config/write/block.ts';
import { writeLink } from '../../src/config/write/links.ts';
import { writeLocal } from '../../src/config/write/local.ts';
import type { ClassSpec, ShaperSpec } from '../../src/spec/spec.ts';
import { runs } from '../effort.ts';

const SEED = Number(process.env.SEED ?? 71);

/** Texts of every form that some field takes. A field refuses the forms of others. */
const digits = fc.oneof(
  fc.integer({ min: 0, max: 2000 }).map(String),
  fc.integer({ min: 0, max: 3e9 }).map(String),
  fc.tuple(fc.nat(4000), fc.nat(999)).map(([whole, part]) => `${whole}.${part}`),
);
const prefix = fc.constantFrom('', 'k', 'M', 'G', 'Ki', 'Mi');
const joined = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((all) => all.join(''));
const hex = (max: number): fc.Arbitrary<string> =>
  fc.integer({ min: 0, max }).map((value) => `0x${value.toString(16)}`);
const texts = fc.oneof(
  joined(digits, prefix, fc.constantFrom('bit', 'b', 'B/s', 'bit/s')),
  joined(digits, prefix, fc.constant('B')),
  fc.integer({ min: 1, max: 70_000 }).map((bytes) => `${bytes}B`),
  joined(fc.nat(70_000).map(String), fc.constant('p')),
  joined(digits, fc.constantFrom('ns', 'us', 'ms', 's', 'm', 'h', 'd')),
  joined(digits, fc.constant('%')),
  digits,
  fc.double({ min: 1e-9, max: 1, noNaN: true }).map(String),
  fc.integer({ min: -100, max: 300 }).map(String),
  fc.nat(70_000).chain((from) => fc.nat(70_000).map((to) => `${Math.min(from, to)}-${Math.max(from, to)}`)),
  joined(
    fc.oneof(fc.ipV4(), fc.ipV6()),
    fc.oneof(
      fc.constant(''),
      fc.nat(128).map((bits) => `/${bits}`),
    ),
  ),
  joined(hex(0xffff), fc.constant('/0xffff')),
  fc.nat(24).map((shift) => `0x${(0xff * 2 ** shift).toString(16)}`),
  fc.constantFrom('green', 'yellow', 'red', 'true'),
  fc.constantFrom('eth0', 'wlp2s0.100', 'br-lan', '/run/x.sock', 'be', 'ef', 'af11', 'cs7', 'icmp', 'icmpv6'),
  joined(
    fc.constantFrom('daily', 'mon-fri', 'sat,sun', 'fri-mon', 'wed', 'mon,wed-fri'),
    fc.constant(' '),
    fc.constantFrom('18:00-23:00', '22:00-06:00', '00:00-24:00', '08:00-12:00,13:00-17:30', '7:05-7:06'),
  ),
  fc.constantFrom('true', 'false', 'tcp', 'pppoe-ptm', 'docsis', 'ethernet', 'conservative'),
);

type ValueField = ScalarField<unknown> | ListField<unknown>;
const fields: [string, ValueField][] = [
  ['overhead as a word', OVERHEAD_WORD],
  ['remark as a word', REMARK_ALL],
  ['aqm as a word', AQM_NAME],
  ...Object.entries(SECTIONS).flatMap(([name, section]) =>
    Object.entries(section).flatMap(([key, field]): [string, ValueField][] =>
      field.shape === 'scalar' || field.shape === 'list' ? [[`${name}.${key}`, field]] : [],
    ),
  ),
];

describe('what a field writes, it reads as the same value', () => {
  it.each(fields)('%s', (_, field) => {
    const choices = (field.schema.enum as unknown[] | undefined)?.map(String) ?? [];
    const own = choices.length > 0 ? fc.oneof(texts, fc.constantFrom(...choices)) : texts;
    let taken = 0;
    fc.assert(
      fc.property(own, (text) => {
        let value: unknown;
        try {
          value = field.read(text);
        } catch {
          return;
        }
        taken += 1;
        // Bits beyond a prefix are told once, when they are read.
        const exact = (read: unknown): unknown =>
          typeof read === 'object' && read !== null && 'corrected' in read
            ? { ...read, corrected: null }
            : read;
        expect(field.read(field.write(value))).toEqual(exact(value));
      }),
      { seed: SEED, numRuns: runs(1000) },
    );
    expect(taken).toBeGreaterThan(0);
  });
});

/** The configuration that a specification was read from, as JSON, which is YAML as well. */
function textOf({ links, local, nfqueue }: ShaperSpec, detail: Detail): string {
  const { gso, markMask: mark, ...others } = nfqueue;
  const section = writeSection(
    SECTIONS.nfqueue,
    { ...others, gso: gso === 'auto' ? 'auto' : gso ? 'true' : 'false', mark },
    {},
    detail,
  );
  const byName: Block = Object.fromEntries(links.map((link) => [link.name, writeLink(link, detail)]));
  return JSON.stringify({ links: byName, local: writeLocal(local, detail), nfqueue: section });
}

/**
 * The burst of a rate of nothing is never used, and cannot be written. With every default written out, a
 * queue has its own values, and its buckets of `each` cannot have others.
 */
function withoutUnwritten(spec: ShaperSpec): unknown {
  const walk = (node: ClassSpec | null): unknown =>
    node && {
      ...node,
      rateBurstBytes: node.rateBytesPerSec > 0 ? node.rateBurstBytes : 0,
      each: node.each && { ...node.each, waiting: null },
      children: node.children.map(walk),
    };
  return spec.links.map((link) => ({ ...link, up: walk(link.up), down: walk(link.down) }));
}

function expectTwoWays(spec: ShaperSpec): void {
  const text = textOf(spec, 'chosen');
  const again = loadConfig(text, 'written.yaml');
  expect(again.spec).toEqual(spec);
  expect(again.warnings.filter(({ message }) => message.includes('does nothing'))).toEqual([]);
  expect(textOf(again.spec, 'chosen')).toBe(text);
  const full = loadConfig(textOf(spec, 'all'), 'all.yaml').spec;
  expect(withoutUnwritten(full)).toEqual(withoutUnwritten(spec));
}

const ROOT = new URL('../../', import.meta.url);
const EXAMPLES = [
  'shaper.yaml',
  ...readdirSync(new URL('examples', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `examples/${name}`),
];

it.each(EXAMPLES)('%s', (name) => {
  expectTwoWays(loadConfig(readFileSync(new URL(name, ROOT), 'utf8'), name).spec);
});

const any = (values: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(values, { requiredKeys: [] });
const oneOf = fc.constantFrom;
const rate = fc.integer({ min: 2000, max: 6500 }).map((kbit) => `${kbit}kbit`);
const burst = oneOf('3kB', '2000B', '40ms', '1MB');
const limit = oneOf('200kB', '234567B', '250p', '900ms', '100kB');
const ecn = fc.boolean();

const matcher = any({
  src: oneOf('10.0.0.0/8', ['192.0.2.1', '10.1.0.0/16']),
  proto: oneOf('tcp', 'udp', ['tcp', 'sctp'], 6),
  dport: oneOf(80, '5060-5090', [1, 2, '3-9']),
  dscp: oneOf('ef', ['af11', 46, 0]),
  mark: oneOf('0x10', '0x10/0xff'),
  iif: oneOf('eth1', ['a', 'b']),
}).filter((entry) => Object.keys(entry).length > 0);
const portless = any({
  proto: oneOf('icmp', [1, 58], ['gre', 'icmp', 99, 58]),
  dst: fc.constant('2001:db8::/32'),
}).filter((entry) => Object.keys(entry).length > 0);

const profile = (more: Record<string, fc.Arbitrary<unknown>>) =>
  any({ max: oneOf('90kB', '100kB'), probability: oneOf(0.05, '7%'), ...more }).map((entry) => ({
    min: '10kB',
    ...entry,
  }));
const wred = any({
  profiles: oneOf([0], [1], [0, 1], [1, 0], [0, 2], [2], [0, 1, 2]).chain((kinds) =>
    fc.tuple(
      ...kinds.map((kind) =>
        profile(
          [{ dscp: oneOf('af11', ['ef', 0, 1]) }, { dscp: oneOf(['cs1', 'cs7'], 9) }, {}][kind] as Record<
            string,
            fc.Arbitrary<unknown>
          >,
        ).map((entry) => (kind === 2 || 'dscp' in entry ? entry : { ...entry, dscp: kind === 0 ? 10 : 12 })),
      ),
    ),
  ),
  max: oneOf('80kB', '60p'),
  probability: oneOf(0.2, '10%'),
  weight: oneOf(0.01, 0.001953125),
  gentle: fc.boolean(),
  ecn,
  meanPacket: oneOf('500B', '1kB'),
});
const red = any({
  min: oneOf('10kB', '5p', '8ms'),
  max: oneOf('30kB', '40p', '25ms'),
  probability: oneOf(0.1, '2.5%', 1),
  weight: oneOf(0.002, 0.5),
  gentle: fc.boolean(),
  adaptive: fc.boolean(),
  ecn,
  byteMode: fc.boolean(),
  meanPacket: oneOf('1000B', '700B'),
});
const aqm = fc.oneof(
  oneOf<unknown>('none', 'codel', 'pie', 'red', 'wred'),
  any({ target: oneOf('5ms', '20ms', '7.5ms'), interval: oneOf('100ms', '200ms'), ecn }).map((codel) => ({
    codel,
  })),
  any({ target: oneOf('15ms', '9ms'), update: fc.constant('30ms'), alpha: fc.constant(0.2), ecn }).map(
    (pie) => ({ pie }),
  ),
  red.map((parameters) => ({ red: parameters })),
  wred.map((parameters) => ({ wred: parameters })),
);
const queue = fc.oneof(
  any({ isolation: oneOf('flow', 'triple', 'dual-src'), limit, aqm, ackFilter: fc.boolean() }),
  any({ limit, aqm }).map((entry) => ({ ...entry, discipline: 'fifo' })),
  any({ short: oneOf('20kB', '12345B', '30p', '9ms'), limit, aqm }).map((entry) => ({
    ...entry,
    discipline: 'short-first',
  })),
);
const meter = fc.oneof(
  any({ cbs: burst, ebs: burst, aware: fc.boolean() }).map((entry) => ({
    type: 'srtcm',
    cir: '1mbit',
    ...entry,
  })),
  any({ cbs: burst, pbs: oneOf('1MB', '2MB') }).map((entry) => ({
    type: 'trtcm',
    cir: '1mbit',
    pir: '3mbit',
    ...entry,
  })),
  any({ ebs: burst }).map((entry) => ({ type: 'rfc4115', cir: '1mbit', eir: '2mbit', ...entry })),
);
const shared = {
  burst,
  police: any({ burst, exceed: oneOf('drop', 'mark') }).chain((entry) =>
    rate.map((r) => ({ rate: r, ...entry })),
  ),
  meter,
  remark: oneOf('ef', 0, 'af11'),
  each: any({ burst, exceed: oneOf('delay', 'drop') }).chain((entry) =>
    fc.tuple(rate, oneOf('flow', 'host', 'src', 'dst')).map(([r, by]) => ({ by, rate: r, ...entry })),
  ),
};
const limits = {
  rate: oneOf('100kbit', '3%', '50.5kbit'),
  ceil: fc.oneof(rate, oneOf('80%', '77.7%', '100%')),
  priority: fc.nat(7),
  weight: oneOf(0.1, 1, 2.75, 1000),
  match: fc.oneof(matcher, portless, fc.array(matcher, { minLength: 1, maxLength: 3 })),
  ...shared,
};
const leaf = any({ ...limits, queue });
const last = any({ ...shared, queue, priority: fc.nat(7), ceil: rate });
const inner = fc
  .tuple(any(limits), any({ x: leaf, y: leaf, default: last }))
  .map(([own, classes]) => ({ ...own, rate: '1900kbit', classes }));
const direction = fc
  .tuple(
    fc.constantFrom('20mbit', '34567.8kbit', '1gbit'),
    any(shared),
    any({ a: leaf, b: inner, c: leaf, default: last }),
  )
  .map(([r, own, classes]) => ({ rate: r, ...own, classes }));
const overhead = oneOf<unknown>(0, 44, 'docsis', 'pppoe-vcmux', { bytes: 10, framing: 'ptm' }, { mpu: 64 });
const file = fc.record({
  links: any({ up: direction, down: fc.oneof(direction, rate), overhead, wait: fc.boolean() }).map(
    (link) => ({
      w: { device: 'e', down: '7mbit', ...link },
    }),
  ),
  local: any({
    exempt: any({ ports: oneOf([], [22], [22, '8000-8010']), share: oneOf('0%', '5%', '12.5%', '100%') }),
  }),
  nfqueue: any({ first: fc.nat(60_000), gso: oneOf('auto', true, false), mark: fc.constant('0x00ff0000') }),
});

describe('what is written of a configuration is read as the same specification', () => {
  it('random configurations', () => {
    let good = 0;
    let bad = 0;
    fc.assert(
      fc.property(file, (config) => {
        let spec: ShaperSpec;
        try {
          spec = loadConfig(JSON.stringify(config), 'random.yaml').spec;
        } catch {
          bad += 1;
          return;
        }
        good += 1;
        expectTwoWays(spec);
      }),
      { seed: SEED, numRuns: runs(400) },
    );
    expect(good).toBeGreaterThan(bad);
  });
});
