/**
 * Arithmetic of our part of the packet mark: eight neighbouring bits that hold queue index + 1 between our marking
 * chain and the verdict; 0 means not ours. All values are unsigned 32-bit numbers.
 */
import { MARK_ASKS, markBits } from '../../spec/mark-codes.ts';
import { RulesError } from './errors.ts';

/** Marks 1 .. MARK_QUEUES_MAX name a queue; what is above asks for something. */
export const MARK_QUEUES_MAX = MARK_ASKS - 1;

/** Position of the lowest bit of the mask. @throws RulesError unless the mask is eight neighbouring bits */
export function markShift(mask: number): number {
  const shift = 31 - Math.clz32(mask & -mask);
  if (!Number.isInteger(mask) || mask <= 0 || mask > 0xffffffff || mask >>> shift !== 0xff) {
    throw new RulesError('request', `mark mask ${mask} is not eight neighbouring bits`, 'e.g. 0xff000000');
  }
  return shift;
}

/** The value inside the mask that sends a packet to the queue. */
export function queueMark(mask: number, queueIndex: number): number {
  markShift(mask);
  if (!Number.isInteger(queueIndex) || queueIndex < 0 || queueIndex >= MARK_QUEUES_MAX) {
    throw new RulesError('request', `queue index ${queueIndex} does not fit the mark`);
  }
  return markBits(mask, queueIndex + 1);
}

/** Everybody else's bits. */
export function foreignBits(mask: number): number {
  return ~mask >>> 0;
}

export function hex(mark: number): string {
  return `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;
}
