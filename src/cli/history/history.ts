/** `shaper history`: what a host sent and received in the past, as plot, page, values or JSON. */
import { EXIT_FINE } from '../../base/errors.ts';
import { parseTime } from '../../base/units.ts';
import { call } from '../../client/client.ts';
import {
  type HistoryReport,
  HOUSE,
  type QuotasReport,
  type StandingReport,
} from '../../control/hosts/reports.ts';
import { readVersion } from '../../live/version.ts';
import { type ChangeOptions, socketOf } from '../change/socket.ts';
import { tryPage, writePage } from '../page/write.ts';
import { withQuery } from '../query.ts';
import type { Terminal } from '../terminal.ts';
import { historyCsv } from './csv.ts';
import { historyPage, type PageSpan, type PageWindow } from './page.ts';
import { historyText } from './text.ts';

export interface HistoryOptions extends ChangeOptions {
  readonly last?: string;
  readonly step?: string;
  readonly csv?: boolean;
  readonly html?: string;
}

/** Of the route as well. */
const DEFAULT_LAST = '7d';

/** What the page shows, the shortest first. */
const SPANS = [
  { title: 'last day', last: '1d', step: undefined, ms: 86_400_000 },
  { title: 'last week', last: '7d', step: undefined, ms: 7 * 86_400_000 },
  { title: 'last month', last: '30d', step: undefined, ms: 30 * 86_400_000 },
] as const;

export async function history(host: string, options: HistoryOptions, terminal: Terminal): Promise<number> {
  const { last, step, html, json, csv } = options;
  const socketPath = socketOf(options);
  if (html !== undefined) {
    tryPage(html);
    writePage(html, await pageOf(socketPath, host, options), 'w');
    terminal.err(`shaper: wrote ${html}\n`);
    return EXIT_FINE;
  }
  const report = await ask(socketPath, { host, last, step });
  const text = json ? `${JSON.stringify(report, null, 2)}\n` : csv ? historyCsv(report) : null;
  terminal.out(text ?? historyText(report, terminal));
  return EXIT_FINE;
}

function ask(
  socketPath: string,
  query: { readonly host: string; readonly last?: string | undefined; readonly step?: string | undefined },
): Promise<HistoryReport> {
  return call<HistoryReport>(socketPath, 'GET', withQuery('/v1/history', query));
}

/** The span that was asked for stands before the usual ones. */
async function pageOf(socketPath: string, host: string, asked: HistoryOptions): Promise<string> {
  const { last: askedLast = DEFAULT_LAST, step: askedStep } = asked;
  const steps = askedStep === undefined ? '' : ` in steps of ${askedStep}`;
  const own = { title: `last ${askedLast}${steps}`, last: askedLast, step: askedStep };
  const isOwnAsked = asked.last !== undefined || askedStep !== undefined;
  const spans: PageSpan[] = [];
  for (const { title, last, step } of [...(isOwnAsked ? [own] : []), ...SPANS]) {
    const house = host === HOUSE ? null : await ask(socketPath, { host: HOUSE, last, step });
    spans.push({ title, host: await ask(socketPath, { host, last, step }), house });
  }
  const windows = host === HOUSE ? [] : await windowsOf(socketPath, host);
  return historyPage({ spans, windows, version: readVersion(), madeAtMs: Date.now() });
}

/** Of each window of a quota a picture as long as the shortest span of the page that holds it. */
async function windowsOf(socketPath: string, host: string): Promise<PageWindow[]> {
  const { hosts } = await call<QuotasReport>(socketPath, 'GET', withQuery('/v1/quotas', { host }));
  const groups = new Map<string, StandingReport[]>();
  for (const standing of hosts[0]?.quotas ?? []) {
    const key = `${standing.quota} ${standing.over}`;
    groups.set(key, [...(groups.get(key) ?? []), standing]);
  }
  const windows: PageWindow[] = [];
  for (const limits of groups.values()) {
    const { quota, over } = limits[0]!;
    const overMs = parseTime(over) / 1e6;
    const shownMs = (SPANS.find(({ ms }) => ms >= 2 * overMs) ?? SPANS.at(-1)!).ms;
    const last = `${Math.ceil((shownMs + overMs) / 1000)}s`;
    windows.push({ quota, over, overMs, shownMs, limits, history: await ask(socketPath, { host, last }) });
  }
  return windows;
}
