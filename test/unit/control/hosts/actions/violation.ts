import type { ViolationFacts } from '../../../../../src/control/hosts/actions/facts.ts';

export const VIOLATION: ViolationFacts = {
  host: '00:50:8d:68:50:75',
  name: 'flat-12',
  addresses: ['10.0.0.12', 'fd00::12'],
  quota: 'fair-use',
  state: 'exceeded',
  overNs: 4 * 3600e9,
  direction: 'down',
  usedBytes: 10_000_001_500,
  limitBytes: 10_000_000_000,
  endsAt: '2026-11-29T18:00:00.000Z',
};

export const never = (): AbortSignal => new AbortController().signal;
