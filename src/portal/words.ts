/** Amounts, spans and instants as people say them. */
import { formatBytesShort } from '../base/units.ts';

const SEC_NS = 1e9;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** From here on minutes say nothing more. */
const TWO_DAYS_MS = 2 * DAY_MS;

const SPANS: readonly (readonly [string, number])[] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** `10 GB`, `5.2 GB`, `312 MB`. */
export function amountText(bytes: number): string {
  return formatBytesShort(bytes)
    .replace(/(\.\d*?)0+ /, '$1 ')
    .replace('. ', ' ');
}

/** `4 hours`, `7 days`, `90 minutes`; of one unit only its name: the last `hour`. */
export function spanText(ns: number): string {
  const seconds = Math.round(ns / SEC_NS);
  const [unit, length] = SPANS.find(([, one]) => seconds >= one && seconds % one === 0) ?? ['second', 1];
  return seconds === length ? unit : `${seconds / length} ${unit}s`;
}

/** `less than a minute`, `12 min`, `2 h 10 min`, `3 days 4 h`. Rounded up, so that nobody comes too early. */
export function waitText(ms: number): string {
  if (ms < MINUTE_MS) return 'less than a minute';
  if (ms < TWO_DAYS_MS) {
    const minutes = Math.ceil(ms / MINUTE_MS);
    return joined([Math.floor(minutes / 60), 'h'], [minutes % 60, 'min']);
  }
  const hours = Math.ceil(ms / HOUR_MS);
  return joined([Math.floor(hours / 24), 'days'], [hours % 24, 'h']);
}

function joined(...parts: readonly (readonly [number, string])[]): string {
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}

/** `at about 14:35`, `tomorrow at about 08:00`, `on Tuesday 1 December at about 14:35`, in local time. */
export function instantText(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const day = dayOf(at);
  if (day === dayOf(new Date(nowMs))) return `at about ${time}`;
  if (day === dayOf(nextDay(nowMs))) return `tomorrow at about ${time}`;
  const date = at.toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long' });
  return `on ${date.replace(',', '')} at about ${time}`;
}

const dayOf = (at: Date): string => at.toDateString();

/** Days with a change of the clock have 23 or 25 hours. */
function nextDay(nowMs: number): Date {
  const next = new Date(nowMs);
  next.setDate(next.getDate() + 1);
  return next;
}
