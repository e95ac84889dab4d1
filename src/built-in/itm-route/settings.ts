/** The options of itm-route, read: addresses become words, destinations prefixes with their far ends. */
import { isIPv4 } from 'node:net';
import { wordMask } from '../../base/prefix.ts';

export interface RouteOptions {
  readonly self: string;
  readonly neighbours: readonly string[];
  readonly destinations: readonly string[];
  /** Nanoseconds. */
  readonly probe: number;
  readonly hysteresis: number;
  readonly lifetime: number;
}

export interface Destination {
  readonly network: number;
  readonly mask: number;
  /** The machine at the other end: probes go to it, and it answers. */
  readonly end: number;
}

export interface RouteSettings {
  readonly self: number;
  readonly neighbours: readonly number[];
  readonly destinations: readonly Destination[];
  readonly periodNs: number;
  readonly hysteresis: number;
  readonly lifetimeNs: number;
}

/** Every path to every end is asked five times a period. */
const PATHS_MAX = 256;

export function addressWord(text: string): number {
  return text.split('.').reduce((word, byte) => word * 256 + Number(byte), 0);
}

export function wordText(word: number): string {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.');
}

/** @throws Error that names the option and says how it is written */
export function readRouteOptions(options: RouteOptions): RouteSettings {
  const self = readAddress('self', options.self);
  const neighbours = options.neighbours.map((text) => readAddress('neighbours', text));
  if (new Set([self, ...neighbours]).size !== neighbours.length + 1)
    throw new Error('neighbours: an address stands there twice, or is `self`; name every neighbour once');
  const destinations = options.destinations.map(readDestination);
  const ends = new Set(destinations.map(({ end }) => end));
  if (ends.has(self)) throw new Error('destinations: the other end is `self`; name the machine over there');
  const paths = ends.size * (neighbours.length + 1);
  if (paths > PATHS_MAX)
    throw new Error(
      `destinations: ${ends.size} ends by ${neighbours.length + 1} paths each are ${paths} paths to probe, ` +
        `more than ${PATHS_MAX}; name fewer neighbours, or give several networks one end`,
    );
  if (options.lifetime < options.probe)
    throw new Error(
      'lifetime: is shorter than `probe`, so no path would be known; make it a few times `probe`',
    );
  return {
    ...{ self, neighbours, destinations },
    periodNs: options.probe,
    hysteresis: options.hysteresis,
    lifetimeNs: options.lifetime,
  };
}

function readAddress(option: string, text: string): number {
  if (isIPv4(text)) return addressWord(text);
  throw new Error(`${option}: '${text}' is no IPv4 address; write one as 192.0.2.1`);
}

/** `10.9.0.0/16@192.0.2.9`, or an address that is its own end. */
function readDestination(text: string): Destination {
  const [, address = '', bits, end] = /^([\d.]+)(?:\/(\d{1,2}))?(?:@([\d.]+))?$/.exec(text) ?? [];
  const forms = 'write a network and its other end as 10.9.0.0/16@192.0.2.9, or an address alone';
  if (!isIPv4(address) || Number(bits ?? 32) > 32) throw new Error(`destinations: '${text}'; ${forms}`);
  if (end === undefined && (bits ?? '32') !== '32')
    throw new Error(`destinations: '${text}' has no other end that answers probes; ${forms}`);
  const mask = wordMask(Number(bits ?? 32));
  const network = addressWord(address);
  if ((network & mask) >>> 0 !== network)
    throw new Error(
      `destinations: '${text}' has bits of hosts; the network is ${wordText((network & mask) >>> 0)}`,
    );
  return { network, mask, end: end === undefined ? network : readAddress('destinations', end) };
}

/** Of a destination as a matcher needs it. */
export function networkText({ network, mask }: Destination): string {
  const bits = mask === 0 ? 0 : 32 - Math.log2(0x1_0000_0000 - mask);
  return `${wordText(network)}/${bits}`;
}
