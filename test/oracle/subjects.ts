/**
 * Where packets belong by their subjects, without tables, records or memory: everything is looked up for each
 * packet in what holds now.
 */
import type { SubjectsUpdate } from '../../src/core/subjects/update.ts';
import type { ClassSpec, MatcherSpec } from '../../src/spec/spec.ts';

export interface SlowSocket {
  readonly uid: number;
  readonly cgroup: number;
  /** What processes that have it are. */
  readonly subjects: readonly number[];
}

export interface SlowPacket {
  /** null: the packet is forwarded, or its socket is not known. */
  readonly socket: SlowSocket | null;
  readonly isForwarded: boolean;
  readonly device: number;
  readonly addresses: readonly number[];
}

type Told = Pick<SubjectsUpdate, 'users' | 'cgroups' | 'devices' | 'addresses' | 'matched' | 'attachments'>;

function subjectsOf(told: Told, { socket, isForwarded, device, addresses }: SlowPacket): Set<number> {
  const found = new Set<number>();
  if (isForwarded) {
    for (const one of told.devices) if (one.ifIndex === device) found.add(one.subject);
    for (const { prefix, subject } of told.addresses)
      if (addresses.includes(prefix.words[0])) found.add(subject);
  } else if (socket !== null) {
    for (const subject of socket.subjects) found.add(subject);
    for (const one of told.cgroups)
      if (one.low === socket.cgroup) for (const subject of one.subjects) found.add(subject);
    for (const one of told.users) if (one.uid === socket.uid) found.add(one.subject);
  }
  return found;
}

function find(node: ClassSpec, path: string): ClassSpec | undefined {
  return node.path === path
    ? node
    : node.children.map((child) => find(child, path)).find((one) => one !== undefined);
}

/** Path of the leaf in the tree of `root`. */
export function slowLeaf(root: ClassSpec, told: Told, packet: SlowPacket): string {
  const found = subjectsOf(told, packet);
  const holds = (keys: readonly string[] | undefined): boolean =>
    keys === undefined || told.matched.some(({ key, subject }) => keys.includes(key) && found.has(subject));
  const meets = ({ users, groups, cgroups, exes }: MatcherSpec): boolean =>
    holds(users) && holds(groups) && holds(cgroups) && holds(exes);
  let node = root;
  for (const rank of [5, 4, 3, 2, 1, 0])
    for (const one of told.attachments.toReversed()) {
      if (one.rank !== rank || !found.has(one.subject)) continue;
      for (const path of one.classes) node = find(root, path) ?? node;
    }
  while (node.children.length > 0)
    node = node.children.find(({ match }) => match === null || match.some(meets)) ?? node.children.at(-1)!;
  return node.path;
}
