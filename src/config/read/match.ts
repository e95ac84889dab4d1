/** Matchers: which packets belong to a class. */
import type { Node } from 'yaml';
import type { MacSpec } from '../../spec/hosts.ts';
import { comparedBits } from '../../spec/mark-choice.ts';
import type { MatcherSpec, PortRangeSpec, PrefixSpec } from '../../spec/spec.ts';
import type { ReadPrefix } from '../fields/addresses.ts';
import type { PrefixOrName } from '../fields/host-names.ts';
import { MATCH_NONE } from '../fields/match.ts';
import { PORT_PROTOCOLS } from '../fields/names.ts';
import { SECTIONS } from '../fields/sections.ts';
import { offsetOf, scalarText } from '../yaml/nodes.ts';
import type { Located, Values, YamlReader } from '../yaml/reader.ts';
import type { ClassContext } from './context.ts';
import { warnOfMatchedDevices, warnOfOtherDevice } from './devices.ts';
import { checkName } from './hosts.ts';
import { bySide, noteSides } from './inside.ts';
import { readSubjects, warnOfNeverLocal } from './subjects.ts';

const ALL_BITS = 0xffffffff;

type MatchValues = Values<typeof SECTIONS.match>;
type LocatedList<T> = Located<readonly Located<T>[]> | undefined;

/** One matcher or a list of them; `none` is an empty list. */
export function readMatch(context: ClassContext, at: Located<Node>): MatcherSpec[] {
  if (scalarText(at.value) === MATCH_NONE) return [];
  return context.reader.items(at.value).map((item) => readMatcher(context, item));
}

function readMatcher(context: ClassContext, at: Node): MatcherSpec {
  const { reader } = context;
  if (reader.map(at, 'a matcher')?.items.length === 0) {
    const message = 'an empty matcher would take every packet; leave match out for that';
    reader.problems.error(offsetOf(at), message);
  }
  const written = reader.section(at, SECTIONS.match, 'a matcher');
  noteSides(context, written);
  const values = bySide(context, written);
  const matcher: Record<keyof MatcherSpec, unknown> = {
    proto: protocolsOf(reader, values),
    src: prefixes(reader, values.src),
    dst: prefixes(reader, values.dst),
    host: prefixes(reader, addressesOf(values.host)),
    hostNames: namesOf(context, values.host),
    mac: plain<MacSpec>(values.mac),
    sport: plain<PortRangeSpec>(values.sport),
    dport: plain<PortRangeSpec>(values.dport),
    port: plain<PortRangeSpec>(values.port),
    dscp: plain<number>(values.dscp),
    mark: marks(context, values.mark),
    iif: plain<string>(values.iif),
    oif: plain<string>(values.oif),
    ...readSubjects(context, values),
  };
  checkFamilies(reader, at, values);
  warnOfMatchedDevices(reader, context.devices, values.iif, 'iif', context.device);
  warnOfMatchedDevices(reader, context.devices, values.oif, 'oif', context.device);
  warnOfOtherDevice(context, values);
  warnOfNeverLocal(context, values);
  return Object.fromEntries(
    Object.entries(matcher).filter(([, value]) => value !== undefined),
  ) as MatcherSpec;
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
  return at?.value.map((one) => prefixOf(reader, one));
}

/** The prefix, with a warning if it was corrected. */
export function prefixOf(reader: YamlReader, { value, offset }: Located<ReadPrefix>): PrefixSpec {
  if (value.corrected !== null) {
    const message = `the address has bits beyond its prefix length; it is taken as ${value.corrected}`;
    reader.problems.warn(offset, message);
  }
  return value.prefix;
}

/** The addresses among hosts; undefined if all are names. */
function addressesOf(at: LocatedList<PrefixOrName>): Located<readonly Located<ReadPrefix>[]> | undefined {
  const value = at?.value.flatMap(({ value: one, offset }) =>
    'name' in one ? [] : [{ value: one, offset }],
  );
  return at && value && value.length > 0 ? { value, offset: at.offset } : undefined;
}

/** The names among hosts; undefined if all are addresses. */
function namesOf(
  { reader, hosts }: ClassContext,
  at: LocatedList<PrefixOrName>,
): readonly string[] | undefined {
  const named = at?.value.flatMap(({ value, offset }) =>
    'name' in value ? [{ value: value.name, offset }] : [],
  );
  if (named === undefined || named.length === 0) return undefined;
  for (const one of named) checkName(reader, hosts, one, 'host');
  return [...new Set(named.map(({ value }) => value))];
}

function marks(
  context: ClassContext,
  at: LocatedList<{ value: number; mask: number | null }>,
): MatcherSpec['mark'] | undefined {
  const own = context.ownMarkMask;
  return at?.value.map(({ value: { value, mask }, offset }) => {
    const compared = mask ?? ALL_BITS;
    if ((comparedBits(value, compared) & own) !== 0) {
      const bits = `0x${own.toString(16).padStart(8, '0')}`;
      context.reader.problems.error(offset, `mark: the bits ${bits} are the shaper's own (nfqueue.mark)`);
    }
    return { value, mask: compared };
  });
}

/** A packet has one family: no packet has a source of one family and a destination of the other. */
function checkFamilies(reader: YamlReader, at: Node, values: MatchValues): void {
  const hasNames = values.host?.value.some(({ value }) => 'name' in value);
  const families = [values.src, values.dst, hasNames ? undefined : addressesOf(values.host)]
    .filter((field) => field !== undefined)
    .map((field) => new Set(field.value.map(({ value }) => value.prefix.family)));
  const isPossible = ([4, 6] as const).some((family) => families.every((set) => set.has(family)));
  if (!isPossible) {
    reader.problems.error(offsetOf(at), 'this can never match: the addresses are of different families');
  }
}
