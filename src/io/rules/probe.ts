/** Finds out by trying, never from versions, which rules this kernel and these tools can do. */

import { marksConnections, type QueuePlan, type RuleAbilities } from '../../spec/queue-plan.ts';
import type { NfqueueSpec } from '../../spec/spec.ts';
import { HINT_ROOT, RulesError, type RulesLog, toolComplaint, toolError } from './errors.ts';
import { findIptables, tryNfqueue } from './iptables.ts';
import { type Backend, tableName } from './render-nft.ts';
import { pageLines } from './render-page.ts';
import { bridgeTableLines } from './render-ports.ts';
import { runTool } from './tool.ts';

const HINT_QUEUE =
  'use a kernel with CONFIG_NFT_QUEUE (module nft_queue), or with CONFIG_NETFILTER_XT_TARGET_NFQUEUE, ' +
  'CONFIG_NETFILTER_XT_MARK, CONFIG_NFT_COMPAT and the package iptables';
const HINT_MARKING =
  'the kernel needs nf_tables with CONFIG_NFT_FIB_INET and CONFIG_NFT_LIMIT, version 5.12 or newer (owned tables)';
const HINT_NFT = 'use a kernel with CONFIG_NFT_QUEUE (module nft_queue), or nfqueue.backend: auto';

/**
 * Returns null if the kernel takes the rules, else the output of nft. `nft -c` lets the kernel check a
 * transaction that is then given up, so nothing stays.
 */
async function nftAccepts(rules: readonly string[], command = ['nft']): Promise<string | null> {
  const table = `inet shaper-probe-${process.pid}`.replaceAll('-', '_');
  const lines = [
    `add table ${table} { flags owner; }`,
    `add chain ${table} probe`,
    ...rules.map((rule) => `add rule ${table} probe ${rule}`),
  ];
  const [tool = '', ...args] = [...command, '-c', '-f', '-'];
  const result = await runTool(tool, args, `${lines.join('\n')}\n`);
  return result.status === 0 ? null : result.stdout + result.stderr;
}

/** @throws RulesError that says what nft or the kernel lacks for any rule of ours */
export async function probeMarking(): Promise<void> {
  const refusal = await nftAccepts([
    'meta nfproto ipv4 fib daddr type broadcast accept',
    'limit rate 8 kbytes/second accept',
  ]);
  if (refusal === null) return;
  const error = toolError('checking the marking rules', refusal);
  if (error.code !== 'failed') throw error;
  throw new RulesError('unsupported', error.message, HINT_MARKING);
}

/**
 * Whether rules of the family `bridge` can spare what a bridge only switches. Warns where they cannot.
 */
export async function probeSwitched(nfqueue: NfqueueSpec, log: RulesLog, isLive: boolean): Promise<boolean> {
  const request = { plan: NO_PLAN, nfqueue, sparesSwitched: true };
  const refusal = await refusalOf(bridgeTableLines(request), isLive);
  if (refusal !== null) log.warn(NO_SWITCHED, { reason: refusal });
  return refusal === null;
}

/** What the kernel says against queueing rules in the hooks of bridges; null: nothing. */
export async function probePortHooks(nfqueue: NfqueueSpec, isLive: boolean): Promise<string | null> {
  const port = { device: 'port', bridge: 'bridge', direction: 'up', nfqueue: 0, fastNfqueue: null } as const;
  return refusalOf(bridgeTableLines({ plan: { ...NO_PLAN, directions: [port] }, nfqueue }), isLive);
}

/**
 * Whether there can be rules for the page of stopped hosts. Known refusal: redirection in a table of the
 * family `inet`, before Linux 5.2. Warns where there can be none.
 */
export async function probePage(nfqueue: NfqueueSpec, log: RulesLog, isLive: boolean): Promise<boolean> {
  const page = { lan: null, links: [], allow: [], hasApi: true };
  const table = `add table inet ${tableName(nfqueue.first)}`;
  const refusal = await refusalOf([table, ...pageLines({ plan: NO_PLAN, nfqueue, page })], isLive);
  if (refusal !== null) log.warn(NO_PAGE, { reason: refusal });
  return refusal === null;
}

const NO_PLAN: QueuePlan = {
  ...{ directions: [], gso: [], copyBytes: [], ecn: false, dscps: [] },
  ...{ moduleNfqueue: null, unreadNfqueue: 0, sharesChains: false },
};

/**
 * What the kernel says against these rules; null: nothing. A trial with chains that
 * have a hook makes the kernel drop every held packet of the namespace, so it is made in another one. Only if
 * there can be none, and nobody holds packets yet (not `isLive`), it is made here.
 */
async function refusalOf(lines: readonly string[], isLive: boolean): Promise<string | null> {
  const text = `${lines.join('\n')}\n`;
  const trials = [...ELSEWHERE, ...(isLive ? [] : [['nft']])];
  let refusal = '';
  for (const [tool = '', ...args] of trials) {
    const result = await runTool(tool, [...args, '-c', '-f', '-'], text).catch(orMissing);
    if (result?.status === 0) return null;
    refusal = result ? result.stdout + result.stderr : refusal;
  }
  return toolComplaint(refusal);
}

/** nft in a network namespace of its own, for those who may make one. */
const ELSEWHERE = [
  ['unshare', '-n', 'nft'],
  ['unshare', '-rn', 'nft'],
];

function orMissing(error: unknown): null {
  if (error instanceof RulesError && error.code === 'missing') return null;
  throw error;
}

/** @throws RulesError `denied`, `missing` (a tool) or `unsupported` (the kernel), with a hint */
export async function probeBackend(wanted: 'auto' | Backend): Promise<Backend> {
  await probeMarking();
  let nftRefusal = '';
  if (wanted !== 'iptables') {
    const refusal = await nftAccepts(['queue flags bypass to 0']);
    if (refusal === null) return 'nft';
    nftRefusal = toolComplaint(refusal);
    if (wanted === 'nft') {
      throw new RulesError('unsupported', `the nft queue statement does not work: ${nftRefusal}`, HINT_NFT);
    }
  }
  const refusal = await tryNfqueue(await findIptables());
  if (refusal === null) return 'iptables';
  if (toolError('', refusal).code === 'denied') {
    throw new RulesError('denied', `iptables-nft: ${toolComplaint(refusal)}`, HINT_ROOT);
  }
  const both = nftRefusal === '' ? '' : `the nft queue statement does not work (${nftRefusal}), and `;
  const message = `${both}iptables' NFQUEUE target does not work: ${toolComplaint(refusal)}`;
  throw new RulesError('unsupported', message, HINT_QUEUE);
}

const NO_SWITCHED =
  'no rules for bridges here: with net.bridge.bridge-nf-call-iptables, what a bridge switches from port to port is ' +
  'shaped as if it crossed the link';
const NO_PAGE =
  'no page for stopped hosts here: they are blocked without one. The kernel needs redirection for nf_tables ' +
  '(CONFIG_NFT_REDIR, CONFIG_NFT_REJECT_INET), version 5.2 or newer';
const NO_ECN = 'no ECN here: packets are dropped where CE would do';
const NO_CONNECTION_MARKS =
  'no connection marks here: fast classes beside slow ones get no superpackets, and answers to classes that are ' +
  'not paced come here beside those to paced ones; both cost more processor time';

const NO_DSCP = 'no remarking here: packets keep the DSCP they came with';

const ECN_RULES = ['ip ecn set ce', 'ip6 ecn set ce'];
const DSCP_RULES = ['ip dscp set af11', 'ip6 dscp set af11'];
const CONNECTION_MARK_RULES = ['ct direction original ct mark & 1 != 0 ct mark set ct mark | 1'];

/**
 * Tries rules in another network namespace if we may make one. A rule about connections turns connection
 * tracking on and, when it is given up, off again. If nobody else uses connection tracking, that makes the
 * kernel drop every held packet of the namespace.
 */
async function nftAcceptsElsewhere(rules: readonly string[]): Promise<string | null> {
  for (const unshare of ELSEWHERE) {
    try {
      if ((await nftAccepts(rules, unshare)) === null) return null;
    } catch (error) {
      if (!(error instanceof RulesError) || error.code !== 'missing') throw error;
    }
  }
  return nftAccepts(rules);
}

/**
 * Of the abilities that the plan wants, those that rules have here. Known refusals: writing headers in a user
 * namespace (Linux 7.1), kernels without CONFIG_NFT_CT. Call it after probeBackend, which explains what is
 * wrong with nft itself.
 */
export async function probeAbilities(wanted: QueuePlan, log: RulesLog): Promise<RuleAbilities> {
  const warn = (refusal: string | null, consequence: string): boolean => {
    if (refusal !== null) log.warn(consequence, { reason: toolComplaint(refusal) });
    return refusal === null;
  };
  const ecn = !wanted.ecn || warn(await nftAccepts(ECN_RULES), NO_ECN);
  const connectionMarks =
    !marksConnections(wanted) || warn(await nftAcceptsElsewhere(CONNECTION_MARK_RULES), NO_CONNECTION_MARKS);
  const dscp = wanted.dscps.length === 0 || warn(await nftAccepts(DSCP_RULES), NO_DSCP);
  return { ecn, connectionMarks, dscp };
}
