/** Matchers, as they are written in a configuration. */
import type { MatcherSpec, PrefixSpec } from '../../spec/spec.ts';
import type { PrefixOrName } from '../fields/host-names.ts';
import { MATCH_NONE } from '../fields/match.ts';
import { PORT_PROTOCOLS, protocolItems } from '../fields/names.ts';
import { SECTIONS } from '../fields/sections.ts';
import { type Block, type BlockValue, type Detail, oneOrList, writeSection } from './block.ts';

export function writeMatch(match: readonly MatcherSpec[], detail: Detail): BlockValue {
  if (match.length === 0) return MATCH_NONE;
  return oneOrList(match.map((matcher) => writeMatcher(matcher, detail)));
}

function writeMatcher(matcher: MatcherSpec, detail: Detail): Block {
  const { proto, src, dst, host, hostNames, mac, sport, dport, port, dscp, mark, iif, oif } = matcher;
  const { users, groups, cgroups, exes } = matcher;
  const hasPorts = [sport, dport, port].some((ports) => ports !== undefined);
  const values = {
    proto: proto && protocolItems(proto),
    src: src && prefixItems(src),
    dst: dst && prefixItems(dst),
    host: hostItems(host, hostNames),
    mac,
    sport,
    dport,
    port,
    inside: undefined,
    outside: undefined,
    insidePort: undefined,
    outsidePort: undefined,
    dscp,
    mark,
    iif,
    oif,
    user: namesOf(users),
    group: namesOf(groups),
    cgroup: namesOf(cgroups),
    exe: namesOf(exes),
  };
  const defaults = { proto: hasPorts ? protocolItems(PORT_PROTOCOLS) : undefined };
  return writeSection(SECTIONS.match, values, defaults, detail);
}

/** What stands behind the kind in keys of subjects. */
function namesOf(keys: readonly string[] | undefined): string[] | undefined {
  return keys?.map((key) => key.slice(key.indexOf(':') + 1));
}

/** Addresses and names stand in one list. */
function hostItems(
  host: readonly PrefixSpec[] | undefined,
  hostNames: readonly string[] | undefined,
): PrefixOrName[] | undefined {
  if (host === undefined && hostNames === undefined) return undefined;
  return [...prefixItems(host ?? []), ...(hostNames ?? []).map((name) => ({ name }))];
}

export function prefixItems(prefixes: readonly PrefixSpec[]): { prefix: PrefixSpec; corrected: null }[] {
  return prefixes.map((prefix) => ({ prefix, corrected: null }));
}
