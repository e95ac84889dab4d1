import { expect, test } from 'vitest';
import { remainingRights } from '../../../src/portal/rights.ts';

const status = (fields: Readonly<Record<string, string>> = {}): string => {
  const all = {
    ...{ Name: 'node', Uid: '65534\t65534\t65534\t65534', Gid: '65534\t65534\t65534\t65534', Groups: ' ' },
    ...{ CapInh: '0000000000000000', CapPrm: '0000000000000000', CapEff: '0000000000000000' },
    ...{ CapBnd: '000001ffffffffff', CapAmb: '0000000000000000' },
    ...fields,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}:\t${value}\n`)
    .join('');
};

test('nobody has no rights', () => {
  expect(remainingRights(status())).toBe(null);
});

test('every way to keep some is seen', () => {
  expect(remainingRights(status({ Uid: '65534\t65534\t0\t65534' }))).toBe('the user root');
  expect(remainingRights(status({ Gid: '0\t65534\t65534\t65534' }))).toBe('the group root');
  expect(remainingRights(status({ Groups: '4 0 27' }))).toBe('the group root');
  expect(remainingRights(status({ CapEff: '0000000000001000' }))).toContain('CapEff');
  expect(remainingRights(status({ CapPrm: '0000000000001000' }))).toContain('CapPrm');
  expect(remainingRights(status({ CapAmb: '0000000000001000' }))).toContain('CapAmb');
  expect(remainingRights('')).toBe('rights that cannot be read');
});
