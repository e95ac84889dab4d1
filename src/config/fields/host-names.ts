/** Text forms of MACs, of names of hosts, and of what either may stand beside: addresses and paths. */
import { macText } from '../../packet/mac-text.ts';
import type { MacSpec } from '../../spec/hosts.ts';
import type { PrefixSpec } from '../../spec/spec.ts';
import { prefix, type ReadPrefix } from './addresses.ts';
import { FieldError, type TextForm } from './kinds.ts';

const MAC_FORMS = '00:50:8d:68:50:75, 00-50-8d-68-50-75 or 0050.8d68.5075';
const SPELLINGS = [
  /^[\da-f]{1,2}(:[\da-f]{1,2}){5}$/i,
  /^[\da-f]{2}(-[\da-f]{2}){5}$/i,
  /^[\da-f]{4}(\.[\da-f]{4}){2}$/i,
  /^[\da-f]{12}$/i,
];

/** The twelve digits of a MAC in any usual spelling; null for any other text. */
function macDigits(text: string): string | null {
  if (!SPELLINGS.some((spelling) => spelling.test(text))) return null;
  const parts = text.toLowerCase().split(/[:.-]/);
  return parts.length === 6 ? parts.map((part) => part.padStart(2, '0')).join('') : parts.join('');
}

/** A MAC that a device can have. It is written with colons, in lower case. */
export const mac: TextForm<MacSpec> = {
  read(text) {
    const digits = macDigits(text.trim());
    if (digits === null) throw new FieldError(`'${text}' is not a MAC; write ${MAC_FORMS}`);
    const spec = { high: Number.parseInt(digits.slice(0, 4), 16), low: Number.parseInt(digits.slice(4), 16) };
    if ((spec.high & 0x100) !== 0)
      throw new FieldError(`'${text}' is the MAC of a group: no device sends from it`);
    if (spec.high === 0 && spec.low === 0) throw new FieldError(`'${text}' is the MAC of no device`);
    return spec;
  },
  write: ({ high, low }) => macText(high, low),
};

/** A whole address: one host. */
const address: TextForm<PrefixSpec> = {
  read(text) {
    const { prefix: read } = prefix.read(text);
    if (read.bits !== (read.family === 4 ? 32 : 128))
      throw new FieldError(`'${text}' is a network; a name is that of one address`);
    return read;
  },
  write: (spec) => prefix.write({ prefix: spec, corrected: null }),
};

/** What a name stands for: one of the two is null. */
export interface NamedAs {
  readonly mac: MacSpec | null;
  readonly address: PrefixSpec | null;
}

export const macOrAddress: TextForm<NamedAs> = {
  read(text) {
    if (macDigits(text.trim()) !== null) return { mac: mac.read(text), address: null };
    if (!looksLikeAddress(text))
      throw new FieldError(`'${text}' is neither a MAC (${MAC_FORMS}) nor an address (10.0.0.5, fd00::5)`);
    return { mac: null, address: address.read(text) };
  },
  write: ({ mac: own, address: at }) => (own ? mac.write(own) : address.write(at!)),
};

/** As DHCP and DNS have names of hosts: without case, so in lower case here. */
const HOST_NAME = /^[a-z\d_]([a-z\d_.-]{0,251}[a-z\d_])?$/;

/** Numbers with points, and all with a colon or a slash: no name has these. */
function looksLikeAddress(text: string): boolean {
  return /^[\d.]+$|[:/]/.test(text);
}

/** What a text is that cannot be a name, for messages; null for a name. */
export function whyNoName(text: string): 'an address' | 'a MAC' | null {
  if (macDigits(text) !== null) return 'a MAC';
  return looksLikeAddress(text) ? 'an address' : null;
}

export const hostName: TextForm<string> = {
  read(text) {
    const name = text.toLowerCase();
    const other = whyNoName(name);
    if (other !== null) throw new FieldError(`'${text}' is ${other}, not a name`);
    if (!HOST_NAME.test(name))
      throw new FieldError(`'${text}' is not a name of a host (letters, digits, - _ or .)`);
    return name;
  },
  write: (name) => name,
};

export type PrefixOrName = ReadPrefix | { readonly name: string };

export const prefixOrName: TextForm<PrefixOrName> = {
  read(text) {
    if (looksLikeAddress(text)) return prefix.read(text);
    if (macDigits(text) !== null)
      throw new FieldError(`'${text}' is a MAC; write mac: ${mac.write(mac.read(text))}`);
    return { name: hostName.read(text) };
  },
  write: (value) => ('name' in value ? value.name : prefix.write(value)),
};

export const absolutePath: TextForm<string> = {
  read(path) {
    if (!path.startsWith('/')) throw new FieldError(`'${path}' is not an absolute path`);
    return path;
  },
  write: (path) => path,
};
