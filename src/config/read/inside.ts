/** Inside and outside of a matcher: source and destination by direction. */
import type { SECTIONS } from '../fields/sections.ts';
import type { Values, YamlReader } from '../yaml/reader.ts';
import type { ClassContext } from './context.ts';

type MatchValues = Values<typeof SECTIONS.match>;

/** Where the inside and the outside of a packet stand in its headers. */
const SIDES = {
  up: { inside: 'src', outside: 'dst', insidePort: 'sport', outsidePort: 'dport' },
  down: { inside: 'dst', outside: 'src', insidePort: 'dport', outsidePort: 'sport' },
} as const;

/** The values with inside and outside as source and destination. */
export function bySide(context: ClassContext, values: MatchValues): MatchValues {
  const { reader, direction, device, hosts } = context;
  const isLan = hosts.lan.has(device);
  const sides: { -readonly [K in keyof MatchValues]: MatchValues[K] } = { ...values };
  for (const [word, side] of Object.entries(SIDES[direction]) as SidePair[]) {
    const at = values[word];
    if (!at) continue;
    if (isLan) {
      const message = `${word}: ${device} is in hosts.lan, so the inside is the other side; this is ${side} all the same`;
      reader.problems.warn(at.offset, `${message}; write src, dst, sport or dport`);
    }
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

/** Remembers which addresses and ports are said to be on which side, and warns of one side in `both`. */
export function noteSides(context: ClassContext, values: MatchValues): void {
  const { reader, direction, isBoth, path, seen } = context;
  if (isBoth) warnOneSided(reader, values);
  const sides = SIDES[direction];
  const notePrefixes = (word: 'src' | 'dst' | 'inside' | 'outside', side: 'src' | 'dst'): void => {
    const isDoubtful = !isBoth && word === side;
    for (const { value, offset } of values[word]?.value ?? [])
      seen.prefixes.push({ direction, side, prefix: value.prefix, offset, isDoubtful });
  };
  for (const side of ['src', 'dst'] as const) notePrefixes(side, side);
  for (const word of ['inside', 'outside'] as const) notePrefixes(word, sides[word]);
  const notePorts = (
    word: 'sport' | 'dport' | 'insidePort' | 'outsidePort',
    side: 'sport' | 'dport',
  ): void => {
    const at = values[word];
    if (!at) return;
    const place = path.slice(path.indexOf(`/${direction}/`) + direction.length + 2);
    const ports = at.value.map(({ value }) => `${value.from}-${value.to}`);
    seen.ports.push({
      direction,
      place,
      side,
      ports,
      offset: at.offset,
      isDoubtful: !isBoth && word === side,
    });
  };
  for (const side of ['sport', 'dport'] as const) notePorts(side, side);
  for (const word of ['insidePort', 'outsidePort'] as const) notePorts(word, sides[word]);
}
