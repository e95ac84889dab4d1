/** Users, groups, control groups and programs in matchers. */
import { nearest } from '../../base/nearest.ts';
import type { MatcherSpec } from '../../spec/spec.ts';
import type { SECTIONS } from '../fields/sections.ts';
import type { Located, Values } from '../yaml/reader.ts';
import type { ClassContext } from './context.ts';

type Names = Located<readonly Located<string>[]> | undefined;
type MatchValues = Values<typeof SECTIONS.match>;
type SubjectKeys = Record<'users' | 'groups' | 'cgroups' | 'exes', MatcherSpec['users']>;

/** Their keys. Names that the machine does not have are errors. */
export function readSubjects(
  { reader, accounts }: ClassContext,
  { user, group, cgroup, exe }: MatchValues,
): SubjectKeys {
  const check = (kind: 'user' | 'group', at: Names, known: () => readonly string[]): void => {
    for (const { value: name, offset } of at?.value ?? []) {
      const fault = accountFault(name, kind, kind, known);
      if (fault !== null) reader.problems.error(offset, fault);
    }
  };
  if (accounts !== null) {
    check('user', user, () => accounts.userNames());
    check('group', group, () => accounts.groupNames());
  }
  return {
    users: keysOf('user', user),
    groups: keysOf('group', group),
    cgroups: keysOf('cgroup', cgroup),
    exes: keysOf('exe', exe),
  };
}

/** Why the machine does not have the name of a user or group at `key`; null if it has, or for a number. */
export function accountFault(
  name: string,
  kind: 'user' | 'group',
  key: string,
  known: () => readonly string[],
): string | null {
  if (/^\d+$/.test(name)) return null;
  const names = known();
  if (names.includes(name)) return null;
  const near = nearest(name, names);
  const file = kind === 'user' ? '/etc/passwd' : '/etc/group';
  const id = kind === 'user' ? 'uid' : 'gid';
  const advice = near?.isNear
    ? `did you mean ${near.word}?`
    : `write its ${id} if it is known elsewhere, as in LDAP`;
  return `${key}: there is no ${kind} '${name}' in ${file}; ${advice}`;
}

/** Protocols whose sockets the kernel can be asked for: TCP, UDP, UDP-Lite. */
const ASKED_PROTOCOLS: readonly number[] = [6, 17, 136];

/**
 * Warns of a matcher that no local flow can fit. Whether a link has any is not known: a forwarded packet fits
 * no user, group, control group or program.
 */
export function warnOfNeverLocal({ reader, direction }: ClassContext, values: MatchValues): void {
  const { user, group, cgroup, exe, proto, iif, oif } = values;
  const asked = Object.entries({ user, group, cgroup, exe }).find(([, field]) => field !== undefined);
  if (asked === undefined) return;
  const [key, at] = asked;
  const warn = (why: string): void => reader.problems.warn(at!.offset, `${key}: this never matches: ${why}`);
  const numbers = proto?.value.flatMap(({ value }) => value);
  if (numbers !== undefined && !numbers.some((number) => ASKED_PROTOCOLS.includes(number)))
    warn('the owner of a packet is known of tcp, udp and udplite alone');
  if (direction === 'up' && iif !== undefined)
    warn('packets that this host sends itself have come in by no device (iif)');
  if (direction === 'down' && oif !== undefined) warn('packets to this host itself leave by no device (oif)');
}

function keysOf(kind: string, at: Names): readonly string[] | undefined {
  return at && [...new Set(at.value.map(({ value }) => `${kind}:${value}`))];
}
