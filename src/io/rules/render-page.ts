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
import { PAGE_HTTP_PORT, PAGE_HTTPS_PORT, pageOf } from '../../spec/page.ts';
import type { PrefixSpec, ShaperSpec } from '../../spec/spec.ts';
import { quoteDevice, type RulesRequest, tableName } from './render-nft.ts';

export interface PageRules {
  /** Devices behind which the inside is. null: every device that is not a link's. */
  readonly lan: readonly string[] | null;
  /** The devices of the links. */
  readonly links: readonly string[];
  /** What stopped hosts reach all the same. Names have sets of their own. */
  readonly allow: readonly PrefixSpec[];
  /** There is the API of RFC 8908, at a port of its own. */
  readonly hasApi: boolean;
}

/** What rules have to do for the quotas of a specification; undefined: no quota has a page. */
export function pageRulesOf({ hosts, links, quotas }: PageSubject): PageRules | undefined {
  const page = pageOf(quotas);
  if (page === null) return undefined;
  return {
    lan: hosts.lan,
    links: [...new Set(links.map(({ device }) => device))],
    allow: page.allow.filter((entry) => typeof entry !== 'string'),
    hasApi: page.certFile !== null && page.keyFile !== null,
  };
}

type PageSubject = Pick<ShaperSpec, 'hosts' | 'links' | 'quotas'>;

/** Addresses of stopped hosts, and those that allowed names have now. Both are filled while packets flow. */
export const STOPPED_SET = 'stopped';
export const NAMES_SET = 'allowed_names';
const ALLOWED_SET = 'allowed';
/** How much DNS and DHCP each stopped host has used lately. */
const DNS_SET = 'stopped_dns';

/**
 * DNS and DHCP of a stopped host, both ways. They can carry anything, so this is too little for a tunnel that
 * anybody would want, and enough for the names of a few pages a second.
 */
const DNS_LIMIT = 'limit rate 8 kbytes/second burst 64 kbytes';
/** As long as the burst takes to come back. */
const DNS_TIMEOUT = '10s';
/** Of hosts at once. Further ones have no DNS, which nobody reaches who is not stopped by thousands. */
const DNS_SIZE = 65_536;

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
  { version: 4, ip: 'ip', type: 'ipv4_addr', dhcp: { client: 68, server: 67 } },
  { version: 6, ip: 'ip6', type: 'ipv6_addr', dhcp: { client: 546, server: 547 } },
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
      `add set ${table} ${DNS_SET}${version} { type ${type}; size ${DNS_SIZE}; flags dynamic; timeout ${DNS_TIMEOUT}; }`,
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
    ...dnsRules(rule, 'saddr', 'dport'),
    ...dhcpRules(rule, 'saddr', 'up'),
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
    ...dnsRules(rule, 'daddr', 'sport'),
    ...dhcpRules(rule, 'daddr', 'down'),
    ...allowedRules(rule, 'saddr'),
    // "Packet too big" of routers, about what is allowed.
    `${rule} meta l4proto { icmp, ipv6-icmp } ct state related accept`,
    reset,
    `${rule} drop`,
  ];
}

/** `side` is the address of the stopped host, `port` that of the server. */
function dnsRules(rule: string, side: 'saddr' | 'daddr', port: 'sport' | 'dport'): string[] {
  return FAMILIES.map(
    ({ version, ip }) =>
      `${rule} meta l4proto { tcp, udp } th ${port} 53 ` +
      `update @${DNS_SET}${version} { ${ip} ${side} ${DNS_LIMIT} } accept`,
  );
}

/** A server of DHCP may be behind the line. Anybody can use its ports, so the same limit holds for them. */
function dhcpRules(rule: string, side: 'saddr' | 'daddr', way: 'up' | 'down'): string[] {
  return FAMILIES.map(({ version, ip, dhcp: { client, server } }) => {
    const [from, to] = way === 'up' ? [client, server] : [server, client];
    return `${rule} udp sport ${from} udp dport ${to} update @${DNS_SET}${version} { ${ip} ${side} ${DNS_LIMIT} } accept`;
  });
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
    ...(page.hasApi ? apiRules(input, page) : []),
  ];
}

function apiRules(input: string, page: PageRules): string[] {
  const api = `tcp dport ${PAGE_HTTPS_PORT}`;
  return [
    `${input} iifname "lo" ${api} accept`,
    `${input} ${inside('iifname', page)} ${api} accept`,
    `${input} ${api} drop`,
  ];
}

/** Matches a device behind which the inside is. */
function inside(side: 'iifname' | 'oifname', { lan, links }: PageRules): string {
  const devices = (lan ?? links).map(quoteDevice);
  if (lan !== null) return `${side} { ${devices.join(', ')} }`;
  return `${side} != { ${['"lo"', ...devices].join(', ')} }`;
}
