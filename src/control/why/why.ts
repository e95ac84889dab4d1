/** The command `why`: what limits the flows of a subject now, and by which rule. */
import { NONE } from '../../base/none.ts';
import { isUnlimited, toBitsPerSec } from '../../base/units.ts';
import type { LoadedConfig } from '../../config/config.ts';
import type { ConfigDocument } from '../../config/edit/document.ts';
import type { ClassInfo } from '../../core/classes/classes.ts';
import type { FlowRecord } from '../../core/flows/flow-reader.ts';
import type { FlowName } from '../../core/inspect.ts';
import { flowText } from '../bucket-text.ts';
import { type WaitPercentiles, waitPercentiles } from '../views/waits.ts';
import { KnownClasses } from './classes.ts';
import { type Evidence, gather, type Pause, type Watched, type WatchedThread } from './evidence.ts';
import { nextLeaf, type PacketFacts } from './facts.ts';
import { leavesOf, limitOf } from './limit.ts';
import { ownerText } from './owner.ts';
import type { BucketReport, FlowAnswer, WhyReport } from './report.ts';
import { detailOf, sentenceOf, withReverse } from './sentence.ts';
import { parseSubject } from './subject.ts';
import { type StoppedHost, wouldBe } from './would-be.ts';

export interface WhyOptions {
  readonly packets: WatchedThread;
  readonly running: () => { readonly config: LoadedConfig; readonly document: ConfigDocument };
  readonly pause: Pause;
  readonly stopped: StoppedHost;
  /** How long packets of the flow waited in the last 10 s; null if that is not known. */
  readonly recentWaits: (flow: FlowName) => WaitPercentiles | null;
}

export type WhyCommand = (subject: string) => Promise<WhyReport>;

/** Throws ApiError. */
export function whyCommand(options: WhyOptions): WhyCommand {
  const { packets, running, pause, stopped, recentWaits } = options;
  return async (text) => {
    const subject = parseSubject(text);
    const evidence = await gather(subject, packets, pause);
    const { config, document } = running();
    const known = new KnownClasses(config, document);
    const told = [...evidence.flows].sort((a, b) => Number(b.isForth) - Number(a.isForth));
    const isTuple = subject.ends.length > 1;
    const watched = isTuple ? told : evidence.flows;
    const answers = watched.map((flow) =>
      flowAnswer(flow, evidence, known, {
        waits: recentWaits(flow.now) ?? waitsOf(flow),
        owner: ownerText(flow.owner),
      }),
    );
    const flows = answers.map((answer, i) => besideReverse(answer, watched[i]!.now, watched, answers));
    if (flows.length > 0) return { subject: subject.text, flows, total: evidence.total };
    return { subject: subject.text, flows: wouldBe(subject, known, stopped), total: 0 };
  };
}

/** Nothing here limits it. */
function isFree({ limitedBy: { kind } }: FlowAnswer): boolean {
  return kind === 'none' || kind === 'sender' || kind === 'receiver';
}

/** A sender may wait for acknowledgements that are limited here. */
function besideReverse(
  answer: FlowAnswer,
  { reverse, isTcp, receivedBytes }: FlowRecord,
  watched: readonly Watched[],
  answers: readonly FlowAnswer[],
): FlowAnswer {
  if (!isTcp || !isFree(answer)) return answer;
  const back = watched.findIndex(({ now }) => now.f === reverse && now.receivedBytes < receivedBytes);
  if (back === NONE || isFree(answers[back]!)) return answer;
  return { ...answer, sentence: withReverse(answer.sentence, answers[back]!) };
}

function flowAnswer(
  flow: Watched,
  evidence: Evidence,
  known: KnownClasses,
  { waits, owner }: { readonly waits: WaitPercentiles; readonly owner: string },
): FlowAnswer {
  const { before, now } = flow;
  const limit = limitOf(flow, evidence, known);
  const leaves = leavesOf(now, evidence, known);
  const { leaf } = limit;
  const parent = leaf === null ? null : known.parent(leaf);
  const facts = factsOf(flow, evidence);
  const next = leaf === null || parent === null ? null : nextLeaf(parent.spec, leaf.spec, facts);
  return {
    flow: flowText({ ...now, src: [...now.src], dst: [...now.dst] }),
    live: true,
    classes: leaves.map(({ path }) => path),
    rule: leaf === null ? null : known.lineOf(leaf),
    owner,
    nextClass: next?.path ?? null,
    limitedBy: {
      kind: limit.kind,
      where: limit.owner?.path ?? leaf?.path ?? '',
      detail: detailOf(flow, limit, evidence),
    },
    waitMilliseconds: waits,
    dropped: {
      tail: now.dropTail,
      early: now.dropEarly,
      police: now.dropPolice,
      aqm: now.dropAqm,
      module: now.dropModule,
    },
    bitsPerSecond: Math.round(toBitsPerSec((now.sentBytes - before.sentBytes) / evidence.flowSeconds)),
    buckets: leaves.flatMap((one) => known.wayUp(one).flatMap((info) => bucketsOf(info, flow, evidence))),
    sentence: sentenceOf(flow, limit, evidence, known),
  };
}

/** While it was watched. */
function waitsOf({ before, now }: Watched): WaitPercentiles {
  const added = Float64Array.from(now.waits, (count, bin) => (count - before.waits[bin]!) & 0xffff);
  return waitPercentiles(added, 0) ?? { p50: 0, p99: 0 };
}

function factsOf({ now, owner }: Watched, { devices }: Evidence): PacketFacts {
  return {
    ...now,
    iif: devices.get(now.ifIndexIn) ?? '',
    oif: devices.get(now.ifIndexOut) ?? '',
    subjects: owner?.keys ?? null,
  };
}

/** The root has its rate as its ceiling. */
function bucketsOf(
  { path, spec, parent }: ClassInfo,
  { each }: Watched,
  { states }: Evidence,
): BucketReport[] {
  const state = states.get(path);
  if (state === undefined) return [];
  const report = (
    kind: BucketReport['kind'],
    rateBytesPerSec: number,
    burstBytes: number,
    tokens: number | null | undefined,
  ): BucketReport[] =>
    tokens === null || tokens === undefined
      ? []
      : [
          {
            kind,
            where: path,
            bitsPerSecond: toBitsPerSec(rateBytesPerSec),
            burstBytes,
            tokensBytes: Math.round(tokens),
          },
        ];
  const own = each.find((one) => one.path === path);
  return [
    ...(spec.police
      ? report('police', spec.police.rateBytesPerSec, spec.police.burstBytes, state.policeTokens)
      : []),
    ...(spec.each ? report('each', spec.each.rateBytesPerSec, spec.each.burstBytes, own?.tokens) : []),
    ...report('rate', spec.rateBytesPerSec, spec.rateBurstBytes, parent === NONE ? null : state.rateTokens),
    ...(isUnlimited(state.ceilBytesPerSec)
      ? []
      : report('ceil', state.ceilBytesPerSec, spec.burstBytes, state.ceilTokens)),
  ];
}
