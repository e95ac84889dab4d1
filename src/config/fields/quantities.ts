/** Kinds of fields whose values are numbers: rates, sizes, times, shares, and numbers without a unit. */
import {
  formatBytes,
  formatRate,
  formatTime,
  parseBytes,
  parseRate,
  parseShare,
  parseSize,
  parseTime,
  type Size,
  UNLIMITED,
  UNLIMITED_BYTES_PER_SEC,
} from '../../base/units.ts';
import { type About, FieldError, type ScalarField, word } from './kinds.ts';

/** A rate or a share of the parent's ceil. */
export type RateOrShare =
  | { readonly kind: 'rate'; readonly rateBytesPerSec: number }
  | { readonly kind: 'share'; readonly ratio: number };

/** A size that means nothing as a number of packets. */
export type ByteSize = Exclude<Size, { kind: 'packets' }>;

export const RATE_MIN_BYTES_PER_SEC = parseRate('1kbit');
const RATE_MAX_BYTES_PER_SEC = parseRate('1000gbit');

function readRate(text: string): number {
  const rateBytesPerSec = parseRate(text);
  if (rateBytesPerSec < RATE_MIN_BYTES_PER_SEC || rateBytesPerSec > RATE_MAX_BYTES_PER_SEC) {
    const range = `${formatRate(RATE_MIN_BYTES_PER_SEC)} to ${formatRate(RATE_MAX_BYTES_PER_SEC)}`;
    throw new FieldError(`${text} is out of range: ${range}`);
  }
  return rateBytesPerSec;
}

export function rate(about: About): ScalarField<number> {
  return word({ ...about, takes: 'rate' }, { read: readRate, write: formatRate });
}

/** The rate of a direction, which may have no limit. */
export function rateOrUnlimited(about: About): ScalarField<number> {
  const read = (text: string): number => (text === UNLIMITED ? UNLIMITED_BYTES_PER_SEC : readRate(text));
  return word({ ...about, takes: 'rate or unlimited' }, { read, write: formatRate });
}

/** The shortest digits before `%` that are read as exactly this ratio. */
function writeShare(ratio: number): string {
  const percent = (digits: number): string => `${(100 * ratio).toFixed(digits)}%`;
  let decimals = 0;
  while (decimals < 25 && parseShare(percent(decimals)) !== ratio) decimals++;
  return percent(decimals);
}

export function rateOrShare(about: About): ScalarField<RateOrShare> {
  const read = (text: string): RateOrShare => {
    if (text === UNLIMITED)
      throw new FieldError('only a direction is unlimited; a class without this key has what is around it');
    const ratio = parseShare(text);
    if (ratio === null) return { kind: 'rate', rateBytesPerSec: readRate(text) };
    if (ratio <= 0 || ratio > 1) throw new FieldError(`${text} is out of range: above 0% up to 100%`);
    return { kind: 'share', ratio };
  };
  const write = (value: RateOrShare): string =>
    value.kind === 'rate' ? formatRate(value.rateBytesPerSec) : writeShare(value.ratio);
  return word({ ...about, takes: 'rate or share' }, { read, write });
}

/** Sizes given as times take no minutes, hours or days. */
function writeSizeTime(ns: number): string {
  return ns >= 1e9 && ns % 1e9 === 0 ? `${ns / 1e9}s` : formatTime(ns);
}

function writeSize(value: Size): string {
  if (value.kind === 'packets') return `${value.packets}p`;
  return value.kind === 'bytes' ? formatBytes(value.bytes) : writeSizeTime(value.ns);
}

/** A share as a part of 1, from 0% to 100%. */
export function share(about: About): ScalarField<number> {
  const read = (text: string): number => {
    const ratio = parseShare(text);
    if (ratio === null || ratio < 0 || ratio > 1)
      throw new FieldError(`'${text}' is not a share from 0% to 100%`);
    return ratio;
  };
  return word({ ...about, takes: '0% to 100%' }, { read, write: writeShare });
}

/** Bytes, packets or time. */
export function size(about: About): ScalarField<Size> {
  return word({ ...about, takes: 'size' }, { read: parseSize, write: writeSize });
}

/** Bytes or time. */
export function byteSize(about: About): ScalarField<ByteSize> {
  const read = (text: string): ByteSize => {
    const parsed = parseSize(text);
    if (parsed.kind === 'packets')
      throw new FieldError(`${text}: give bytes (15kB) or a time (20ms), not packets`);
    return parsed;
  };
  return word<ByteSize>({ ...about, takes: 'size' }, { read, write: writeSize });
}

interface Range {
  readonly min: number;
  readonly max: number;
}

export function bytes(about: About & Range): ScalarField<number> {
  const range = `${formatBytes(about.min)} to ${formatBytes(about.max)}`;
  const read = (text: string): number => {
    const value = parseBytes(text);
    if (value < about.min || value > about.max) throw new FieldError(`${text} is out of range: ${range}`);
    return value;
  };
  return word({ ...about, takes: range }, { read, write: formatBytes });
}

/** Decimal or 0x… digits as a whole number; null for any other text. */
export function wholeNumber(text: string): number | null {
  return /^(-?\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : null;
}

export function integer(about: About & Range): ScalarField<number> {
  const { min, max } = about;
  const read = (text: string): number => {
    const value = wholeNumber(text);
    if (value === null || value < min || value > max) {
      throw new FieldError(`'${text}' is not a whole number from ${min} to ${max}`);
    }
    return value;
  };
  const schema = { type: 'integer', minimum: min, maximum: max };
  return word({ ...about, takes: `${min} to ${max}` }, { read, write: String }, schema);
}

const DECIMAL = /^\d*\.?\d+(e-?\d+)?$/i;

/** A real number. */
export function number(about: About & Range): ScalarField<number> {
  const { min, max } = about;
  const read = (text: string): number => {
    const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new FieldError(`'${text}' is not a number from ${min} to ${max}`);
    }
    return value;
  };
  const schema = { type: 'number', minimum: min, maximum: max };
  return word({ ...about, takes: `${min} to ${max}` }, { read, write: String }, schema);
}

/** A span of time. Bounds and value are nanoseconds. */
export function time(about: About & Range): ScalarField<number> {
  const range = `${formatTime(about.min)} to ${formatTime(about.max)}`;
  const read = (text: string): number => {
    const ns = parseTime(text);
    if (ns < about.min || ns > about.max) throw new FieldError(`${text} is out of range: ${range}`);
    return ns;
  };
  return word({ ...about, takes: range }, { read, write: formatTime });
}

/** A real number above 0 up to 1, which may be given as a share. */
export function fraction(about: About): ScalarField<number> {
  const read = (text: string): number => {
    const value = parseShare(text) ?? (DECIMAL.test(text) ? Number(text) : Number.NaN);
    if (!(value > 0 && value <= 1))
      throw new FieldError(`'${text}' is not a number above 0 up to 1 (or 100%)`);
    return value;
  };
  const schema = { type: ['number', 'string'] };
  return word({ ...about, takes: 'above 0 up to 1' }, { read, write: String }, schema);
}
