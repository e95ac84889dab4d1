/**
 * Arithmetic of our part of the packet mark: eight neighbouring bits that hold queue index + 1 between our marking
 * chain and the verdict; 0 means not ours. All values are unsigned 32-bit numbers.
 */
import { RulesError } from './errors.ts';

/** 0 says "not ours" and index + 1 must fit eight bits. */
export const MARK_QUEUES_MAX = 255;

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
  const shift = markShift(mask);
  if (!Number.isInteger(queueIndex) || queueIndex < 0 || queueIndex >= MARK_QUEUES_MAX) {
    throw new RulesError('request', `queue index ${queueIndex} does not fit the mark mask`);
  }
  return ((queueIndex + 1) << shift) >>> 0;
}

/** Everybody else's bits. */
export function foreignBits(mask: number): number {
  return ~mask >>> 0;
}

export function hex(mark: number): string {
  return `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;
}
