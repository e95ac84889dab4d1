/**
 * The page as HTML: one file without scripts, which loads nothing. All that comes from elsewhere is escaped,
 * and nothing of a request is in it.
 */
import { escapeHtml } from '../base/escape-html.ts';
import { printable } from '../base/printable.ts';
import type { PageHost, PageStanding } from './messages.ts';
import { NOTHING_TEXT } from './text.ts';
import { amountText, instantText, spanText, waitText } from './words.ts';

export interface PageParts {
  /** null for everybody who is neither stopped nor slowed down. */
  readonly host: PageHost | null;
  /** The address that asked. */
  readonly address: string;
  /** HTML with words in braces. */
  readonly text: string;
  readonly style: string;
  /** What works all the same, as people write it. */
  readonly allow: readonly string[];
}

const PLACEHOLDER = /\{\{(\w+)\}\}/g;
/** A list that is longer helps nobody. */
const ALLOWED_SHOWN = 12;

export function renderPage({ host, address, text, style, allow }: PageParts, nowMs: number): string {
  const words = host === null ? NOTHING : wordsOf(host, address, allow, nowMs);
  const body = (host === null ? NOTHING_TEXT : text).replace(
    PLACEHOLDER,
    (whole, word: string) => words.get(word) ?? whole,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${words.get('title')}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** Words that a text can have in braces. */
export const WORDS = ['title', 'name', 'why', 'ends', 'quotas', 'allowed'] as const;

const NOTHING: ReadonlyMap<string, string> = new Map([['title', 'Nothing is stopped']]);

function wordsOf(
  host: PageHost,
  address: string,
  allow: readonly string[],
  nowMs: number,
): ReadonlyMap<string, string> {
  const values: Record<(typeof WORDS)[number], string> = {
    title: host.isStopped ? 'Your connection is stopped' : 'Your connection is slowed down',
    name: escapeHtml(printable(host.name === '' ? address : host.name)),
    why: whyHtml(host),
    ends: endsHtml(host, nowMs),
    quotas: quotasHtml(host.quotas),
    allowed: allowedHtml(host, allow),
  };
  return new Map(Object.entries(values));
}

const DID: Readonly<Record<PageStanding['direction'], readonly [string, string]>> = {
  up: ['sent', 'Sent'],
  down: ['received', 'Received'],
  total: ['sent and received', 'Sent and received'],
};

function whyHtml({ quotas }: PageHost): string {
  return quotas
    .filter(({ state }) => state === 'exceeded')
    .map(({ quota, overNs, direction, usedBytes, limitBytes }) => {
      const used = `${amountText(usedBytes)} in the last ${spanText(overNs)}`;
      const limit = `The limit of “${escapeHtml(quota)}” is ${amountText(limitBytes)}.`;
      return `<p>This device ${DID[direction][0]} ${used}. ${limit}</p>`;
    })
    .join('\n');
}

/** The last of the violations decides. */
function endsHtml({ quotas, isStopped }: PageHost, nowMs: number): string {
  const what = isStopped ? 'It works again' : 'It is fast again';
  const exceeded = quotas.filter(({ state }) => state === 'exceeded');
  const ends = exceeded.map(({ endsAt }) => (endsAt === null ? Number.NaN : Date.parse(endsAt)));
  const endMs = Math.max(...ends);
  if (!Number.isFinite(endMs)) return `${what} by itself, as soon as the device is under its limits.`;
  const wait = endMs <= nowMs ? 'in a few seconds' : `in ${waitText(endMs - nowMs)}`;
  const iso = new Date(endMs).toISOString();
  const when = `<time datetime="${iso}">${instantText(endMs, nowMs)}, ${wait}</time>`;
  const exact = `<small>${iso.slice(0, 16).replace('T', ' ')} UTC</small>`;
  return `${what} by itself <b>${when}</b>, if the device uses nothing more until then.${exact}`;
}

function quotasHtml(standings: readonly PageStanding[]): string {
  const names = [...new Set(standings.map(({ quota }) => quota))];
  return names
    .map((name) => {
      const rows = standings.filter(({ quota }) => quota === name).map(standingHtml);
      return `<section class="quota"><h3>${escapeHtml(name)}</h3><ul>\n${rows.join('\n')}\n</ul></section>`;
    })
    .join('\n');
}

const STATES: Readonly<Record<PageStanding['state'], string>> = {
  ok: '',
  warned: 'close to the limit',
  exceeded: 'over the limit',
};

function standingHtml({ overNs, direction, usedBytes, limitBytes, state }: PageStanding): string {
  const percent = limitBytes > 0 ? Math.round((100 * usedBytes) / limitBytes) : 100;
  const what = `${DID[direction][1]} in the last ${spanText(overNs)}`;
  const amounts = `${amountText(usedBytes)} of ${amountText(limitBytes)}`;
  const says = STATES[state] === '' ? '' : `<em>${percent} %, ${STATES[state]}</em>`;
  const label = `${what}: ${amounts}`;
  const bar =
    `<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="${label}">` +
    `<rect width="${Math.min(100, Math.max(0, percent))}" height="8"/></svg>`;
  return `<li class="${state}"><span>${what}</span><b>${amounts}</b>${bar}${says}</li>`;
}

function allowedHtml({ isStopped }: PageHost, allow: readonly string[]): string {
  if (!isStopped) return 'Everything works, only slower.';
  const basic = 'Names of sites are looked up (DNS), and devices get their addresses (DHCP)';
  if (allow.length === 0) return `${basic}.`;
  const shown = allow.slice(0, ALLOWED_SHOWN).map((one) => `<b>${escapeHtml(one)}</b>`);
  const more = allow.length > ALLOWED_SHOWN ? ' and others' : '';
  return `${basic}. These are reached as well: ${shown.join(', ')}${more}.`;
}
