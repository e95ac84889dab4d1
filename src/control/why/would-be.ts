/** What would happen to a packet of a subject that has no traffic: by the specification. */
import type { ClassInfo } from '../../core/classes/classes.ts';
import type { KnownClasses } from './classes.ts';
import { nextLeaf, type PacketFacts, type Placed, place } from './facts.ts';
import type { FlowAnswer } from './report.ts';
import { mayBytesPerSec, rateText, stoppedText } from './sentence.ts';
import type { Endpoint, Subject } from './subject.ts';

/** Classes that are named; of more only the number is told. */
const PERHAPS_MAX = 3;
const NOTHING = { tail: 0, early: 0, police: 0, aqm: 0, module: 0 };

interface Way {
  readonly text: string;
  readonly facts: PacketFacts;
  readonly root: ClassInfo;
}

/** How the host of an inside address is stopped because of a quota; null: it is not. */
export type StoppedHost = (family: number, words: ArrayLike<number>) => 'block' | 'page' | null;

export function wouldBe(subject: Subject, known: KnownClasses, stopped: StoppedHost): FlowAnswer[] {
  const roots = known.list.filter(({ root }, row) => root === row);
  const ways = roots.flatMap((root) => waysIn(root, subject));
  return ways.map((way) => answerOf(way, known, stopped));
}

function waysIn(root: ClassInfo, { ends, protocols, text }: Subject): Way[] {
  const protocol = protocols?.length === 1 ? protocols[0]! : null;
  const [a, b] = ends as [Endpoint, Endpoint?];
  const between = (src: Endpoint | null, dst: Endpoint | null): PacketFacts => ({
    family: a.family,
    protocol,
    src: src?.words ?? null,
    dst: dst?.words ?? null,
    sport: src?.port ?? null,
    dport: dst?.port ?? null,
    dscp: null,
    foreignMark: null,
    iif: root.direction === 'down' ? root.link.device : null,
    oif: root.direction === 'up' ? root.link.device : null,
    subjects: null,
  });
  if (b !== undefined) return [{ text, facts: between(a, b), root }];
  const from: Way = { text: `from ${text}`, facts: between(a, null), root };
  const to: Way = { text: `to ${text}`, facts: between(null, a), root };
  const [inside, outside] = root.direction === 'up' ? [from, to] : [to, from];
  // As an outside address it is told only where a class asks for it.
  const nobody = between(null, null);
  const isNamed = place(root.spec, outside.facts).leaf !== place(root.spec, nobody).leaf;
  return isNamed ? [inside, outside] : [inside];
}

function answerOf({ text, facts, root }: Way, known: KnownClasses, stopped: StoppedHost): FlowAnswer {
  const placed = place(root.spec, facts);
  const leaf = known.get(placed.leaf.path)!;
  const parent = known.parent(leaf);
  const next = parent === null ? null : nextLeaf(parent.spec, leaf.spec, facts);
  const inside = root.direction === 'up' ? facts.src : facts.dst;
  const stop = inside === null ? null : stopped(facts.family, inside);
  return {
    flow: text,
    live: false,
    classes: [leaf.path],
    rule: known.lineOf(leaf),
    owner: '',
    nextClass: next?.path ?? null,
    limitedBy: { kind: stop === null ? 'none' : 'quota', where: leaf.path, detail: limitsText(leaf, known) },
    waitMilliseconds: { p50: 0, p99: 0 },
    dropped: NOTHING,
    bitsPerSecond: 0,
    buckets: [],
    sentence:
      stop === null
        ? sentence(text, root, placed, known)
        : `There is no traffic now; a packet ${text} ${stoppedText(stop)}.`,
  };
}

function sentence(text: string, root: ClassInfo, { leaf, perhaps }: Placed, known: KnownClasses): string {
  const way = root.direction === 'up' ? `leaves by ${root.link.device}` : `comes in by ${root.link.device}`;
  const rate = rateText(mayBytesPerSec(known.get(leaf.path)!, known, new Map()));
  const shown = perhaps.slice(0, PERHAPS_MAX).map(({ path }) => path);
  const more = perhaps.length > PERHAPS_MAX ? ` and ${perhaps.length - PERHAPS_MAX} more` : '';
  const unless =
    perhaps.length > 0
      ? `, unless ${shown.join(', ')}${more} takes it by its protocol, ports or other end`
      : '';
  return `There is no traffic now; a packet ${text} that ${way} would go to ${leaf.path}${unless}, and may have ${rate} there.`;
}

function limitsText(leaf: ClassInfo, known: KnownClasses): string {
  return known
    .wayUp(leaf)
    .flatMap(({ path, spec }) => [
      ...(spec.police === null ? [] : [`police ${rateText(spec.police.rateBytesPerSec)} (${path})`]),
      ...(spec.each === null
        ? []
        : [`${rateText(spec.each.rateBytesPerSec)} for each ${spec.each.by} (${path})`]),
      ...(known.ownerOfCeil(known.get(path)!).path === path
        ? [`ceil ${rateText(spec.ceilBytesPerSec)} (${path})`]
        : []),
    ])
    .join(', ');
}
