/**
 * The only place where bits meet bytes: text that people write and read, to and from the numbers used inside
 * (bytes, bytes per second, nanoseconds). Follows the contract's section "Configuration".
 *
 * Case decides: `b` or `bit` is bits, `B` is bytes. k, M, G are powers of 1000 and Ki, Mi, Gi of 1024, in
 * either case, because tc writes `20mbit` and people write `20 Mbit/s`. Sizes have T and Ti as well. `bps`,
 * `kbps` and `mbps` are refused: tc reads them as bytes, everybody else as bits. So is a number without a
 * unit.
 */

/** The text is no quantity of the kind asked for. The message lists the accepted forms. */
export class UnitError extends Error {
  override readonly name = 'UnitError';
}

export const RATE_FORMS = '64kbit, 20mbit, 1gbit, 20 Mbit/s, 512K, 1M (bits per second) or 2.5MB/s (bytes)';
export const SIZE_FORMS = '1500B, 30kB, 64KiB (bytes), 200p (packets) or 50ms (time at the ceil)';
export const BYTES_FORMS = '1500B, 30kB or 64KiB';
export const TIME_FORMS = '100us, 15ms, 2s, 30m, 4h or 7d';
export const SHARE_FORMS = '80% or 0.8';

/** A size as written: bytes, packets, or a time, which becomes bytes when the rate is known. */
export type Size =
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'packets'; readonly packets: number }
  | { readonly kind: 'time'; readonly ns: number };

const BITS_PER_BYTE = 8;
const NS_PER_SEC = 1e9;

const PREFIX: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
  t: 1e12,
  ti: 1024 ** 4,
};

const TIME_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: NS_PER_SEC,
  m: 60e9,
  h: 3600e9,
  d: 86400e9,
  y: 365 * 86400e9,
};

const NUMBER = '(\\d+(?:\\.\\d+)?)';
const RATE = new RegExp(`^${NUMBER} ?([kKmMgG]i?)?([bB]it|b|B)?(/s)?$`);
const BYTES = new RegExp(`^${NUMBER} ?([kKmMgGtT]i?)?([bB]it|b|B)$`);
const PACKETS = /^(\d+) ?p$/;
const TIME = new RegExp(`^${NUMBER} ?(ns|us|ms|s|m|h|d|y)$`);
const BARE_NUMBER = /^[-+]?[\d.]+(e[-+]?\d+)?$/i;
const PER_SECOND_ABBREVIATED = /^[\d.]+ ?[kmg]?i?b(it)?ps$/i;

/** Removes the rounding errors of decimal fractions (2.3 * 1e6 is not whole in binary). */
function tidy(value: number): number {
  const whole = Math.round(value);
  return Math.abs(value - whole) <= 1e-9 * Math.max(1, Math.abs(value)) ? whole : value;
}

function scaled(digits: string, prefix: string | undefined): number {
  return tidy(Number(digits) * PREFIX[(prefix ?? '').toLowerCase()]);
}

function refuse(text: string, what: string, forms: string): UnitError {
  let reason = `is not a ${what}`;
  if (BARE_NUMBER.test(text)) reason = 'has no unit';
  else if (PER_SECOND_ABBREVIATED.test(text)) reason = 'may mean bits or bytes';
  return new UnitError(`'${text}' ${reason}; write a ${what} like ${forms}`);
}

/** `20mbit` -> bytes per second. Throws UnitError. */
export function parseRate(text: string): number {
  const parts = RATE.exec(text.trim());
  const [, digits, prefix, unit, perSecond] = parts ?? [];
  const isNamed = unit !== undefined || (prefix !== undefined && perSecond === undefined);
  if (digits === undefined || !isNamed) throw refuse(text, 'rate', RATE_FORMS);
  const amount = scaled(digits, prefix);
  return unit === 'B' ? amount : amount / BITS_PER_BYTE;
}

/**
 * `30kB` -> bytes. Throws UnitError, also for bits: a size in bits is almost always a slip of the shift key.
 */
export function parseBytes(text: string): number {
  const size = bytesOf(text);
  if (size === null) throw refuse(text, 'size', BYTES_FORMS);
  return size;
}

function bytesOf(text: string): number | null {
  const [, digits, prefix, unit] = BYTES.exec(text.trim()) ?? [];
  if (digits === undefined) return null;
  if (unit !== 'B')
    throw new UnitError(`'${text}' is in bits; sizes are in bytes, with a capital B: ${BYTES_FORMS}`);
  const bytes = scaled(digits, prefix);
  if (!Number.isInteger(bytes)) throw new UnitError(`'${text}' is not a whole number of bytes`);
  return bytes;
}

/**
 * `30kB`, `200p` or `50ms`. Times of a minute and more are refused, because no queue is so long. Throws
 * UnitError.
 */
export function parseSize(text: string): Size {
  const trimmed = text.trim();
  const packets = PACKETS.exec(trimmed);
  if (packets) return { kind: 'packets', packets: Number(packets[1]) };
  const [, digits, unit] = TIME.exec(trimmed) ?? [];
  if (digits !== undefined && unit!.endsWith('s'))
    return { kind: 'time', ns: tidy(Number(digits) * TIME_NS[unit!]) };
  const bytes = bytesOf(trimmed);
  if (bytes === null) throw refuse(text, 'size', SIZE_FORMS);
  return { kind: 'bytes', bytes };
}

/** `15ms` -> nanoseconds; `m` is minutes. Throws UnitError. */
export function parseTime(text: string): number {
  const [, digits, unit] = TIME.exec(text.trim()) ?? [];
  if (digits === undefined) throw refuse(text, 'time', TIME_FORMS);
  return tidy(Number(digits) * TIME_NS[unit!]);
}

/** `80%` -> 0.8, or null if the text has no percent sign. Throws UnitError for `80 percent%`. */
export function parseShare(text: string): number | null {
  const trimmed = text.trim();
  if (!trimmed.endsWith('%')) return null;
  const digits = trimmed.slice(0, -1).trimEnd();
  if (!/^\d+(\.\d+)?$/.test(digits)) throw refuse(text, 'share', SHARE_FORMS);
  return Number(digits) / 100;
}

/** Bytes that pass in `ns` at the rate, rounded up. */
export function bytesInTime(ns: number, rateBytesPerSec: number): number {
  return Math.ceil(tidy((ns * rateBytesPerSec) / NS_PER_SEC));
}

/** Bytes per second to bits per second, the unit of the contract's JSON. */
export function toBitsPerSec(rateBytesPerSec: number): number {
  return tidy(rateBytesPerSec * BITS_PER_BYTE);
}

/**
 * A direction without a limit. A number by which all arithmetic of buckets and shares stays finite: a byte
 * takes a millionth of a nanosecond, less than an instant can tell.
 */
export const UNLIMITED_BYTES_PER_SEC = 1e15;

/** Also of what others leave of such a rate. Infinity is no rate, but one that is not known. */
export function isUnlimited(rateBytesPerSec: number): boolean {
  return Number.isFinite(rateBytesPerSec) && rateBytesPerSec >= UNLIMITED_BYTES_PER_SEC / 2;
}

/** toBitsPerSec() for JSON, where null stands for no limit. */
export function toBitsPerSecOrNull(rateBytesPerSec: number): number | null {
  return isUnlimited(rateBytesPerSec) ? null : toBitsPerSec(rateBytesPerSec);
}

/** The inverse of toBitsPerSec. */
export function fromBitsPerSec(bitsPerSec: number): number {
  return bitsPerSec / BITS_PER_BYTE;
}

const PREFIXES_OF_RATES: readonly (readonly [prefix: string, factor: number])[] = [
  ['g', 1e9],
  ['m', 1e6],
  ['k', 1e3],
];
const PREFIXES_OF_SIZES = [
  ['T', 1e12],
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
] as const;

/** Exact text: the largest prefix that needs at most `decimals`, else none. */
function withPrefix(value: number, unit: string, decimals: number, prefixes = PREFIXES_OF_RATES): string {
  for (const [prefix, factor] of prefixes) {
    if (value >= factor && value % (factor / 10 ** decimals) === 0)
      return `${value / factor}${prefix}${unit}`;
  }
  return `${value}${unit}`;
}

/** What stands in the place of a rate that has no limit. */
export const UNLIMITED = 'unlimited';

/** `20mbit`: exact, parseRate gives the same number back. */
export function formatRate(rateBytesPerSec: number): string {
  if (isUnlimited(rateBytesPerSec)) return UNLIMITED;
  return withPrefix(toBitsPerSec(rateBytesPerSec), 'bit', 3);
}

/** `30kB`: exact, parseBytes gives the same number back. */
export function formatBytes(bytes: number): string {
  return withPrefix(bytes, 'B', 1, PREFIXES_OF_SIZES);
}

/** `12.3 MB`: three digits, for people. */
export function formatBytesShort(bytes: number): string {
  return short(bytes, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

/** `20.0 ms` from microseconds: three digits, for people. */
export function formatMicrosecondsShort(microseconds: number): string {
  return short(microseconds, ['us', 'ms', 's']);
}

/** `18.2 Mbit/s`: three digits, for people; null is no limit. */
export function formatBitsPerSecShort(bitsPerSec: number | null): string {
  if (bitsPerSec === null) return UNLIMITED;
  return short(bitsPerSec, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
}

/** `18.2M`, `950k`, `7`: three digits and the power of 1000, for columns whose heading has the unit. */
export function formatCountShort(count: number): string {
  return short(count, ['', 'k', 'M', 'G', 'T', 'P']).replace(' ', '');
}

function short(value: number, units: readonly string[]): string {
  let scaledValue = value;
  let unit = 0;
  while (unit < units.length - 1 && Number(scaledValue.toPrecision(3)) >= 1000) {
    scaledValue /= 1000;
    unit++;
  }
  const rounded = Number(scaledValue.toPrecision(3));
  const decimals = rounded >= 100 ? 0 : rounded >= 10 ? 1 : 2;
  return `${scaledValue.toFixed(unit === 0 ? 0 : decimals)} ${units[unit]}`;
}

/** `15ms`: exact, parseTime gives the same number back. */
export function formatTime(ns: number): string {
  for (const unit of ['y', 'd', 'h', 'm', 's', 'ms', 'us'] as const) {
    const amount = ns / TIME_NS[unit];
    if (amount >= 1 && Number.isInteger(amount)) return `${amount}${unit}`;
  }
  return `${ns}ns`;
}

/** `80%`: exact to a millionth. */
export function formatShare(share: number): string {
  return `${Math.round(share * 1e8) / 1e6}%`;
}
