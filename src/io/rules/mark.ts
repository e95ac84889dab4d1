/**
 * Arithmetic of our part of the packet mark: eight neighbouring bits that hold nfqueue + 1 between our
 * marking chain and the verdict. 0 means that the packet is not ours. All values are unsigned 32-bit numbers.
 */
import { MARK_SWITCHED, markBits } from '../../spec/mark-codes.ts';
import { RulesError } from './errors.ts';

/** Marks 1 .. MARK_NFQUEUES_MAX name an NFQUEUE. */
export const MARK_NFQUEUES_MAX = MARK_SWITCHED - 1;

/** Position of the lowest bit of the mask. @throws RulesError unless the mask is eight neighbouring bits */
export function markShift(mask: number): number {
  const shift = 31 - Math.clz32(mask & -mask);
  if (!Number.isInteger(mask) || mask <= 0 || mask > 0xffffffff || mask >>> shift !== 0xff) {
    throw new RulesError('request', `mark mask ${mask} is not eight neighbouring bits`, 'e.g. 0xff000000');
  }
  return shift;
}

/** The value inside the mask that sends a packet to the NFQUEUE. */
export function nfqueueMark(mask: number, nfqueue: number): number {
  markShift(mask);
  if (!Number.isInteger(nfqueue) || nfqueue < 0 || nfqueue >= MARK_NFQUEUES_MAX) {
    throw new RulesError('request', `nfqueue ${nfqueue} does not fit the mark`);
  }
  return markBits(mask, nfqueue + 1);
}

/** The bits of all others. */
export function foreignBits(mask: number): number {
  return ~mask >>> 0;
}

export function hex(mark: number): string {
  return `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;
}
