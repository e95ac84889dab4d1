/** The answer as one sentence that a person understands. */
import { NONE } from '../../base/none.ts';
import { formatBitsPerSecShort, formatBytesShort, toBitsPerSecOrNull } from '../../base/units.ts';
import type { ClassInfo } from '../../core/classes/classes.ts';
import type { HostLimitState } from '../../core/quotas/limit-states.ts';
import { PROTOCOLS } from '../../packet/protocols.ts';
import type { KnownClasses } from './classes.ts';
import type { Evidence, Watched } from './evidence.ts';
import { droppedOf, type Limit } from './limit.ts';
import { ackCounts, type Pacing } from './paced.ts';
import type { FlowAnswer } from './report.ts';
import { rateOf } from './sharers.ts';

/** Where nobody else is known to set it. */
const PACE = '; the application or another place on the way sets the pace';
/** Packets of a transfer are longer on average than acknowledgements. */
const DATA_BYTES_MIN = 200;
/** A pause that is told in whole seconds. */
const LONG_NS = 10e9;

export const rateText = (bytesPerSec: number): string =>
  formatBitsPerSecShort(toBitsPerSecOrNull(bytesPerSec));

/** `This download`, `This upload`, `This flow`. */
function noun({ now }: Watched, leaf: ClassInfo | null): string {
  const isData = now.receivedBytes > DATA_BYTES_MIN * now.receivedPackets;
  if (!PROTOCOLS.tcp!.includes(now.protocol) || !isData || leaf === null) return 'This flow';
  if (now.secondLeaf !== NONE) return 'This transfer';
  return leaf.direction === 'down' ? 'This download' : 'This upload';
}

function flowsText(count: number): string {
  return count === 1 ? '1 other flow' : `${count} other flows`;
}

export function sentenceOf(flow: Watched, limit: Limit, evidence: Evidence, known: KnownClasses): string {
  const subject = noun(flow, limit.leaf);
  if (limit.ofHost !== undefined) return `${subject} ${quotaText(limit.ofHost)}.`;
  if (limit.owner !== null) return `${subject} ${bound(flow, limit, limit.owner, evidence)}.`;
  if (limit.leaf === null) return `${subject} is not limited here: it passes no link that is shaped.`;
  if (limit.kind === 'receiver')
    return `${subject} is as fast as its receiver takes data: the window of the receiver is full.`;
  return free(subject, flow, limit.leaf, evidence, known);
}

function bound({ before, now }: Watched, limit: Limit, owner: ClassInfo, evidence: Evidence): string {
  const { path, spec } = owner;
  const others = limit.sharers?.others ?? 0;
  const ceil = ceilText(owner, evidence);
  if (limit.pacing !== undefined) return pacedText(limit.pacing, evidence);
  switch (limit.kind) {
    case 'each':
      return eachText(owner, others);
    case 'police':
      return `is slow because ${path} lets no more than ${rateText(spec.police!.rateBytesPerSec)} pass: the policer ${spec.police!.exceed === 'mark' ? 'marks' : 'drops'} packets beyond that`;
    case 'ceil': {
      const isOwn = owner === limit.leaf;
      const shared = others > 0 ? `; ${flowsText(others)} of ${limit.leaf?.path} share it` : '';
      if (owner.parent === NONE && !isOwn)
        return `is slow because ${path} is full: its rate is ${ceil}${shared}`;
      const whose = isOwn ? `its class ${path}` : `${path}, which has its class ${limit.leaf?.path},`;
      return `is slow because ${whose} has reached its ceiling of ${ceil}${shared}`;
    }
    case 'rate':
      return `is slow because ${path} is full (${ceil}) and has nothing left to borrow; ${shareText(limit.leaf!, others, evidence)}`;
    case 'module':
      return `is slow because a module has dropped ${packetsText(now.dropModule)} of it before they came to ${path}, the last ${agoText(now.dropNs, evidence)}; \`shaper module list\` shows which modules drop`;
    case 'queue':
      return `is slow because the queue of ${path} was full and dropped ${packetsText(now.dropTail)} of it`;
    default:
      return `is slow because the AQM of ${path} has dropped ${packetsText(now.dropEarly + now.dropAqm)} of it, the last ${agoText(now.dropNs, evidence)}${droppedOf(now) > droppedOf(before) ? ', and goes on' : ''}`;
  }
}

/** Of what belongs to a host that is stopped. */
export function stoppedText(kind: 'block' | 'page'): string {
  const means = kind === 'block' ? 'is blocked' : 'sees a page instead';
  return `does not pass because its host has used up its quota, and ${means}; \`shaper quota\` says until when`;
}

function quotaText({ kind, rateBytesPerSec, direction }: HostLimitState): string {
  if (kind === 'throttle')
    return `is slow because the quota of its host leaves it ${rateText(rateBytesPerSec ?? 0)} ${direction} for now; \`shaper quota\` says why`;
  return stoppedText(kind);
}

/** With held ACKs the share is too small for a window. */
function pacedText({ owner, connections, shareBytesPerSec }: Pacing, evidence: Evidence): string {
  const { cut, held } = ackCounts(owner, evidence);
  const means = held > cut ? 'its acknowledgements are held back' : 'its window is made smaller';
  const among = connections > 1 ? `${connections} connections` : 'its only connection';
  return `is slow because ${owner.path} paces ${among}: ${means}, so that it keeps to its share of ${rateText(shareBytesPerSec)}`;
}

/** With what it would be if nobody reserved any of it. */
function ceilText({ path, spec }: ClassInfo, { states }: Evidence): string {
  const nowBytesPerSec = states.get(path)?.ceilBytesPerSec ?? spec.ceilBytesPerSec;
  const moved = `, which is what others leave of ${rateText(spec.ceilBytesPerSec)}`;
  return `${rateText(nowBytesPerSec)}${nowBytesPerSec === spec.ceilBytesPerSec ? '' : moved}`;
}

function packetsText(count: number): string {
  return count === 1 ? '1 packet' : `${count} packets`;
}

function agoText(atNs: number, { nowNs }: Evidence): string {
  return `${Math.max(0, (nowNs - atNs) / 1e9).toFixed(1)} s ago`;
}

function shareText(leaf: ClassInfo, others: number, evidence: Evidence): string {
  const { path, spec } = leaf;
  const guaranteed =
    spec.rateBytesPerSec > 0 ? `, of which ${rateText(spec.rateBytesPerSec)} are guaranteed` : '';
  const shared = others > 0 ? `, and ${flowsText(others)} share that` : '';
  return `its class ${path} gets ${rateText(rateOf(leaf, evidence))}${guaranteed}${shared}`;
}

function eachText({ path, spec }: ClassInfo, others: number): string {
  const { by, rateBytesPerSec, exceed } = spec.each!;
  const rate = rateText(rateBytesPerSec);
  const beyond = exceed === 'drop' ? '; packets beyond that are dropped' : '';
  if (by === 'flow')
    return `is slow because it has used up the ${rate} that ${path} gives each flow${beyond}`;
  const whose = { host: 'host', src: 'source', dst: 'destination' }[by];
  const shared = others > 0 ? `; ${flowsText(others)} of the ${whose} share it` : '';
  return `is slow because its ${whose} has used up its ${rate} (${path}, each by ${by})${beyond}${shared}`;
}

/** Nothing here makes it wait. */
function free(
  subject: string,
  { now, before }: Watched,
  leaf: ClassInfo,
  evidence: Evidence,
  known: KnownClasses,
): string {
  const { nowNs, flowSeconds, states } = evidence;
  const idleNs = nowNs - now.lastNs;
  const may = `it may send ${rateText(mayBytesPerSec(leaf, known, states))} (${leaf.path})`;
  if (now.receivedBytes === before.receivedBytes)
    return `${subject} is not limited here: its sender has sent nothing for ${(idleNs / 1e9).toFixed(idleNs < LONG_NS ? 1 : 0)} s, and ${may}.`;
  const sends = rateText((now.receivedBytes - before.receivedBytes) / flowSeconds);
  return `${subject} is not limited here: its sender sends ${sends}, and ${may}${PACE}.`;
}

/** The acknowledgements of the flow are limited here. */
export function withReverse(sentence: string, { limitedBy: { kind, where } }: FlowAnswer): string {
  return `${sentence.replace(PACE, '')} Its acknowledgements wait in the other direction (${kind} of ${where}), which slows the sender.`;
}

/** The least of all limits on the way of one flow that is alone. A ceiling without a state has not moved. */
export function mayBytesPerSec(leaf: ClassInfo, known: KnownClasses, states: Evidence['states']): number {
  return Math.min(
    ...known
      .wayUp(leaf)
      .flatMap(({ path, spec }) => [
        states.get(path)?.ceilBytesPerSec ?? spec.ceilBytesPerSec,
        ...(spec.police === null ? [] : [spec.police.rateBytesPerSec]),
        ...(spec.each === null ? [] : [spec.each.rateBytesPerSec]),
      ]),
  );
}

/** Numbers for those who want them: what the bucket has and what passes it. */
export function detailOf(
  { now }: Watched,
  { kind, owner, leaf, pacing, ofHost }: Limit,
  evidence: Evidence,
): string {
  if (ofHost?.kind === 'throttle')
    return `${packetsText(ofHost.waitingPackets)} of the host wait ${ofHost.direction}, ${formatBytesShort(ofHost.tokens ?? 0)} of tokens`;
  if (owner === null || leaf === null) return '';
  const state = evidence.states.get(owner.path);
  const passes = `${rateText(rateOf(owner, evidence))} of ${owner.path} pass`;
  const { spec } = owner;
  if (pacing !== undefined) {
    const { cut, held } = ackCounts(owner, evidence);
    return `share ${rateText(pacing.shareBytesPerSec)}, ${cut} windows made smaller and ${held} ACKs held in ${evidence.seconds.toFixed(1)} s; ${passes}`;
  }
  if (kind === 'police' && state?.policeTokens !== null)
    return `${formatBytesShort(state?.policeTokens ?? 0)} of ${formatBytesShort(spec.police!.burstBytes)} tokens; ${passes}`;
  if (kind === 'ceil' || kind === 'rate')
    return `${formatBytesShort(state?.ceilTokens ?? 0)} of ${formatBytesShort(spec.burstBytes)} tokens; ${passes}`;
  if (kind === 'each') return `${rateText(spec.each!.rateBytesPerSec)} for each ${spec.each!.by}; ${passes}`;
  return `${packetsText(droppedOf(now))} dropped`;
}
