/** The rules for an interest, read as nft would read them, against the matcher itself. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { interestMatches } from '../../src/io/rules/render-interest.ts';
import { prefixText } from '../../src/packet/address-text.ts';
import type { MatcherSpec, PortRangeSpec, PrefixSpec } from '../../src/spec/match.ts';
import { runs } from '../effort.ts';

type Words = readonly [number, number, number, number];

interface Seen {
  readonly family: 4 | 6;
  readonly proto: number;
  readonly src: Words;
  readonly dst: Words;
  readonly sport: number;
  readonly dport: number;
  readonly dscp: number;
  readonly mark: number;
  readonly iif: string;
  readonly oif: string;
}

const SEED = Number(process.env.SEED ?? 13);
const WITH_PORTS = [6, 17, 136, 132];

function isIn(address: Words, family: 4 | 6, prefix: PrefixSpec): boolean {
  const bitsOf = (words: Words): string => words.map((word) => word.toString(2).padStart(32, '0')).join('');
  return family === prefix.family && bitsOf(address).startsWith(bitsOf(prefix.words).slice(0, prefix.bits));
}

/** What MatcherSpec says, word by word. */
function holds(matcher: MatcherSpec, p: Seen): boolean {
  const { proto, src, dst, host, sport, dport, port, dscp, mark, iif, oif } = matcher;
  const within = (ranges: readonly PortRangeSpec[], value: number): boolean =>
    WITH_PORTS.includes(p.proto) && ranges.some(({ from, to }) => value >= from && value <= to);
  const at = (list: readonly PrefixSpec[], address: Words): boolean =>
    list.some((prefix) => isIn(address, p.family, prefix));
  return (
    (!proto || proto.includes(p.proto)) &&
    (!src || at(src, p.src)) &&
    (!dst || at(dst, p.dst)) &&
    (!host || at(host, p.src) || at(host, p.dst)) &&
    (!sport || within(sport, p.sport)) &&
    (!dport || within(dport, p.dport)) &&
    (!port || within(port, p.sport) || within(port, p.dport)) &&
    (!dscp || dscp.includes(p.dscp)) &&
    (!mark || mark.some(({ value, mask }) => (p.mark & mask) >>> 0 === value)) &&
    (!iif || iif.includes(p.iif)) &&
    (!oif || oif.includes(p.oif))
  );
}

const MATCH =
  /^(iifname|oifname|meta l4proto|meta nfproto|meta mark &|meta mark|ip6? saddr|ip6? daddr|ip6? dscp|th sport|th dport) (\{ [^}]* \}|\S+(?: == \S+)?) ?/;

/** Whether a packet matches a text, as nft reads it. `prefixes` are those that texts may name. */
function matches(text: string, p: Seen, prefixes: ReadonlyMap<string, PrefixSpec>): boolean {
  let rest = text;
  while (rest !== '') {
    const [all, key = '', value = ''] = MATCH.exec(rest) ?? [];
    if (all === undefined) throw new Error(`not understood: ${rest}`);
    rest = rest.slice(all.length);
    const elements = value.replace(/^\{ | \}$/g, '').split(', ');
    const [kind = '', field = ''] = key.split(' ');
    const isFamily = (kind === 'ip' ? 4 : 6) === p.family;
    const ranges = elements.map((element) => element.split('-').map(Number));
    const port = field === 'sport' ? p.sport : p.dport;
    const [mask = 0, wanted = 0] = value.split(' == ').map(Number);
    const results: Record<string, () => boolean> = {
      iifname: () => elements.includes(`"${p.iif}"`),
      oifname: () => elements.includes(`"${p.oif}"`),
      'meta l4proto': () => elements.map(Number).includes(p.proto),
      'meta nfproto': () => value === `ipv${p.family}`,
      'meta mark &': () => (p.mark & mask) >>> 0 === wanted,
      'meta mark': () => p.mark === mask,
    };
    const holdsNow =
      results[key]?.() ??
      (kind === 'th'
        ? ranges.some(([from = 0, to = from]) => port >= from && port <= to)
        : isFamily &&
          (field === 'dscp'
            ? elements.map(Number).includes(p.dscp)
            : elements.some((element) =>
                isIn(field === 'saddr' ? p.src : p.dst, p.family, prefixes.get(element)!),
              )));
    if (!holdsNow) return false;
  }
  return true;
}

const BITS = [0, 8, 9, 16, 31, 32, 33, 64, 65, 127, 128];
const FIELDS = [
  'proto',
  'src',
  'dst',
  'host',
  'sport',
  'dport',
  'port',
  'dscp',
  'mark',
  'iif',
  'oif',
] as const;

/** Few addresses, which share first bits. */
const anyWord = fc.constantFrom(0, 0x0a000000, 0x0a800000, 0x0a000001, 0xffffffff);
const anyWords = fc.tuple(anyWord, anyWord, anyWord, anyWord) as fc.Arbitrary<Words>;

function masked(family: 4 | 6, bits: number, all: Words): PrefixSpec {
  const kept = all.map((one, i) => {
    const own = Math.min(32, Math.max(0, bits - 32 * i));
    return own === 0 ? 0 : (one & (-1 << (32 - own))) >>> 0;
  }) as unknown as Words;
  return { family, bits, words: family === 4 ? [kept[0], 0, 0, 0] : kept };
}

const anyPrefix = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.constantFrom(...BITS), anyWords)
  .map(([family, bits, all]) => masked(family, family === 4 ? Math.min(bits, 32) : bits, all));
const anyRange = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.nat(4))
  .map(([from, more]) => ({ from, to: from + more }));
const listOf = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { minLength: 1, maxLength: 4 });
const anyMark = fc
  .tuple(fc.nat(7), fc.constantFrom(0, 1, 3, 7, 0xffffffff))
  .map(([value, mask]) => ({ value: (value & mask) >>> 0, mask }));
const anyName = fc.constantFrom('eth0', 'wan0', 'port1');

const anyField: fc.Arbitrary<MatcherSpec> = fc.record({
  proto: listOf(fc.constantFrom(1, 6, 17, 58)),
  ...{ src: listOf(anyPrefix), dst: listOf(anyPrefix), host: listOf(anyPrefix) },
  ...{ sport: listOf(anyRange), dport: listOf(anyRange), port: listOf(anyRange) },
  ...{ dscp: listOf(fc.nat(3)), mark: listOf(anyMark), iif: listOf(anyName), oif: listOf(anyName) },
});
/** With few fields, as others match next to nothing. */
const sayable: fc.Arbitrary<MatcherSpec> = fc
  .tuple(anyField, fc.subarray([...FIELDS], { maxLength: 3 }))
  .map(([matcher, fields]) => Object.fromEntries(fields.map((field) => [field, matcher[field]])));
const anyPacket: fc.Arbitrary<Seen> = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    proto: fc.constantFrom(1, 6, 17, 58),
    ...{
      src: anyWords,
      dst: anyWords,
      sport: fc.nat(16),
      dport: fc.nat(16),
      dscp: fc.nat(3),
      mark: fc.nat(7),
    },
    ...{ iif: anyName, oif: anyName },
  })
  .map((p) => {
    // Beyond IPv4's anyWord there is nothing, and what has no ports has none.
    const cut = (all: Words): Words => (p.family === 4 ? [all[0], 0, 0, 0] : all);
    const ports = WITH_PORTS.includes(p.proto) ? {} : { sport: 0, dport: 0 };
    return { ...p, src: cut(p.src), dst: cut(p.dst), ...ports };
  });

function prefixesOf({ src = [], dst = [], host = [] }: MatcherSpec): Map<string, PrefixSpec> {
  return new Map([...src, ...dst, ...host].map((one) => [prefixText(one.family, one.words, one.bits), one]));
}

const anyHolds = (matcher: MatcherSpec, p: Seen, ports: ReadonlySet<string>): boolean =>
  interestMatches(matcher, ports).some((text) => matches(text, p, prefixesOf(matcher)));

it('rules bring up what a matcher means, and nothing else where they can say it', () => {
  let held = 0;
  fc.assert(
    fc.property(sayable, fc.array(anyPacket, { minLength: 20, maxLength: 20 }), (matcher, packets) => {
      for (const p of packets) {
        const wanted = holds(matcher, p);
        if (wanted) held++;
        expect(anyHolds(matcher, p, new Set())).toBe(wanted);
      }
    }),
    { seed: SEED, numRuns: runs(400) },
  );
  expect(held).toBeGreaterThan(200);
});

it('what they cannot say makes them wider, never narrower', () => {
  const unsayable = fc.record(
    {
      ...{ users: fc.constant(['user:a']), hostNames: fc.constant(['tv']) },
      ...{ mac: fc.constant([{ high: 1, low: 2 }]), iif: fc.constant(['a"b', 'eth0']) },
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(
      sayable,
      unsayable,
      fc.array(anyPacket, { minLength: 20, maxLength: 20 }),
      (matcher, more, packets) => {
        // The core may find that a named host, a user and so on is meant: then the rest decides.
        const { host, ...rest } = matcher;
        const widest = more.hostNames === undefined ? matcher : rest;
        for (const p of packets) {
          if (holds({ ...widest, ...(more.iif ? { iif: more.iif } : {}) }, p))
            expect(anyHolds({ ...matcher, ...more }, p, new Set(['port1']))).toBe(true);
        }
      },
    ),
    { seed: SEED, numRuns: runs(400) },
  );
});
