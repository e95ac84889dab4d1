/** Subjects that matchers of the running configuration name: users, groups, control groups, programs. */
import type { CgroupId } from '../../io/proc/cgroups.ts';
import { type MatcherSpec, subjectKeysOf } from '../../spec/match.ts';
import type { ClassSpec, ShaperSpec } from '../../spec/spec.ts';
import type { Machine } from './machine.ts';

export interface MatchedSubject {
  /** Canonical: `user:alice`. */
  readonly key: string;
  readonly uids: readonly number[];
  /** Those that are there now, with all below. */
  readonly groups: readonly CgroupId[];
  /** Where groups that it means may come. */
  readonly folders: readonly string[];
  readonly program: string | null;
  /** Of the process tree; null unless it is a program. */
  readonly rule: number | null;
}

/** Every key once, in the order of the file; those of modules come last. */
export function matchedKeys({ links, modules }: ShaperSpec): string[] {
  const keys = new Set<string>();
  const add = (matchers: readonly MatcherSpec[] | null): void => {
    for (const matcher of matchers ?? []) for (const key of subjectKeysOf(matcher)) keys.add(key);
  };
  const visit = (node: ClassSpec): void => {
    add(node.match);
    for (const child of node.children) visit(child);
  };
  for (const { up, down } of links) for (const root of [up, down]) if (root !== null) visit(root);
  for (const { interest } of modules) add(interest);
  return [...keys];
}

/** The file of the program that a key names, as processes show it, without links; null for another key. */
export function programOf(key: string, { programFile }: Pick<Machine, 'programFile'>): string | null {
  if (!key.startsWith('exe:')) return null;
  const path = key.slice('exe:'.length);
  return programFile(path) ?? path;
}

/** What the key means now. */
export function lookUp(key: string, rule: number | null, machine: Machine): MatchedSubject {
  const { accounts, cgroups } = machine;
  const colon = key.indexOf(':');
  const [kind, name] = [key.slice(0, colon), key.slice(colon + 1)];
  const uid = kind === 'user' ? accounts.uidOf(name) : null;
  const paths = kind === 'cgroup' && cgroups !== null ? cgroups.below(name) : [];
  return {
    key,
    uids: kind === 'group' ? accounts.uidsOfGroup(name) : uid === null ? [] : [uid],
    folders:
      kind === 'cgroup' && cgroups !== null
        ? [cgroups.folderAround(name), ...paths.map((path) => cgroups.folderOf(path))]
        : [],
    groups: paths.flatMap((path) => cgroups!.idOf(path) ?? []),
    program: programOf(key, machine),
    rule: kind === 'exe' ? rule : null,
  };
}
