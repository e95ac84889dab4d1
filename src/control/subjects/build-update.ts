/** From attachments and matchers to what the packet thread is told of them. */
import type { SubjectsUpdate } from '../../core/subjects/update.ts';
import type { PrefixSpec } from '../../spec/spec.ts';
import type { Attachment } from './attachment.ts';
import type { ListedSockets } from './listed-sockets.ts';
import type { MatchedSubject } from './matched.ts';
import type { TrackedProcess } from './process-tree.ts';

export interface UpdateSource {
  readonly attachments: Iterable<Attachment>;
  readonly matched: Iterable<MatchedSubject>;
  readonly tracked: readonly TrackedProcess[];
  readonly lastPid: number;
}

type Numbered = SubjectsUpdate['attachments'][number];

const RANK_SOCKET = 0;
const RANK_GROUPS = 3;
const RANK_USER = 4;
const RANK_NETWORK = 5;

/** The sockets of processes are not listed yet: that costs more than all else, and is needed only to send. */
export interface Draft extends Omit<SubjectsUpdate, 'inodes' | 'inodeSets'> {
  /** By inode: subjects of sockets that are attached by themselves, or that were brought into a group. */
  readonly single: ReadonlyMap<number, readonly number[]>;
}

class Builder {
  readonly attachments: Numbered[] = [];
  readonly users: { uid: number; subject: number }[] = [];
  readonly groups = new Map<string, { high: number; low: number; subjects: number[] }>();
  readonly devices: { ifIndex: number; subject: number }[] = [];
  readonly addresses: { prefix: PrefixSpec; subject: number }[] = [];
  readonly matched: { key: string; subject: number }[] = [];
  readonly single = new Map<number, number[]>();
  readonly sets = new Sets();
  /** By rule of a process: its subjects by rank and direction, or the one of a matcher. */
  readonly rules = new Map<number, RuleSubjects>();
  #numbers = 0;

  number(): number {
    return this.#numbers++;
  }

  attached(rank: number, classes: readonly string[], text: string): number {
    const subject = this.number();
    this.attachments.push({ subject, rank, classes, text });
    return subject;
  }

  group({ high, low }: { high: number; low: number }, subject: number): void {
    const key = `${high}:${low}`;
    const known = this.groups.get(key);
    if (known === undefined) this.groups.set(key, { high, low, subjects: [subject] });
    else known.subjects.push(subject);
  }

  socket(inode: number, subject: number): void {
    const known = this.single.get(inode);
    if (known === undefined) this.single.set(inode, [subject]);
    else known.push(subject);
  }
}

interface RuleSubjects {
  /** 0: a matcher, which stands beside all others. */
  readonly rank: number;
  readonly byDirection: ReadonlyMap<string, number>;
  readonly programs: readonly string[];
}

/** Distinct lists of subjects, numbered. */
export class Sets {
  readonly list: (readonly number[])[] = [];
  readonly #byKey = new Map<string, number>();

  of(subjects: readonly number[]): number {
    const sorted = [...new Set(subjects)].sort((a, b) => a - b);
    const key = sorted.join();
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    this.#byKey.set(key, this.list.length);
    return this.list.push(sorted) - 1;
  }
}

export function draftUpdate({ attachments, matched, tracked, lastPid }: UpdateSource): Draft {
  const builder = new Builder();
  for (const attachment of inOrder([...attachments])) addAttachment(builder, attachment);
  for (const one of matched) addMatched(builder, one);
  builder.attachments.sort((a, b) => a.rank - b.rank);
  const { rules, sets } = builder;
  return {
    attachments: builder.attachments,
    users: builder.users,
    cgroups: [...builder.groups.values()],
    devices: builder.devices,
    addresses: builder.addresses,
    matched: builder.matched,
    single: builder.single,
    processes: {
      pids: Int32Array.from(tracked, ({ process }) => process.pid),
      startTicks: Float64Array.from(tracked, ({ process }) => process.startTicks),
      setOfPid: Int32Array.from(tracked, (one) => sets.of(subjectsOf(one.rules, rules))),
      inheritedSet: Int32Array.from(tracked, (one) => sets.of(subjectsOf(one.handedDown, rules))),
      exes: programSets(builder),
      lastPid,
    },
    sets: sets.list,
  };
}

/** The whole update, with the sockets of the tracked processes. */
export function completeUpdate(draft: Draft, listed: ListedSockets): SubjectsUpdate {
  const { single, processes: tracked, ...rest } = draft;
  const sets = new Sets();
  for (const set of draft.sets) sets.of(set);
  const byInode = new Map<number, number>();
  for (const [row, pid] of tracked.pids.entries()) {
    const set = tracked.setOfPid[row]!;
    for (const inode of listed.of(pid, tracked.startTicks[row]!))
      if (!byInode.has(inode)) byInode.set(inode, set);
  }
  for (const [inode, subjects] of single) {
    const set = byInode.get(inode);
    byInode.set(inode, sets.of(set === undefined ? subjects : [...subjects, ...draft.sets[set]!]));
  }
  return {
    ...rest,
    processes: tracked,
    sets: sets.list,
    inodes: Float64Array.from(byInode.keys()),
    inodeSets: Int32Array.from(byInode.values()),
  };
}

/** What must differ before the packet thread is told: everything but the newest process. */
export function fingerprint({ single, processes, ...rest }: Draft): string {
  const { pids, startTicks, setOfPid, inheritedSet, exes } = processes;
  const rows = [...pids].map((pid, i) => [pid, startTicks[i], setOfPid[i], inheritedSet[i]]);
  return JSON.stringify([rest, rows, exes, [...single]]);
}

/** Groups deep in the tree before those above them; else the youngest first. */
function inOrder(attachments: Attachment[]): Attachment[] {
  const depthOf = ({ target }: Attachment): number => {
    const paths = target.kind === 'groups' ? target.groups.paths : [];
    return Math.max(0, ...paths.map((path) => path.split('/').length));
  };
  return attachments.sort((a, b) => depthOf(b) - depthOf(a) || b.id - a.id);
}

function addAttachment(builder: Builder, { id, target, classes, text }: Attachment): void {
  const paths = [...classes.values()];
  switch (target.kind) {
    case 'process': {
      // Of each direction by itself: a child may have the class of its parent in one of them alone.
      const byDirection = new Map<string, number>();
      for (const [direction, path] of classes)
        byDirection.set(direction, builder.attached(target.rank, [path], text));
      builder.rules.set(id, { rank: target.rank, byDirection, programs: target.programs() });
      return;
    }
    case 'socket':
      builder.socket(target.inode, builder.attached(RANK_SOCKET, paths, text));
      return;
    case 'user':
      builder.users.push({ uid: target.uid, subject: builder.attached(RANK_USER, paths, text) });
      return;
    case 'groups': {
      const subject = builder.attached(RANK_GROUPS, paths, text);
      for (const group of target.groups.ids) builder.group(group, subject);
      for (const inode of target.groups.brought) builder.socket(inode, subject);
      return;
    }
    case 'container': {
      const { container } = target;
      const subject = builder.attached(container.hasOwnNetwork ? RANK_NETWORK : RANK_GROUPS, paths, text);
      for (const ifIndex of container.devices) builder.devices.push({ ifIndex, subject });
      for (const prefix of container.addresses) builder.addresses.push({ prefix, subject });
      if (container.hasOwnNetwork || container.groups === null) return;
      for (const group of container.groups.ids) builder.group(group, subject);
      for (const inode of container.groups.brought) builder.socket(inode, subject);
    }
  }
}

function addMatched(builder: Builder, { key, rule, uids, groups, program }: MatchedSubject): void {
  const subject = builder.number();
  builder.matched.push({ key, subject });
  for (const uid of uids) builder.users.push({ uid, subject });
  for (const group of groups) builder.group(group, subject);
  if (rule === null) return;
  const programs = program === null ? [] : [program];
  builder.rules.set(rule, { rank: 0, byDirection: new Map([['', subject]]), programs });
}

/** Of each rank and direction that of the first rule, which is the nearest. */
function subjectsOf(rules: readonly number[], byRule: ReadonlyMap<number, RuleSubjects>): number[] {
  const taken = new Set<string>();
  const subjects: number[] = [];
  for (const id of rules) {
    const rule = byRule.get(id);
    if (rule === undefined) continue;
    for (const [direction, subject] of rule.byDirection) {
      const place = `${rule.rank} ${direction}`;
      if (rule.rank !== 0 && taken.has(place)) continue;
      taken.add(place);
      subjects.push(subject);
    }
  }
  return subjects;
}

/** What a new process gets by its program, the youngest attachment first. */
function programSets({ rules, sets }: Builder): SubjectsUpdate['processes']['exes'] {
  const byProgram = new Map<string, number[]>();
  for (const [id, { programs }] of rules)
    for (const path of programs) byProgram.set(path, [...(byProgram.get(path) ?? []), id]);
  return [...byProgram].map(([path, ids]) => ({ path, set: sets.of(subjectsOf(ids, rules)) }));
}

/** Which of its rules a process really goes by, of all that hold for it. */
export function winningRules(
  rules: readonly number[],
  directionsOf: (id: number) => { readonly rank: number; readonly directions: Iterable<string> } | null,
): Set<number> {
  const taken = new Set<string>();
  const winners = new Set<number>();
  for (const id of rules) {
    const found = directionsOf(id);
    for (const direction of found?.directions ?? []) {
      const place = `${found!.rank} ${direction}`;
      if (taken.has(place)) continue;
      taken.add(place);
      winners.add(id);
    }
  }
  return winners;
}
