import { expect, it } from 'vitest';
import type { ApiError } from '../../../../src/control/api-error.ts';
import { HostEntry } from '../../../../src/control/hosts/entry.ts';
import { findHost } from '../../../../src/control/hosts/find.ts';
import { quotaHolds } from '../../../../src/quotas/holds.ts';
import type { MatcherSpec, PrefixSpec } from '../../../../src/spec/spec.ts';

const v4 = (last: number, bits = 32): PrefixSpec => ({
  family: 4,
  words: [0x0a000000 + last, 0, 0, 0],
  bits,
});
const v6 = (last: number, bits = 128): PrefixSpec => ({ family: 6, words: [0xfd000000, 0, 0, last], bits });

function entry(
  id: string,
  more: Partial<Pick<HostEntry, 'names' | 'macs' | 'addresses' | 'row'>> = {},
): HostEntry {
  return Object.assign(new HostEntry(id), more);
}

const PHONE = entry('00:50:8d:68:50:75', {
  names: ['flat-12', 'phone'],
  macs: [{ high: 0x50, low: 0x8d685075 }],
  addresses: [
    { ...v4(5), text: '10.0.0.5' },
    { ...v6(5), text: 'fd00::5' },
  ],
});
const all = new Map(
  [PHONE, entry('10.0.0.9', { addresses: [{ ...v4(9), text: '10.0.0.9' }] })].map((one) => [one.id, one]),
);

it.each([
  ...['00:50:8d:68:50:75', '00-50-8D-68-50-75', '0050.8d68.5075', 'flat-12', 'FLAT-12', 'phone'],
  ...['10.0.0.5', 'fd00::5', 'FD00:0:0::5', '::ffff:10.0.0.5', ' flat-12 '],
])('%s is a host', (text) => {
  expect(findHost(text, all)).toBe(PHONE);
});

it('an unknown host is an error with the nearest one', () => {
  const failure = (text: string): ApiError => {
    try {
      findHost(text, all, 'query.host');
    } catch (error) {
      return error as ApiError;
    }
    throw new Error('it was found');
  };
  expect(failure('flat-21')).toMatchObject({ status: 404, code: 'unknown-host', where: 'query.host' });
  expect(failure('flat-21').hint).toBe('did you mean flat-12?');
  expect(failure('10.0.0.77').message).toBe('no host is known as "10.0.0.77"');
  expect(failure('999.1.1.1').status).toBe(404);
  expect(failure('zzz').hint).toBe('shaper hosts lists all hosts');
});

it('a name that two hosts have means the one that is here, if there is one', () => {
  const old = entry('00:50:00:00:00:01', { names: ['nas'] });
  const now = entry('00:50:00:00:00:02', { names: ['nas'], row: 32 });
  const both = new Map([old, now].map((one) => [one.id, one]));
  expect(findHost('nas', both)).toBe(now);
  old.row = 64;
  expect(() => findHost('nas', both)).toThrow('several hosts are known as "nas"');
});

const holds = (match: MatcherSpec[] | null, names: string[] | null = null, host = PHONE): boolean =>
  quotaHolds({ hosts: { names, match } }, host);

it('a quota holds for all hosts but this machine, or for those that it names or matches', () => {
  expect(holds(null)).toBe(true);
  expect(holds(null, null, Object.assign(entry('x'), { isOwn: true }))).toBe(false);
  expect([holds(null, ['phone']), holds(null, ['tv'])]).toEqual([true, false]);
  expect([holds([{ src: [v4(0, 24)] }]), holds([{ src: [v4(8, 29)] }])]).toEqual([true, false]);
  expect([holds([{ src: [v6(0, 64)] }]), holds([{ src: [v6(0, 126)] }])]).toEqual([true, false]);
  expect([holds([{ src: [v4(4, 31)] }]), holds([{ src: [v4(0, 0)] }])]).toEqual([true, true]);
  expect(holds([{ src: [v4(5)], hostNames: ['tv'] }])).toBe(false);
  expect(holds([{ host: [v4(9)], hostNames: ['phone'] }])).toBe(true);
  expect(holds([{ mac: [{ high: 0x50, low: 0x8d685075 }] }])).toBe(true);
  expect(holds([{ mac: [{ high: 0x51, low: 0x8d685075 }] }, { host: [v4(5)] }])).toBe(true);
  expect(holds([])).toBe(false);
});
