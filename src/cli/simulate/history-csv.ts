/**
 * Recorded history as comma-separated values (RFC 4180), one line for each host and step or reading:
 *
 *   at,host,upBytes,downBytes          bytes of the step that begins at `at`: `shaper history --csv`
 *   at,host,upCounter,downCounter      readings of counters, which may wrap and be reset
 *
 * `at` is an instant in ISO 8601 or in seconds since 1970. An empty field is unknown. Without the column
 * `host` all is of one host.
 */
import { counterDelta } from '../../algo/quota/counter.ts';
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import type { DirectionRates } from '../../quotas/effects.ts';
import type { RecordedHost } from '../../sim/quotas/replay.ts';

const NS_PER_MS = 1e6;
/** Readings that are further apart tell nothing: a counter may have been reset and have gone beyond. */
const HEARTBEAT_NS = 3600e9;
/** A counter that was faster than the line by more than this was reset. */
const ABOVE_LINE = 1.1;

interface Row {
  readonly line: number;
  readonly atMs: number;
  /** As in the file; empty is unknown. */
  readonly up: string;
  readonly down: string;
}

interface Columns {
  readonly at: number;
  readonly host: number | null;
  readonly up: number;
  readonly down: number;
  readonly areCounters: boolean;
}

/**
 * `host`: of a file without that column; `rates`: of the line. Throws OperatingError that names the line of
 * the file.
 */
export function parseHistoryCsv(
  text: string,
  file: string,
  host: string,
  rates: DirectionRates,
): RecordedHost[] {
  const [first = '', ...lines] = text.split(/\r?\n/);
  const columns = columnsOf(first, file);
  const byHost = new Map<string, Row[]>();
  for (const [i, line] of lines.entries()) {
    if (line === '') continue;
    const fields = line.split(',').map((field) => field.replace(/^"(.*)"$/, '$1').trim());
    const row = rowOf(fields, columns, file, i + 2);
    const id = columns.host === null ? host : (fields[columns.host] as string);
    const rows = byHost.get(id);
    if (rows === undefined) byHost.set(id, [row]);
    else rows.push(row);
  }
  return [...byHost].map(([id, rows]) => {
    rows.sort((a, b) => a.atMs - b.atMs);
    return columns.areCounters ? fromReadings(id, rows, file, rates) : fromSteps(id, rows, file);
  });
}

function columnsOf(head: string, file: string): Columns {
  const names = head.split(',').map((name) => name.replace(/^\uFEFF|"/g, '').trim());
  const place = (name: string): number | null => (names.includes(name) ? names.indexOf(name) : null);
  const [at, upBytes, upCounter] = ['at', 'upBytes', 'upCounter'].map(place);
  const up = upBytes ?? upCounter;
  const down = place(upBytes === null ? 'downCounter' : 'downBytes');
  if (at === null || up === null || down === null) {
    throw refused(file, 1, `the heading is '${head.slice(0, 60)}'`);
  }
  return { at, host: place('host'), up, down, areCounters: upBytes === null };
}

function rowOf(fields: readonly string[], columns: Columns, file: string, line: number): Row {
  const [at = '', up = '', down = ''] = [columns.at, columns.up, columns.down].map((i) => fields[i]);
  const atMs = /^\d+(\.\d+)?$/.test(at) ? 1000 * Number(at) : Date.parse(at);
  if (Number.isNaN(atMs)) throw refused(file, line, `'${at}' is no instant`);
  for (const field of [up, down]) {
    if (!/^\d*$/.test(field)) throw refused(file, line, `'${field}' is no number of bytes`);
  }
  if (columns.host !== null && !fields[columns.host]) throw refused(file, line, 'the host is missing');
  return { line, atMs, up, down };
}

/** Each step ends where the next begins; the last one is as long as the one before. */
function fromSteps(id: string, rows: readonly Row[], file: string): RecordedHost {
  if (rows.length < 2) throw refused(file, rows[0].line, `one step of '${id}' does not say how long it is`);
  const last = 2 * rows[rows.length - 1].atMs - rows[rows.length - 2].atMs;
  const bytesOf = (field: (row: Row) => string): Float64Array =>
    Float64Array.from(rows, (row) => (row.up === '' || row.down === '' ? Number.NaN : Number(field(row))));
  return {
    id,
    fromMs: Float64Array.from(rows, ({ atMs }) => atMs),
    toMs: Float64Array.from(rows, (_, i) => rows[i + 1]?.atMs ?? last),
    upBytes: bytesOf(({ up }) => up),
    downBytes: bytesOf(({ down }) => down),
  };
}

/** A point between any two readings; unknown where one of them is missing or the counter was reset. */
function fromReadings(id: string, rows: readonly Row[], file: string, rates: DirectionRates): RecordedHost {
  if (rows.length < 2) throw refused(file, rows[0].line, `one reading of '${id}' tells no bytes`);
  const from = rows.slice(0, -1);
  const delta = (before: string, after: string, lineBytesPerSec: number, i: number): number => {
    const bytesPerSecMax = ABOVE_LINE * lineBytesPerSec;
    const params = { bits: 'auto', heartbeatNs: HEARTBEAT_NS, bytesPerSecMax } as const;
    const elapsedNs = (rows[i + 1].atMs - rows[i].atMs) * NS_PER_MS;
    const bytes = counterDelta(reading(before), reading(after), elapsedNs, params);
    return bytes === null ? Number.NaN : Number(bytes);
  };
  const up = from.map((row, i) => delta(row.up, rows[i + 1].up, rates.upBytesPerSec, i));
  const down = from.map((row, i) => delta(row.down, rows[i + 1].down, rates.downBytesPerSec, i));
  const known = (bytes: readonly number[]): Float64Array =>
    Float64Array.from(bytes, (value, i) => (Number.isNaN(up[i] + down[i]) ? Number.NaN : value));
  return {
    id,
    fromMs: Float64Array.from(from, ({ atMs }) => atMs),
    toMs: Float64Array.from(rows.slice(1), ({ atMs }) => atMs),
    upBytes: known(up),
    downBytes: known(down),
  };
}

const reading = (field: string): bigint | null => (field === '' ? null : BigInt(field));

function refused(file: string, line: number, reason: string): OperatingError {
  return new OperatingError(
    EXIT_USAGE,
    `${file}:${line}: ${reason}`,
    'a history has the heading at,host,upBytes,downBytes or at,host,upCounter,downCounter',
  );
}
