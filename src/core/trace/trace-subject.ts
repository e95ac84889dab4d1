/** Whose TCP segments are recorded: those of connections by their ends, or of a class. */
import { NONE } from '../../base/none.ts';
import { IPPROTO_TCP } from '../../packet/tcp-header.ts';
import type { ClassInfo } from '../classes/classes.ts';
import { KEY_DST, KEY_SRC } from '../flows/flow-layout.ts';
import type { FlowTable } from '../flows/flow-table.ts';

/** An address, with a port or any. */
export interface TraceEnd {
  readonly family: number;
  /** Four words, of which IPv4 uses the first. */
  readonly words: readonly number[];
  /** null: any. */
  readonly port: number | null;
}

export type TraceSubject =
  /** One end, or both in any order. */
  | { readonly kind: 'ends'; readonly ends: readonly TraceEnd[] }
  /** The class with this path and all inside it. */
  | { readonly kind: 'class'; readonly path: string };

export interface Meant {
  /** Whether the segments of flow `f` are meant, in either direction of its connection. */
  has(f: number): boolean;
}

export function meantBy(subject: TraceSubject, flows: FlowTable, classes: readonly ClassInfo[]): Meant {
  return subject.kind === 'ends'
    ? new MeantEnds(subject.ends, flows)
    : new MeantClass(subject.path, flows, classes);
}

class MeantEnds implements Meant {
  private readonly ends: readonly TraceEnd[];
  private readonly words: Int32Array;

  constructor(ends: readonly TraceEnd[], flows: FlowTable) {
    this.ends = ends;
    this.words = flows.flowKeys.table.words;
  }

  has(f: number): boolean {
    const { words, ends } = this;
    const [a] = ends;
    if (words[f] !== ((a.family << 8) | IPPROTO_TCP)) return false;
    const sport = words[f + 1] >>> 16;
    const dport = words[f + 1] & 0xffff;
    if (ends.length === 1) return this.isAt(a, f, KEY_SRC, sport) || this.isAt(a, f, KEY_DST, dport);
    const b = ends[1];
    const isForth = this.isAt(a, f, KEY_SRC, sport) && this.isAt(b, f, KEY_DST, dport);
    return isForth || (this.isAt(b, f, KEY_SRC, sport) && this.isAt(a, f, KEY_DST, dport));
  }

  private isAt(
    { family, words, port }: TraceEnd,
    f: number,
    key: readonly number[],
    portAt: number,
  ): boolean {
    if (port !== null && port !== portAt) return false;
    const length = family === 4 ? 1 : 4;
    for (let w = 0; w < length; w++) if ((words[w] | 0) !== this.words[f + key[w]]) return false;
    return true;
  }
}

class MeantClass implements Meant {
  /** By class row: 1 if it is meant. */
  private readonly isInside: Uint8Array;
  private readonly flows: FlowTable;

  constructor(path: string, flows: FlowTable, classes: readonly ClassInfo[]) {
    this.flows = flows;
    this.isInside = Uint8Array.from(classes, (info) =>
      info.path === path || info.path.startsWith(`${path}/`) ? 1 : 0,
    );
  }

  has(f: number): boolean {
    if (this.isIn(f)) return true;
    const other = this.flows.tcp.view.reverseOf(f);
    return other !== NONE && this.isIn(other);
  }

  private isIn(f: number): boolean {
    const { flows, isInside } = this;
    const leaf = flows.leaf(f);
    if (leaf !== NONE && isInside[leaf] === 1) return true;
    const second = flows.secondLeaf(f);
    return second !== NONE && isInside[second] === 1;
  }
}
