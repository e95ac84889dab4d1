/** Which flows a host or network has. */
import { prefixMasks, wordMask } from '../../base/prefix.ts';
import { prefix } from '../../config/fields/addresses.ts';
import { FieldError } from '../../config/fields/kinds.ts';
import type { FlowRecord } from '../../core/flows/flow-reader.ts';
import { ApiError } from '../api-error.ts';

export type AddressFilter = (record: FlowRecord) => boolean;

/**
 * Takes flows whose source or destination is in the prefix: `10.0.0.1`, `10.0.0.0/24`, `fd00::/64`.
 * @throws ApiError
 */
export function addressFilter(text: string, where: string): AddressFilter {
  const { family, words, bits } = readPrefix(text, where);
  const masks = family === 4 ? [wordMask(bits)] : prefixMasks(bits);
  const isIn = (address: Uint32Array): boolean =>
    masks.every((mask, w) => (address[w]! & mask) === (words[w]! & mask));
  return (record) => record.family === family && (isIn(record.src) || isIn(record.dst));
}

function readPrefix(text: string, where: string) {
  try {
    return prefix.read(text).prefix;
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    throw new ApiError(400, 'wrong-type', `${where}: ${error.message}`, where);
  }
}
