/** Matchers: which packets belong to a class. */
import type { Node } from 'yaml';
import type { MatcherSpec, PortRangeSpec, PrefixSpec } from '../../spec/spec.ts';
import type { ReadPrefix } from '../fields/addresses.ts';
import { PORT_PROTOCOLS } from '../fields/names.ts';
import { SECTIONS } from '../fields/sections.ts';
import { offsetOf } from '../yaml/nodes.ts';
import type { Located, Values, YamlReader } from '../yaml/reader.ts';
import type { ClassContext } from './context.ts';
import { warnOfMatchedDevices } from './devices.ts';

type MatchValues = Values<typeof SECTIONS.match>;
type LocatedList<T> = Located<readonly Located<T>[]> | undefined;

/** One matcher or a list of them. */
export function readMatch(context: ClassContext, at: Located<Node>): MatcherSpec[] {
  return context.reader.items(at.value).map((item) => readMatcher(context, item));
}

function readMatcher(context: ClassContext, at: Node): MatcherSpec {
  const { reader } = context;
  if (reader.map(at, 'a matcher')?.items.length === 0) {
    const message = 'an empty matcher would take every packet; leave match out for that';
    reader.problems.error(offsetOf(at), message);
  }
  const written = reader.section(at, SECTIONS.match, 'a matcher');
  if (context.isBoth) warnOneSided(reader, written);
  noteSides(context, written);
  const values = bySide(context, written);
  const matcher: Record<keyof MatcherSpec, unknown> = {
    proto: protocolsOf(reader, values),
    src: prefixes(reader, values.src),
    dst: prefixes(reader, values.dst),
    host: prefixes(reader, values.host),
    sport: plain<PortRangeSpec>(values.sport),
    dport: plain<PortRangeSpec>(values.dport),
    port: plain<PortRangeSpec>(values.port),
    dscp: plain<number>(values.dscp),
    mark: marks(context, values.mark),
    iif: plain<string>(values.iif),
    oif: plain<string>(values.oif),
  };
  checkFamilies(reader, at, values);
  warnOfMatchedDevices(reader, context.devices, values.iif, 'iif');
  warnOfMatchedDevices(reader, context.devices, values.oif, 'oif');
  return Object.fromEntries(
    Object.entries(matcher).filter(([, value]) => value !== undefined),
  ) as MatcherSpec;
}

/** Where the inside and the outside of a packet stand in its headers. */
const SIDES = {
  up: { inside: 'src', outside: 'dst', insidePort: 'sport', outsidePort: 'dport' },
  down: { inside: 'dst', outside: 'src', insidePort: 'dport', outsidePort: 'sport' },
} as const;

/** The values with inside and outside as source and destination. */
function bySide({ reader, direction }: ClassContext, values: MatchValues): MatchValues {
  const sides: { -readonly [K in keyof MatchValues]: MatchValues[K] } = { ...values };
  for (const [word, side] of Object.entries(SIDES[direction]) as SidePair[]) {
    const at = values[word];
    if (!at) continue;
    if (values[side]) {
      reader.problems.error(at.offset, `${word} and ${side} are the same side here; write one of them`);
    }
    Object.assign(sides, { [side]: at });
  }
  return sides;
}

type Sides = (typeof SIDES)[keyof typeof SIDES];
type SidePair = [keyof Sides, Sides[keyof Sides]];

/** Keys of one side, with the words that mean the same host in both directions. */
const ONE_SIDED = {
  src: 'inside, outside or host',
  dst: 'inside, outside or host',
  sport: 'insidePort, outsidePort or port',
  dport: 'insidePort, outsidePort or port',
} as const;

/** What is inside in one direction is outside in the other. */
function warnOneSided(reader: YamlReader, values: MatchValues): void {
  for (const [key, words] of Object.entries(ONE_SIDED) as [keyof typeof ONE_SIDED, string][]) {
    const at = values[key];
    const message = `${key}: in both this is the inside of one direction and the outside of the other`;
    if (at) reader.problems.warn(at.offset, `${message}; write ${words}`);
  }
}

/** Remembers which addresses are said to be on which side. */
function noteSides({ seenPrefixes, direction, isBoth }: ClassContext, values: MatchValues): void {
  const note = (
    word: 'src' | 'dst' | 'inside' | 'outside',
    side: 'src' | 'dst',
    isDoubtful: boolean,
  ): void => {
    for (const { value, offset } of values[word]?.value ?? [])
      seenPrefixes.push({ direction, side, prefix: value.prefix, offset, isDoubtful });
  };
  for (const side of ['src', 'dst'] as const) note(side, side, !isBoth);
  for (const word of ['inside', 'outside'] as const) note(word, SIDES[direction][word], false);
}

function plain<T>(at: LocatedList<T>): readonly T[] | undefined {
  return at?.value.map((item) => item.value);
}

/** Ports without a protocol mean every protocol that has ports. With any other protocol they are an error. */
function protocolsOf(reader: YamlReader, values: MatchValues): readonly number[] | undefined {
  const ports = values.sport ?? values.dport ?? values.port;
  const given = values.proto?.value;
  if (!given) return ports ? PORT_PROTOCOLS : undefined;
  const portless =
    ports && given.find(({ value }) => !value.every((number) => PORT_PROTOCOLS.includes(number)));
  if (portless) {
    reader.problems.error(
      portless.offset,
      'proto: this protocol has no ports (tcp, udp, udplite and sctp have)',
    );
  }
  return [...new Set(given.flatMap(({ value }) => value))];
}

function prefixes(reader: YamlReader, at: LocatedList<ReadPrefix>): readonly PrefixSpec[] | undefined {
  return at?.value.map(({ value, offset }) => {
    if (value.corrected !== null) {
      reader.problems.warn(
        offset,
        `the address has bits beyond its prefix length; it is taken as ${value.corrected}`,
      );
    }
    return value.prefix;
  });
}

function marks(
  context: ClassContext,
  at: LocatedList<{ value: number; mask: number | null }>,
): MatcherSpec['mark'] | undefined {
  const own = context.ownMarkMask;
  return at?.value.map(({ value: { value, mask }, offset }) => {
    if (((mask ?? value) & own) !== 0) {
      const bits = `0x${own.toString(16).padStart(8, '0')}`;
      context.reader.problems.error(offset, `mark: the bits ${bits} are the shaper's own (nfqueue.mark)`);
    }
    return { value, mask: mask ?? ~own >>> 0 };
  });
}

/** A packet has one family: no packet has a source of one family and a destination of the other. */
function checkFamilies(reader: YamlReader, at: Node, values: MatchValues): void {
  const families = [values.src, values.dst, values.host]
    .filter((field) => field !== undefined)
    .map((field) => new Set(field.value.map(({ value }) => value.prefix.family)));
  const isPossible = ([4, 6] as const).some((family) => families.every((set) => set.has(family)));
  if (!isPossible) {
    reader.problems.error(offsetOf(at), 'this can never match: the addresses are of different families');
  }
}
