/** For which hosts a quota holds. */
import type { MacSpec, QuotaSpec } from '../../spec/hosts.ts';
import type { MatcherSpec, PrefixSpec } from '../../spec/spec.ts';
import type { EntryAddress, HostEntry } from './entry.ts';

type Subject = Pick<HostEntry, 'names' | 'macs' | 'addresses' | 'isOwn'>;

export function quotaHolds({ hosts: { names, match } }: Pick<QuotaSpec, 'hosts'>, host: Subject): boolean {
  if (host.isOwn) return false;
  if (names === null && match === null) return true;
  if (names?.some((name) => host.names.includes(name))) return true;
  return match?.some((matcher) => fits(matcher, host)) ?? false;
}

/** All fields that are present must hold; a name stands beside the addresses of `host`. */
function fits({ src, host, hostNames, mac }: MatcherSpec, subject: Subject): boolean {
  if (src !== undefined && !hasAddressIn(subject, src)) return false;
  const isHost =
    (host !== undefined && hasAddressIn(subject, host)) ||
    hostNames?.some((name) => subject.names.includes(name)) === true;
  if ((host !== undefined || hostNames !== undefined) && !isHost) return false;
  return mac === undefined || mac.some((one) => subject.macs.some((other) => isSameMac(one, other)));
}

function hasAddressIn({ addresses }: Subject, prefixes: readonly PrefixSpec[]): boolean {
  return addresses.some((address) => prefixes.some((prefix) => isIn(address, prefix)));
}

export function isIn(address: Pick<EntryAddress, 'family' | 'words'>, prefix: PrefixSpec): boolean {
  if (address.family !== prefix.family) return false;
  for (let w = 0; 32 * w < prefix.bits; w++) {
    const bits = Math.min(32, prefix.bits - 32 * w);
    const mask = bits === 32 ? -1 : ~(-1 >>> bits);
    if (((address.words[w]! ^ prefix.words[w]!) & mask) !== 0) return false;
  }
  return true;
}

export function isSameMac(one: MacSpec, other: MacSpec): boolean {
  return one.high === other.high && one.low === other.low;
}
