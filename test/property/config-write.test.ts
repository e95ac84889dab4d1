/**
 * Writing is the inverse of reading: for every field of the table, for random configurations and for the
 * examples.
 */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LoadedConfig, loadConfig } from '../../src/config/config.ts';
import type { ListField, ScalarField } from '../../src/config/fields/kinds.ts';
import { OVERHEAD_WORD } from '../../src/config/fields/links.ts';
import { REMARK_ALL } from '../../src/config/fields/meter.ts';
import { AQM_NAME } from '../../src/config/fields/queue.ts';
import { SECTIONS } from '../../src/config/fields/sections.ts';
import { type Block, type Detail, writeSection } from '../../src/config/write/block.ts';
import { writeHistory, writeHosts } from '../../src/config/write/hosts.ts';
import { writeLink } from '../../src/config/write/links.ts';
import { writeLocal } from '../../src/config/write/local.ts';
import { writeQuota } from '../../src/config/write/quotas.ts';
import type { ClassSpec, ShaperSpec } from '../../src/spec/spec.ts';
import { runs } from '../effort.ts';
import { randomConfig } from './random-config.ts';

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
  fc.constantFrom(
    '5m for 2d',
    '1h for 1y',
    'none',
    'nas',
    '00:50:8D:68:50:75',
    '0050.8d68.5075',
    'unlimited',
  ),
  fc.constantFrom('a@b', 'https://x.example/y', 'smtp://localhost', 'smtps://[fd00::1]:465', '5TB', '3GiB'),
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
function textOf({ spec, history }: LoadedConfig, detail: Detail): string {
  const { links, local, hosts, quotas, nfqueue } = spec;
  const { gso, markMask: mark, ...others } = nfqueue;
  const section = writeSection(
    SECTIONS.nfqueue,
    { ...others, gso: gso === 'auto' ? 'auto' : gso ? 'true' : 'false', mark },
    {},
    detail,
  );
  const byName: Block = Object.fromEntries(
    links.map((link) => [link.name, writeLink(link, detail, hosts.lan)]),
  );
  return JSON.stringify({
    links: byName,
    local: writeLocal(local, detail),
    hosts: writeHosts(hosts, detail),
    // Without a word of it, and without quotas, nothing is stored.
    history: writeHistory(history, detail),
    quotas: Object.fromEntries(quotas.map((quota) => [quota.name, writeQuota(quota, detail)])),
    nfqueue: section,
  });
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

function expectTwoWays(config: LoadedConfig): void {
  const { spec } = config;
  const text = textOf(config, 'chosen');
  const again = loadConfig(text, 'written.yaml');
  expect(again.spec).toEqual(spec);
  expect(again.history).toEqual(config.history);
  expect(again.warnings.filter(({ message }) => message.includes('does nothing'))).toEqual([]);
  expect(textOf(again, 'chosen')).toBe(text);
  const full = loadConfig(textOf(config, 'all'), 'all.yaml');
  expect(withoutUnwritten(full.spec)).toEqual(withoutUnwritten(spec));
  expect([full.spec.hosts, full.spec.quotas, full.history]).toEqual([
    spec.hosts,
    spec.quotas,
    config.history,
  ]);
}

const ROOT = new URL('../../', import.meta.url);
const EXAMPLES = [
  'shaper.yaml',
  ...readdirSync(new URL('examples', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `examples/${name}`),
];

it.each(EXAMPLES)('%s', (name) => {
  expectTwoWays(loadConfig(readFileSync(new URL(name, ROOT), 'utf8'), name));
});

describe('what is written of a configuration is read as the same specification', () => {
  it('random configurations', () => {
    let good = 0;
    let bad = 0;
    fc.assert(
      fc.property(randomConfig, (config) => {
        let loaded: LoadedConfig;
        try {
          loaded = loadConfig(JSON.stringify(config), 'random.yaml');
        } catch {
          bad += 1;
          return;
        }
        good += 1;
        expectTwoWays(loaded);
      }),
      { seed: SEED, numRuns: runs(400) },
    );
    expect(good).toBeGreaterThan(bad);
  });
});
