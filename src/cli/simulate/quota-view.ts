/** What quotas came to in a run or in a replay: tables of text, and JSON. */
import { formatTime } from '../../base/units.ts';
import type { Outcome, QuotaTotals, TalliedLimit } from '../../sim/quotas/tally.ts';
import { type Cell, renderCells, type Style } from './style.ts';

/** Hosts with a line of their own. */
const HOSTS_SHOWN = 30;
const NS_PER_SEC = 1e9;

export interface QuotaView {
  readonly totals: readonly QuotaTotals[];
  readonly outcomes: readonly Outcome[];
  /** Windows and limits were divided by this. */
  readonly speed: number;
  /** An instant for people. */
  readonly instant: (ns: number) => string;
}

const TOTALS_HEAD = ['quota', 'warned', 'exceeded', 'at once', 'times', 'together'];
const HOSTS_HEAD = ['host', 'quota', 'times', 'together', 'longest', 'first', 'limits'];

/** All quotas, and the hosts that exceeded any. */
export function quotaTables(view: QuotaView, style: Style): string {
  const exceeded = view.outcomes.filter(({ violations }) => violations.length > 0);
  const totals = quotaTotalsTable(view, style);
  return exceeded.length === 0 ? totals : `${totals}\n\n${hostTable(exceeded, view, style)}`;
}

export function quotaTotalsTable({ totals }: QuotaView, style: Style): string {
  const lines = totals.map(({ quota, ...of }) => [
    ...[quota, `${of.hostsWarned}`, `${of.hostsExceeded}`, `${of.hostsExceededMax}`, `${of.violations}`],
    roughTime(of.exceededNs),
  ]);
  return tableOf(TOTALS_HEAD, lines, 1, style);
}

function hostTable(exceeded: readonly Outcome[], view: QuotaView, style: Style): string {
  const lines = exceeded.slice(0, HOSTS_SHOWN).map((outcome) => [
    outcome.host,
    outcome.quota,
    `${outcome.violations.length}`,
    roughTime(outcome.exceededNs),
    roughTime(longestNs(outcome)),
    view.instant(outcome.violations[0].fromNs),
    limitsOf(outcome)
      .map((limit) => limitText(limit, view.speed))
      .join(', '),
  ]);
  const table = tableOf(HOSTS_HEAD, lines, 2, style);
  const more = exceeded.length - lines.length;
  return more > 0 ? `${table}\n${more} more hosts (--json lists them all)` : table;
}

function tableOf(
  head: readonly string[],
  lines: readonly (readonly string[])[],
  leftColumns: number,
  style: Style,
): string {
  const align = (column: number): 'left' | 'right' =>
    column < leftColumns || column === head.length - 1 ? 'left' : 'right';
  return renderCells([
    head.map((text, column): Cell => ({ text, paint: style.bold, align: align(column) })),
    ...lines.map((line) => line.map((text, column): Cell => ({ text, align: align(column) }))),
  ]);
}

/** Violations that are under way at the end have no longest time of their own: they count to the end. */
function longestNs({ violations, exceededNs }: Outcome): number {
  const ended = violations.map(({ fromNs, untilNs }) => (untilNs === null ? 0 : untilNs - fromNs));
  const open = exceededNs - ended.reduce((sum, ns) => sum + ns, 0);
  return Math.max(open, ...ended);
}

/** Those by which any violation began, the most frequent first. */
function limitsOf({ violations }: Outcome): TalliedLimit[] {
  const counts = new Map<string, { limit: TalliedLimit; count: number }>();
  for (const limit of violations.flatMap(({ limits }) => limits)) {
    const key = `${limit.overNs} ${limit.direction}`;
    counts.set(key, { limit, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count).map(({ limit }) => limit);
}

/** `4h down`, as configured. */
const limitText = ({ overNs, direction }: TalliedLimit, speed: number): string =>
  `${formatTime(Math.round(overNs * speed))} ${direction}`;

/** `3.2 h`: two digits, for people. */
export function roughTime(ns: number): string {
  const seconds = ns / NS_PER_SEC;
  if (seconds < 100) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 100 * 3600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}

export function quotaJson(
  { totals, outcomes, speed }: QuotaView,
  instant: (ns: number) => string | number,
): object {
  return {
    speed,
    totals: totals.map(({ exceededNs, ...rest }) => ({ ...rest, exceededSeconds: exceededNs / NS_PER_SEC })),
    hosts: outcomes.map(({ host, quota, warnings, exceededNs, violations }) => ({
      host,
      quota,
      warnings,
      exceededSeconds: exceededNs / NS_PER_SEC,
      violations: violations.map(({ fromNs, untilNs, limits }) => ({
        from: instant(fromNs),
        until: untilNs === null ? null : instant(untilNs),
        limits: limits.map((limit) => ({
          over: formatTime(Math.round(limit.overNs * speed)),
          direction: limit.direction,
        })),
      })),
    })),
  };
}
