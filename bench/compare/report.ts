/** Figures of the comparison from what was measured, and tables of them. */
import { jainIndex } from '../../src/base/fairness.ts';
import { median, quantile } from '../statistics.ts';
import { renderTable } from '../table.ts';
import type { Cell } from './guest.ts';
import { BASE_RTT_MS, LOADS, type Load } from './loads.ts';
import { RATE_BITS_PER_SEC, SHAPERS } from './shapers.ts';

/** IP bytes that carry so much TCP payload in full-sized packets with timestamps. */
const IP_BYTES_PER_PAYLOAD_BYTE = 1500 / 1448;

/** Of one cell; of several runs the median of each. */
export interface Figures {
  /** Payload of all streams. */
  readonly tcpBitsPerSec: number;
  /** Jain's index of the streams: 1 is equal, 1/n is all for one. */
  readonly jain: number;
  readonly udpBitsPerSec: number;
  readonly udpLostRatio: number;
  readonly udpDelayP99Ms: number;
  /** Of the configured rate, TCP and UDP. */
  readonly usedRatio: number;
  /**
   * Round trips above those of the bare line, here and below: median without load, percentiles under load.
   */
  readonly pingIdleMs: number;
  readonly pingP50Ms: number;
  readonly pingP99Ms: number;
  readonly pingsLost: number;
  readonly dropped: number;
  readonly marked: number;
}

export interface Row {
  readonly shaper: string;
  readonly load: string;
  readonly runs: readonly Figures[];
  readonly figures: Figures;
}

export function figuresOf({ measured, idlePingMs, signals }: Cell): Figures {
  const tcpBitsPerSec = measured.streamBitsPerSec.reduce((a, b) => a + b, 0);
  return {
    tcpBitsPerSec,
    jain: jainIndex(measured.streamBitsPerSec),
    udpBitsPerSec: measured.udpBitsPerSec,
    udpLostRatio: measured.udpLostRatio,
    udpDelayP99Ms: measured.udpDelayP99Ms ?? Number.NaN, // JSON has no NaN
    usedRatio: (tcpBitsPerSec * IP_BYTES_PER_PAYLOAD_BYTE + measured.udpBitsPerSec) / RATE_BITS_PER_SEC,
    pingIdleMs: median(idlePingMs) - BASE_RTT_MS,
    pingP50Ms: quantile(measured.pingMs, 0.5) - BASE_RTT_MS,
    pingP99Ms: quantile(measured.pingMs, 0.99) - BASE_RTT_MS,
    pingsLost: measured.pingsLost,
    ...signals,
  };
}

function medians(runs: readonly Figures[]): Figures {
  const keys = Object.keys(runs[0]!) as (keyof Figures)[];
  return Object.fromEntries(
    keys.map((key) => [key, median(runs.map((run) => run[key]))]),
  ) as unknown as Figures;
}

/** In the order of SHAPERS and LOADS, whatever order the cells came in. */
export function rowsOf(cells: readonly Cell[]): Row[] {
  return LOADS.flatMap(({ key: load }) =>
    SHAPERS.flatMap(({ key: shaper }) => {
      const runs = cells.filter((cell) => cell.load === load && cell.shaper === shaper).map(figuresOf);
      return runs.length === 0 ? [] : [{ shaper, load, runs, figures: medians(runs) }];
    }),
  );
}

const mbit = (bitsPerSec: number): string => (bitsPerSec / 1e6).toFixed(2);
const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;
const ms = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

function tableOf(load: Load, rows: readonly Row[]): string {
  const isShared = load.tcpStreams > 1;
  const hasUdp = load.udpBitsPerSec !== undefined;
  const head = [load.label, 'TCP Mbit/s', ...(isShared ? ['Jain'] : [])];
  if (hasUdp) head.push('UDP Mbit/s', 'lost', 'UDP delay p99');
  head.push('line used', 'ping: idle', 'p50', 'p99 ms', 'lost', 'dropped', 'marked');
  const lines = rows.map(({ shaper, figures: f }) => {
    const cells = [SHAPERS.find(({ key }) => key === shaper)!.label, mbit(f.tcpBitsPerSec)];
    if (isShared) cells.push(f.jain.toFixed(3));
    if (hasUdp) cells.push(mbit(f.udpBitsPerSec), percent(f.udpLostRatio), `${ms(f.udpDelayP99Ms)} ms`);
    return [
      ...cells,
      percent(f.usedRatio),
      ms(f.pingIdleMs),
      ms(f.pingP50Ms),
      ms(f.pingP99Ms),
      ...[f.pingsLost, f.dropped, f.marked].map((count) => count.toFixed(0)),
    ];
  });
  return renderTable(head, lines, true);
}

/** One table per load. */
export function renderRows(rows: readonly Row[]): string {
  return LOADS.flatMap((load) => {
    const own = rows.filter((row) => row.load === load.key);
    return own.length === 0 ? [] : [tableOf(load, own)];
  }).join('\n\n');
}

/** `3 runs`, `1 run`, or `1 to 3 runs` where some failed. */
export function runsText(rows: readonly Row[]): string {
  const counts = rows.map(({ runs }) => runs.length);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return `${least === most ? most : `${least} to ${most}`} ${most === 1 ? 'run' : 'runs'}`;
}

/** How far runs of the same cell are apart at most; one line, empty for single runs. */
export function renderRepeats(rows: readonly Row[]): string {
  const repeated = rows.filter(({ runs }) => runs.length > 1);
  if (repeated.length === 0) return '';
  const widest = (what: (f: Figures) => number): Row & { apart: number } =>
    repeated
      .map((row) => ({ ...row, apart: Math.max(...row.runs.map(what)) - Math.min(...row.runs.map(what)) }))
      .reduce((a, b) => (b.apart > a.apart ? b : a));
  const used = widest((f) => f.usedRatio);
  const ping = widest((f) => f.pingP99Ms);
  return (
    `${runsText(repeated)}; farthest apart: line used ${percent(used.apart)} (${used.shaper}, ${used.load}), ` +
    `ping p99 ${ms(ping.apart)} ms (${ping.shaper}, ${ping.load})`
  );
}
