/** The options of elastic-tunnel, read. */
import { isIP, isIPv6 } from 'node:net';
import type { Interest } from '../../modules/api/module.ts';

export interface TunnelOptions {
  readonly peer: string;
  readonly listen: string;
  readonly match: readonly string[];
  /** Bytes per second. */
  readonly target: number;
  readonly connectionsMax: number;
  /** Nanoseconds. */
  readonly period: number;
}

export interface Endpoint {
  /** Empty: every address of this machine. */
  readonly address: string;
  readonly port: number;
}

export interface TunnelSettings {
  readonly peer: Endpoint;
  /** null: nobody connects to this instance. */
  readonly listen: Endpoint | null;
  readonly targetBytesPerSec: number;
  readonly connectionsMax: number;
  readonly periodNs: number;
}

/** Below the ports that Linux gives to programs by itself. */
const TUNNEL_PORT = 24_755;
const PORT_MAX = 65_535;

/** @throws Error that names the option and says how it is written */
export function readTunnelOptions(options: TunnelOptions): TunnelSettings {
  const peer = readEndpoint('peer', options.peer);
  if (peer.address === '') throw new Error('peer: has no address; write one as 192.0.2.1 or 192.0.2.1:24755');
  return {
    peer,
    listen: options.listen === '' ? null : readEndpoint('listen', options.listen),
    targetBytesPerSec: options.target,
    connectionsMax: options.connectionsMax,
    periodNs: options.period,
  };
}

/** `192.0.2.1`, `192.0.2.1:4000`, `[2001:db8::1]:4000`, `2001:db8::1`, or `:4000`. */
function readEndpoint(option: string, text: string): Endpoint {
  const forms = 'write an address as 192.0.2.1, 192.0.2.1:24755 or [2001:db8::1]:24755';
  if (isIP(text) !== 0) return { address: plainAddress(text), port: TUNNEL_PORT };
  const [, inBrackets, bare, digits] = /^(?:\[([^\]]+)\]|([\d.]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = inBrackets ?? bare;
  const port = Number(digits ?? TUNNEL_PORT);
  const isAddress = inBrackets === undefined ? bare === '' || isIP(bare ?? '') === 4 : isIP(inBrackets) === 6;
  if (address === undefined || text === '' || !isAddress || port < 1 || port > PORT_MAX)
    throw new Error(`${option}: '${text}' is no address and port; ${forms}`);
  return { address: plainAddress(address), port };
}

/** An address as it is compared: IPv4 in the form of IPv6 is IPv4, and IPv6 is as RFC 5952 writes it. */
export function plainAddress(address: string): string {
  const text = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return isIPv6(text) ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : text;
}

/**
 * The matcher that `match` says: every entry is `key=value`, all must hold, and `|` stands between values of
 * which any will do. An empty list: a matcher that holds for no packet, since some matcher must be.
 */
export function interestOf(match: readonly string[]): Interest {
  if (match.length === 0) return { src: '0.0.0.0', dst: '0.0.0.0', proto: 'ipip' };
  const matcher: Record<string, readonly string[]> = {};
  for (const text of match) {
    const [, key, values] = /^(\w+)=(.+)$/.exec(text) ?? [];
    if (key === undefined || values === undefined)
      throw new Error(
        `match: '${text}' is no condition; write key=value, as dst=10.2.0.0/16 or dport=80|443`,
      );
    if (Object.hasOwn(matcher, key))
      throw new Error(`match: '${key}' stands there twice; write ${key}=ONE|OTHER if either may hold`);
    matcher[key] = values.split('|');
  }
  return matcher;
}
