/** Which host somebody means: by a name, an id, a MAC in any spelling, or any of its addresses. */

import { nearest } from '../../base/nearest.ts';
import { NONE } from '../../base/none.ts';
import { prefix } from '../../config/fields/addresses.ts';
import { mac, whyNoName } from '../../config/fields/host-names.ts';
import { FieldError } from '../../config/fields/kinds.ts';
import { addressText } from '../../packet/address-text.ts';
import { isSameMac } from '../../quotas/holds.ts';
import { ApiError } from '../api-error.ts';
import type { HostEntry } from './entry.ts';

/** Throws ApiError if there is none, or if several fit. */
export function findHost(wanted: string, entries: ReadonlyMap<string, HostEntry>, where = 'host'): HostEntry {
  const text = wanted.trim();
  const byId = entries.get(text) ?? entries.get(text.toLowerCase());
  if (byId !== undefined) return byId;
  const found = all(text, [...entries.values()]);
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw several(text, found, where);
  const known = [...entries.values()].flatMap(({ names, id }) => [...names, id]);
  const near = nearest(text, known);
  const hint = near?.isNear ? `did you mean ${near.word}?` : 'shaper hosts lists all hosts';
  throw new ApiError(404, 'unknown-host', `no host is known as ${JSON.stringify(text)}`, where, hint);
}

function all(text: string, entries: readonly HostEntry[]): HostEntry[] {
  const kind = whyNoName(text.toLowerCase());
  try {
    if (kind === 'a MAC') {
      const wanted = mac.read(text);
      return entries.filter(({ macs }) => macs.some((one) => isSameMac(one, wanted)));
    }
    if (kind === 'an address') {
      const { family, words } = prefix.read(text).prefix;
      const address = addressText(family, words);
      return entries.filter(({ addressTexts }) => addressTexts.includes(address));
    }
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    return [];
  }
  const name = text.toLowerCase();
  const named = entries.filter(({ names }) => names.includes(name));
  // A host of an earlier run may have had a name that another one has now.
  const here = named.filter(({ row }) => row !== NONE);
  return here.length === 1 ? here : named;
}

function several(text: string, found: readonly HostEntry[], where: string): ApiError {
  const ids = found.map(({ id }) => id).join(', ');
  const message = `several hosts are known as ${JSON.stringify(text)}: ${ids}`;
  return new ApiError(400, 'several-hosts', message, where, 'name one of them');
}
