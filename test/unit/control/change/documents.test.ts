import { afterAll, expect, it } from 'vitest';
import { DOCUMENTS } from '../../../../src/control/change/documents.ts';

const zone = process.env.TZ;
process.env.TZ = 'Europe/Berlin';
afterAll(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const config = DOCUMENTS.parse(
  'links: { w: { device: d, up: { rate: 9mbit, schedule: [{ when: "mon-fri 18:00-23:00", set: { rate: 5mbit } }] } } }',
  '/f',
).load();

it('schedules hold by the time of the place, in winter and in summer', () => {
  const at = (utc: string): number => DOCUMENTS.scheduled(config, new Date(utc)).length;
  expect(DOCUMENTS.hasSchedules(config)).toBe(true);
  expect([
    at('2026-01-15T16:59Z'),
    at('2026-01-15T17:00Z'),
    at('2026-01-15T21:59Z'),
    at('2026-01-15T22:00Z'),
  ]).toEqual([0, 1, 1, 0]);
  expect([at('2026-07-15T15:59Z'), at('2026-07-15T16:00Z'), at('2026-07-15T21:00Z')]).toEqual([0, 1, 0]);
  expect(DOCUMENTS.scheduled(config, new Date('2026-07-15T16:00Z'))).toEqual([
    { path: 'w/up', when: expect.stringContaining('18:00-23:00'), set: { rate: '5mbit' } },
  ]);
});
