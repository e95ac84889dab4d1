/** Text form of addresses and prefixes: from text to the words that the core compares, and back. */
import ipaddr from 'ipaddr.js';
import type { PrefixSpec } from '../../spec/spec.ts';
import { FieldError, type TextForm } from './kinds.ts';

export interface ReadPrefix {
  readonly prefix: PrefixSpec;
  /** The prefix without the bits beyond its length, if the text had such bits; else null. */
  readonly corrected: string | null;
}

const FORMS = '10.0.0.1, 10.0.0.0/24, fd00::1 or fd00::/64';
/** Bits before the IPv4 part of ::ffff:10.0.0.1. */
const MAPPED_BITS = 96;

/** Reads an address or a prefix. An IPv4-mapped IPv6 address becomes the IPv4 address that it stands for. */
function readPrefix(text: string): ReadPrefix {
  const [address = '', length, ...rest] = text.split('/');
  const isFourParts = ipaddr.IPv4.isValidFourPartDecimal(address);
  const isSix = address.includes(':') && !address.includes('%') && ipaddr.IPv6.isValid(address);
  const isLengthDigits = length === undefined || /^\d{1,3}$/.test(length);
  if (rest.length > 0 || !(isFourParts || isSix) || !isLengthDigits) {
    throw new FieldError(`'${text}' is not an address; write ${FORMS}`);
  }
  let bytes = ipaddr.parse(address).toByteArray();
  let bits = length === undefined ? bytes.length * 8 : Number(length);
  if (bits > bytes.length * 8)
    throw new FieldError(`'${text}': the prefix length is at most ${bytes.length * 8}`);
  if (isMapped(bytes) && bits >= MAPPED_BITS) {
    bytes = bytes.slice(MAPPED_BITS / 8);
    bits -= MAPPED_BITS;
  }
  return masked(bytes, bits);
}

function isMapped(bytes: readonly number[]): boolean {
  const lead = bytes.slice(0, 12).join();
  return bytes.length === 16 && lead === '0,0,0,0,0,0,0,0,0,0,255,255';
}

function masked(bytes: readonly number[], bits: number): ReadPrefix {
  const kept = bytes.map((byte, i) => byte & (0xff << Math.min(8, Math.max(0, 8 * (i + 1) - bits))) & 0xff);
  const isCorrected = kept.some((byte, i) => byte !== bytes[i]);
  const word = (w: number): number =>
    w * 4 < kept.length ? kept.slice(4 * w, 4 * w + 4).reduce((sum, byte) => sum * 256 + byte, 0) : 0;
  const words: PrefixSpec['words'] = [word(0), word(1), word(2), word(3)];
  const spec: PrefixSpec = { family: bytes.length === 4 ? 4 : 6, words, bits };
  return { prefix: spec, corrected: isCorrected ? writePrefix(spec) : null };
}

/** `10.0.0.0/24`. A whole address has no length. */
function writePrefix({ family, words, bits }: PrefixSpec): string {
  const used = family === 4 ? words.slice(0, 1) : words;
  const bytes = used.flatMap((word) => [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff]);
  const address = ipaddr.fromByteArray(bytes).toString();
  return bits === 8 * bytes.length ? address : `${address}/${bits}`;
}

export const prefix: TextForm<ReadPrefix> = {
  read: readPrefix,
  write: (value) => writePrefix(value.prefix),
};
