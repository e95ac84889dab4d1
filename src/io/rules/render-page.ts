/**
 * Rules for hosts that a quota has stopped, where it shows them a page. The addresses of these hosts are
 * elements of two sets, which change while packets flow (stopped-sets.ts).
 *
 *     page_redirect   HTTP of a stopped host goes to the page instead
 *     page_forward    what else it sends through this machine, and what comes for it, is refused at once,
 *                     but for DNS, DHCP and the addresses that are allowed. It comes before the filters of
 *                     others, so that nothing of a stopped host gets into their flow tables
 *     page_input      the port of the page is for redirected connections alone, that of the API of RFC 8908
 *                     for inside hosts
 *
 * What goes from one inside device to another crosses no link and is let alone, and so is what is meant for
 * this machine itself.
 */
import { prefixText } from '../../packet/address-text.ts';
import { PAGE_HTTP_PORT, PAGE_HTTPS_PORT } from '../../spec/page.ts';
import type { PrefixSpec } from '../../spec/spec.ts';
import { quoteDevice, type RulesRequest, tableName } from './render-nft.ts';

export interface PageRules {
  /** Devices behind which the inside is. null: every device that is not a link's. */
  readonly lan: readonly string[] | null;
  /** The devices of the links. */
  readonly links: readonly string[];
  /** What stopped hosts reach all the same. Names have sets of their own. */
  readonly allow: readonly PrefixSpec[];
}

/** Addresses of stopped hosts, and those that allowed names have now. Both are filled while packets flow. */
export const STOPPED_SET = 'stopped';
export const NAMES_SET = 'allowed_names';
const ALLOWED_SET = 'allowed';

/** Before the redirections of others (-100). */
const REDIRECT_PRIORITY = -105;
/** Before the filters of others (0). */
const FORWARD_PRIORITY = -10;
/** Behind them: what they drop stays dropped. */
const INPUT_PRIORITY = 10;

const HOOKS = [
  ['page_redirect', `type nat hook prerouting priority ${REDIRECT_PRIORITY}; policy accept;`],
  ['page_forward', `type filter hook forward priority ${FORWARD_PRIORITY}; policy accept;`],
  ['page_input', `type filter hook input priority ${INPUT_PRIORITY}; policy accept;`],
] as const;

const FAMILIES = [
  { version: 4, ip: 'ip', type: 'ipv4_addr' },
  { version: 6, ip: 'ip6', type: 'ipv6_addr' },
] as const;

/** Whether there are chains of the page in hooks. Once there, they stay. */
export function hasPageHooks({ page, keepsPageHooks = false }: RulesRequest): boolean {
  return keepsPageHooks || page !== undefined;
}

export function pageLines(request: RulesRequest): string[] {
  if (!hasPageHooks(request)) return [];
  const { page } = request;
  const table = `inet ${tableName(request.nfqueue.first)}`;
  return [
    '# Hosts that a quota has stopped: HTTP goes to the page, the rest is refused at once.',
    ...setLines(table, page?.allow ?? []),
    ...(page === undefined ? [] : [...fromLines(table), ...toLines(table)]),
    ...HOOKS.map(([name, hook]) => `add chain ${table} ${name} { ${hook} }`),
    ...(page === undefined ? [] : hookRules(table, page)),
  ];
}

function setLines(table: string, allow: readonly PrefixSpec[]): string[] {
  return FAMILIES.flatMap(({ version, type }) => {
    const allowed = allow.filter(({ family }) => family === version);
    const texts = [...new Set(allowed.map(({ family, words, bits }) => prefixText(family, words, bits)))];
    return [
      `add set ${table} ${STOPPED_SET}${version} { type ${type}; }`,
      `add set ${table} ${NAMES_SET}${version} { type ${type}; }`,
      // Prefixes may lie in each other.
      `add set ${table} ${ALLOWED_SET}${version} { type ${type}; flags interval; auto-merge; }`,
      ...(texts.length === 0
        ? []
        : [`add element ${table} ${ALLOWED_SET}${version} { ${texts.join(', ')} }`]),
    ];
  });
}

/** From stopped hosts. */
function fromLines(table: string): string[] {
  const rule = `add rule ${table} stopped_from`;
  return [
    `add chain ${table} stopped_from`,
    `${rule} meta l4proto { tcp, udp } th dport 53 accept`,
    `${rule} udp sport 68 udp dport 67 accept`,
    `${rule} udp sport 546 udp dport 547 accept`,
    ...allowedRules(rule, 'daddr'),
    ...refusals(rule),
  ];
}

/**
 * To stopped hosts. A reset ends connections at their other end as well. What else comes is not answered: its
 * source may be a lie.
 */
function toLines(table: string): string[] {
  const rule = `add rule ${table} stopped_to`;
  const [reset] = refusals(rule);
  return [
    `add chain ${table} stopped_to`,
    `${rule} meta l4proto { tcp, udp } th sport 53 accept`,
    `${rule} udp sport 67 udp dport 68 accept`,
    `${rule} udp sport 547 udp dport 546 accept`,
    ...allowedRules(rule, 'saddr'),
    // "Packet too big" of routers, about what is allowed.
    `${rule} meta l4proto { icmp, ipv6-icmp } ct state related accept`,
    reset,
    `${rule} drop`,
  ];
}

function allowedRules(rule: string, side: 'saddr' | 'daddr'): string[] {
  return FAMILIES.flatMap(({ version, ip }) =>
    [ALLOWED_SET, NAMES_SET].map((set) => `${rule} ${ip} ${side} @${set}${version} accept`),
  );
}

function refusals(rule: string): [string, string] {
  return [
    `${rule} meta l4proto tcp reject with tcp reset`,
    `${rule} reject with icmpx type admin-prohibited`,
  ];
}

function hookRules(table: string, page: PageRules): string[] {
  const [redirect, forward, input] = HOOKS.map(([name]) => `add rule ${table} ${name}`);
  const rules = FAMILIES.flatMap(({ version, ip }) => [
    `${redirect} ${inside('iifname', page)} tcp dport 80 ${ip} saddr @${STOPPED_SET}${version} ` +
      `${ip} daddr != @${ALLOWED_SET}${version} ${ip} daddr != @${NAMES_SET}${version} ` +
      `fib daddr type != local redirect to :${PAGE_HTTP_PORT}`,
    `${forward} ${ip} saddr @${STOPPED_SET}${version} goto stopped_from`,
    `${forward} ${ip} daddr @${STOPPED_SET}${version} goto stopped_to`,
  ]);
  return [
    `${forward} ${inside('iifname', page)} ${inside('oifname', page)} accept`,
    ...rules,
    `${input} tcp dport ${PAGE_HTTP_PORT} ct status dnat accept`,
    `${input} tcp dport ${PAGE_HTTP_PORT} drop`,
    `${input} iifname "lo" accept`,
    `${input} tcp dport ${PAGE_HTTPS_PORT} ${inside('iifname', page)} accept`,
    `${input} tcp dport ${PAGE_HTTPS_PORT} drop`,
  ];
}

/** Matches a device behind which the inside is. */
function inside(side: 'iifname' | 'oifname', { lan, links }: PageRules): string {
  const devices = (lan ?? links).map(quoteDevice);
  if (lan !== null) return `${side} { ${devices.join(', ')} }`;
  return `${side} != { ${['"lo"', ...devices].join(', ')} }`;
}
