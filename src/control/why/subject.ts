/**
 * The subject of `why`: an address, or a protocol with two ends. Many spellings are understood:
 *
 *   10.1.0.2   [fd00::1]   tcp 10.1.0.2:40000 10.2.0.2:5201   TCP 10.1.0.2 40000 -> 10.2.0.2 5201
 *   udp [fd00::1]:5000 [2001:db8::1]:53   icmp 10.1.0.2 10.2.0.2   10.1.0.2:40000
 */
import { nearest } from '../../base/nearest.ts';
import { prefix } from '../../config/fields/addresses.ts';
import { FieldError } from '../../config/fields/kinds.ts';
import type { FlowRecord } from '../../core/flows/flow-reader.ts';
import { addressText } from '../../packet/address-text.ts';
import { PROTOCOLS, protocolName } from '../../packet/protocols.ts';
import { ApiError } from '../api-error.ts';

export interface Endpoint {
  readonly family: number;
  readonly words: readonly number[];
  /** null: any. */
  readonly port: number | null;
}

export interface Subject {
  /** In one spelling. */
  readonly text: string;
  /** null: any. */
  readonly protocols: readonly number[] | null;
  /** One end, or source and destination. */
  readonly ends: readonly Endpoint[];
}

const WHERE = 'query.subject';
export const SUBJECT_FORMS =
  '10.1.0.2, or tcp 10.1.0.2:40000 10.2.0.2:443, or udp [fd00::1]:5000 [fd00::2]:53';
const SHOWN_CHARS_MAX = 100;
const PORT_MAX = 65535;
const PROTOCOL_MAX = 255;

function wrong(message: string, hint = `write ${SUBJECT_FORMS}`): ApiError {
  return new ApiError(400, 'wrong-subject', message, WHERE, hint);
}

const quoted = (text: string): string => `'${text.slice(0, SHOWN_CHARS_MAX)}'`;

/** @throws ApiError */
export function parseSubject(text: string): Subject {
  const words = text
    .replace(/->|→|[>,]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');
  if (/^(host|address|flow)$/i.test(words[0] ?? '')) words.shift();
  if (words.length === 0) throw wrong('the subject is empty');
  const protocols = isAddressLike(words[0]!) ? null : readProtocol(words.shift()!);
  const ends = readEnds(words);
  if (protocols !== null && ends.length < 2)
    throw wrong(`after the protocol two addresses are expected, ${ends.length === 0 ? 'none' : 'one'} came`);
  if (ends.length > 1 && ends[0]!.family !== ends[1]!.family)
    throw wrong('one address is IPv4 and the other IPv6: no packet has both');
  const shown = ends.map(endText).join(' ');
  return { text: protocols === null ? shown : `${protocolText(protocols)} ${shown}`, protocols, ends };
}

function isAddressLike(word: string): boolean {
  return word.includes(':') || word.includes('.') || word.startsWith('[');
}

function readProtocol(word: string): readonly number[] {
  const known = PROTOCOLS[word.toLowerCase()];
  if (known !== undefined) return known;
  if (/^\d{1,3}$/.test(word) && Number(word) <= PROTOCOL_MAX) return [Number(word)];
  const near = nearest(word, Object.keys(PROTOCOLS));
  const hint = near?.isNear ? `did you mean ${near.word}?` : `write ${SUBJECT_FORMS}`;
  throw wrong(`${quoted(word)} is neither an address nor a protocol`, hint);
}

function protocolText(protocols: readonly number[]): string {
  return protocols.length > 1 ? 'icmp' : (protocolName(protocols[0]!) ?? String(protocols[0]));
}

function readEnds(words: readonly string[]): Endpoint[] {
  const ends: Endpoint[] = [];
  for (const word of words) {
    const last = ends.at(-1);
    if (/^\d+$/.test(word) && last !== undefined && last.port === null) {
      ends[ends.length - 1] = { ...last, port: readPort(word) };
      continue;
    }
    if (ends.length === 2) throw wrong(`${quoted(word)} comes after both ends`);
    ends.push(readEnd(word));
  }
  return ends;
}

/** `10.0.0.1`, `10.0.0.1:80`, `fd00::1`, `[fd00::1]`, `[fd00::1]:80`. */
function readEnd(word: string): Endpoint {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(word);
  const four = /^([\d.]+):(.*)$/.exec(word);
  const [, address = word, port] = bracketed ?? four ?? [];
  const { family, words, bits } = readAddress(address, word);
  if (bits !== (family === 4 ? 32 : 128) && word.includes('/'))
    throw wrong(`${quoted(word)} is a prefix`, 'name one address');
  return { family, words, port: port === undefined || port === '*' ? null : readPort(port) };
}

function readAddress(text: string, word: string) {
  try {
    return prefix.read(text).prefix;
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    const hint = word.includes(':') && !word.includes('.') ? 'IPv6 with a port: [fd00::1]:443' : undefined;
    throw wrong(`${quoted(word)} is no address`, hint);
  }
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= PORT_MAX) return port;
  throw wrong(`${quoted(text)} is no port`, `ports are 0 to ${PORT_MAX}`);
}

/** An address of IPv6 stands in brackets before a port. */
function endText({ family, words, port }: Endpoint): string {
  const address = addressText(family, words);
  if (port === null) return address;
  return `${family === 6 ? `[${address}]` : address}:${port}`;
}

/** Whether a flow is meant. `isForth`: in the direction in which the ends were named. */
export function meets(subject: Subject, record: FlowRecord): { isMeant: boolean; isForth: boolean } {
  const { protocols, ends } = subject;
  const { src, dst, sport, dport } = record;
  const [a, b] = ends as [Endpoint, Endpoint?];
  if (a.family !== record.family || (protocols !== null && !protocols.includes(record.protocol)))
    return { isMeant: false, isForth: false };
  const isForth = isAt(a, src, sport) && (b === undefined || isAt(b, dst, dport));
  const isBack = isAt(a, dst, dport) && (b === undefined || isAt(b, src, sport));
  return { isMeant: isForth || isBack, isForth };
}

function isAt({ family, words, port }: Endpoint, address: ArrayLike<number>, at: number): boolean {
  if (port !== null && port !== at) return false;
  for (let w = 0; w < (family === 4 ? 1 : 4); w++) if (words[w]! >>> 0 !== address[w]! >>> 0) return false;
  return true;
}
