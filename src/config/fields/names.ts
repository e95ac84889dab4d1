/**
 * Text forms of values that have names or a form of their own:
 * protocols, code points, colours, ports, marks, devices.
 */

import { PROTOCOLS } from '../../packet/protocols.ts';
import type { PortRangeSpec } from '../../spec/spec.ts';
import { FieldError, type TextForm } from './kinds.ts';
import { wholeNumber } from './quantities.ts';

/** Protocols with ports: TCP, UDP, UDP-Lite, SCTP. A matcher with ports and without `proto` means these. */
export const PORT_PROTOCOLS: readonly number[] = [6, 17, 136, 132];

/** Names of colours, at the numbers that algo/buckets/markers.ts gives them. */
export const COLOURS = ['green', 'yellow', 'red'] as const;

/**
 * Code points: RFC 2474 (cs), RFC 2597 (af), RFC 3246 (ef),
 * RFC 5865 (va), RFC 8622 (le). `be` is default forwarding.
 */
const DSCP: Readonly<Record<string, number>> = {
  be: 0,
  df: 0,
  le: 1,
  va: 44,
  ef: 46,
  ...Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`cs${n}`, n * 8])),
  ...Object.fromEntries(
    [1, 2, 3, 4].flatMap((group) => [1, 2, 3].map((drop) => [`af${group}${drop}`, group * 8 + drop * 2])),
  ),
};

/** A protocol by name or number. `icmp` is two of them. */
export const protocol: TextForm<readonly number[]> = {
  read(text) {
    const number = wholeNumber(text);
    if (number !== null && number >= 0 && number <= 255) return [number];
    const named = Object.hasOwn(PROTOCOLS, text) ? PROTOCOLS[text] : undefined;
    if (named) return named;
    const names = Object.keys(PROTOCOLS).join(', ');
    throw new FieldError(`'${text}' is not a protocol; write a number 0 to 255 or ${names}`);
  },
  write(numbers) {
    const name = Object.keys(PROTOCOLS).find((key) => `${PROTOCOLS[key]}` === `${numbers}`);
    return name ?? String(numbers[0]);
  },
};

/** Protocol numbers as the items that a list of protocols has: 1 followed by 58 is `icmp`. */
export function protocolItems(numbers: readonly number[]): (readonly number[])[] {
  const items: number[][] = [];
  for (const number of numbers) {
    const last = items.at(-1);
    if (number === 58 && last?.length === 1 && last[0] === 1) last.push(number);
    else items.push([number]);
  }
  return items;
}

/** A code point by name or number 0 to 63. */
export const dscp: TextForm<number> = {
  read(text) {
    const number = wholeNumber(text);
    if (number !== null && number >= 0 && number <= 63) return number;
    const name = text.toLowerCase();
    if (Object.hasOwn(DSCP, name)) return DSCP[name]!;
    throw new FieldError(
      `'${text}' is not a DSCP; write a number 0 to 63 or ef, va, le, be, cs0 to cs7, af11 to af43`,
    );
  },
  write: (point) => Object.keys(DSCP).find((name) => DSCP[name] === point) ?? String(point),
};

/** A colour by name; its value is GREEN, YELLOW or RED of algo/buckets/markers.ts. */
export const colour: TextForm<number> = {
  read(text) {
    const number = COLOURS.indexOf(text as (typeof COLOURS)[number]);
    if (number < 0) throw new FieldError(`'${text}' is not a colour; write ${COLOURS.join(', ')}`);
    return number;
  },
  write: (number) => COLOURS[number]!,
};

/** `443` or `5060-5090`. */
export const portRange = portsFrom(0);

/** Ports on which a program of this host can listen. */
export const listeningPorts = portsFrom(1);

function portsFrom(least: number): TextForm<PortRangeSpec> {
  return {
    read(text) {
      const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
      const from = Number(first);
      const to = Number(last ?? first);
      if (first === undefined || Math.min(from, to) < least || from > 65535 || to > 65535) {
        const forms = `a number ${least} to 65535 or a range like 5060-5090`;
        throw new FieldError(`'${text}' is not a port; write ${forms}`);
      }
      if (from > to) throw new FieldError(`'${text}' runs backwards; write ${to}-${from}`);
      return { from, to };
    },
    write: ({ from, to }) => (from === to ? `${from}` : `${from}-${to}`),
  };
}

/** `0x10` or `0x10/0xff`. Without a mask in the text, `mask` is null. */
export const packetMark: TextForm<{ readonly value: number; readonly mask: number | null }> = {
  read(text) {
    const [valueText = '', maskText, ...rest] = text.split('/');
    const value = wholeNumber(valueText);
    const mask = maskText === undefined ? null : wholeNumber(maskText);
    const isMaskRead = maskText === undefined || (mask !== null && mask > 0 && mask <= 0xffffffff);
    if (rest.length > 0 || value === null || value < 0 || value > 0xffffffff || !isMaskRead) {
      throw new FieldError(`'${text}' is not a mark; write a number like 0x10, or 0x10/0xff with a mask`);
    }
    if (mask !== null && (value & ~mask) !== 0) throw new FieldError(`'${text}' has bits outside its mask`);
    return { value, mask };
  },
  write: ({ value, mask }) => (mask === null ? hex(value) : `${hex(value)}/${hex(mask)}`),
};

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** A device name as the kernel allows it, without the characters that have a meaning in rule languages. */
export const device: TextForm<string> = {
  read(text) {
    if (!/^[\w.@+~-]{1,15}$/.test(text) || text === '.' || text === '..') {
      throw new FieldError(`'${text}' is not a device name (1 to 15 letters, digits or . _ - + @ ~)`);
    }
    return text;
  },
  write: (name) => name,
};

/** A mask of eight neighbouring bits. */
export const eightBits: TextForm<number> = {
  read(text) {
    const isMask = /^(0x[\da-f]{1,8}|\d{1,10})$/i.test(text);
    const mask = Number(text);
    const shift = isMask ? 31 - Math.clz32(mask & -mask) : -1;
    if (!isMask || shift < 0 || shift > 24 || mask !== 0xff * 2 ** shift) {
      throw new FieldError(
        `'${text}' is neither auto nor a mask of eight neighbouring bits, like 0xff000000 or 0x00ff0000`,
      );
    }
    return mask;
  },
  write: (mask) => `0x${mask.toString(16).padStart(8, '0')}`,
};

export const eightBitsOrAuto: TextForm<number | 'auto'> = {
  read: (text) => (text === 'auto' ? text : eightBits.read(text)),
  write: (mask) => (mask === 'auto' ? mask : eightBits.write(mask)),
};
