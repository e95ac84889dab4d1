/** Names for protocols and DSCP code points, and the values of matchers that are more than a number. */
import { FieldError, wholeNumber } from './kinds.ts';

/** IANA protocol numbers under the names of /etc/protocols. `icmp` means both families, as the contract says. */
const PROTOCOLS: Readonly<Record<string, readonly number[]>> = {
  icmp: [1, 58],
  icmpv6: [58],
  igmp: [2],
  ipip: [4],
  tcp: [6],
  udp: [17],
  dccp: [33],
  ipv6: [41],
  gre: [47],
  esp: [50],
  ah: [51],
  ospf: [89],
  pim: [103],
  vrrp: [112],
  l2tp: [115],
  sctp: [132],
  udplite: [136],
};

/** Protocols with ports: TCP, UDP, UDP-Lite, SCTP. What a port in a matcher means when `proto` is left out. */
export const PORT_PROTOCOLS: readonly number[] = [6, 17, 136, 132];

/** By the numbers of algo/markers.ts. */
export const COLOURS = ['green', 'yellow', 'red'] as const;

/** Code points: RFC 2474 (cs), RFC 2597 (af), RFC 3246 (ef), RFC 5865 (va), RFC 8622 (le); `be` is default forwarding. */
const DSCP: Readonly<Record<string, number>> = {
  be: 0,
  df: 0,
  le: 1,
  va: 44,
  ef: 46,
  ...Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`cs${n}`, n * 8])),
  ...Object.fromEntries(
    [1, 2, 3, 4].flatMap((queue) => [1, 2, 3].map((drop) => [`af${queue}${drop}`, queue * 8 + drop * 2])),
  ),
};

/** A protocol by name or number. Throws FieldError. */
export function readProtocol(text: string): readonly number[] {
  const number = wholeNumber(text);
  if (number !== null && number >= 0 && number <= 255) return [number];
  const named = Object.hasOwn(PROTOCOLS, text) ? PROTOCOLS[text] : undefined;
  if (!named) {
    throw new FieldError(
      `'${text}' is no protocol; write a number 0 to 255 or ${Object.keys(PROTOCOLS).join(', ')}`,
    );
  }
  return named;
}

/** Names for protocol numbers, the number where there is none; 1 and 58 together are icmp. */
export function formatProtocols(protocols: readonly number[]): string[] {
  const left = new Set(protocols);
  const names = Object.entries(PROTOCOLS).flatMap(([name, numbers]) => {
    if (!numbers.every((number) => left.has(number))) return [];
    for (const number of numbers) left.delete(number);
    return [name];
  });
  return [...names, ...[...left].map(String)];
}

/** A code point by name or number 0..63. Throws FieldError. */
export function readDscp(text: string): number {
  const number = wholeNumber(text);
  if (number !== null && number >= 0 && number <= 63) return number;
  const name = text.toLowerCase();
  if (Object.hasOwn(DSCP, name)) return DSCP[name]!;
  throw new FieldError(
    `'${text}' is no DSCP; write a number 0 to 63 or ef, va, le, be, cs0 to cs7, af11 to af43`,
  );
}

/** The first name of a code point, else its number. */
export function formatDscp(point: number): string {
  return Object.keys(DSCP).find((name) => DSCP[name] === point) ?? String(point);
}

/** A colour by name, as GREEN, YELLOW or RED of algo/markers.ts. Throws FieldError. */
export function readColour(text: string): number {
  const colour = COLOURS.indexOf(text as (typeof COLOURS)[number]);
  if (colour < 0) throw new FieldError(`'${text}' is no colour; write ${COLOURS.join(', ')}`);
  return colour;
}

/** `443` or `5060-5090`. Throws FieldError. */
export function readPortRange(text: string): { from: number; to: number } {
  const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const from = Number(first);
  const to = Number(last ?? first);
  if (first === undefined || from > 65535 || to > 65535) {
    throw new FieldError(`'${text}' is no port; write a number 0 to 65535 or a range like 5060-5090`);
  }
  if (from > to) throw new FieldError(`'${text}' runs backwards; write ${to}-${from}`);
  return { from, to };
}

/** The inverse of readPortRange. */
export function formatPortRange({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? `${from}` : `${from}-${to}`;
}

/** `0x10` or `0x10/0xff`; without a mask, `mask` is null. Throws FieldError. */
export function readMark(text: string): { value: number; mask: number | null } {
  const [valueText = '', maskText, ...rest] = text.split('/');
  const value = wholeNumber(valueText);
  const mask = maskText === undefined ? null : wholeNumber(maskText);
  const isMaskRead = maskText === undefined || (mask !== null && mask > 0 && mask <= 0xffffffff);
  if (rest.length > 0 || value === null || value < 0 || value > 0xffffffff || !isMaskRead) {
    throw new FieldError(`'${text}' is no mark; write a number like 0x10, or 0x10/0xff with a mask`);
  }
  if (mask !== null && (value & ~mask) !== 0) throw new FieldError(`'${text}' has bits outside its mask`);
  return { value, mask };
}

/** The inverse of readMark, always with a mask. */
export function formatMark({ value, mask }: { readonly value: number; readonly mask: number }): string {
  return `0x${value.toString(16)}/0x${mask.toString(16)}`;
}

/** A device name as the kernel allows it, without the characters that rule languages give a meaning. */
export function readDevice(text: string): string {
  if (!/^[\w.@+~-]{1,15}$/.test(text) || text === '.' || text === '..') {
    throw new FieldError(`'${text}' is no device name (1 to 15 letters, digits or . _ - + @ ~)`);
  }
  return text;
}
