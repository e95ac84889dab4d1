import { describe, expect, it } from 'vitest';
import type { Scheduled } from '../../../../src/control/change/state.ts';
import { NOON_MS, setUp, YAML } from './fakes.ts';

const BULK = 'wan/up/bulk';
const GUESTS = 'wan/up/guests';
const MINUTE = 60_000;
const withBulk = (ceil: string): { file: string; text: string } => ({
  file: '/etc/shaper.yaml',
  text: YAML.replace('ceil: 5mbit', `ceil: ${ceil}`),
});

describe('a lease', () => {
  it('ends once, on the instant', async () => {
    const { service, thread, clock, eventsOf } = setUp();
    const { changes, lease } = await service.lease(BULK, { ceil: '9mbit' }, 30 * MINUTE, undefined);
    expect(changes).toEqual([{ path: BULK, key: 'ceil', old: '5mbit', new: '9mbit' }]);
    const shown = {
      ...{ id: 1, path: BULK, set: { ceil: '9mbit' }, back: { ceil: '5mbit' } },
      ...{ since: '2026-06-01T12:00:00.000Z', until: '2026-06-01T12:30:00.000Z' },
    };
    expect(lease).toEqual(shown);
    expect(service.leases()).toEqual([shown]);
    await clock.advance(30 * MINUTE - 1);
    expect(thread.ceil(BULK)).toBe(9);
    await clock.advance(1);
    expect(thread.ceil(BULK)).toBe(5);
    await clock.advance(100 * MINUTE);
    expect(thread.generation).toBe(2);
    expect(service.leases()).toEqual([]);
    expect(eventsOf('lease')).toMatchObject([
      { action: 'began', lease: 1 },
      { action: 'ended', lease: 1, reason: 'its time is over' },
    ]);
    expect(clock.sleepers).toBe(0);
  });

  it('is neither in the file that save writes nor a difference', async () => {
    const { service, thread } = setUp();
    await service.lease(BULK, { ceil: '9mbit' }, MINUTE, undefined);
    expect((await service.config()).yaml).toBe(YAML);
    // Nor in what a new start of the same process would be told.
    expect(thread.requests.at(-1)!.base).toEqual({ text: YAML, file: service.file });
    expect((await service.diff()).changes).toEqual([]);
  });

  it('stays on top of a reload and goes back to the reloaded value', async () => {
    const { service, thread, clock, soon } = setUp();
    await service.lease(BULK, { ceil: '9mbit' }, 30 * MINUTE, undefined);
    const { changes, notes } = await soon(service.reload(withBulk('4mbit'), undefined));
    expect(changes).toEqual([{ path: BULK, key: 'ceil', old: '5mbit', new: '4mbit' }]);
    expect(notes).toEqual([expect.stringContaining('lease 1 holds until 2026-06-01T12:30:00')]);
    expect(thread.ceil(BULK)).toBe(9);
    expect(service.leases()[0]!.back).toEqual({ ceil: '4mbit' });
    await clock.advance(30 * MINUTE);
    expect(thread.ceil(BULK)).toBe(4);
  });

  it('a set without an end below it changes the base, and says that the lease holds', async () => {
    const { service, thread, clock, soon } = setUp();
    await service.lease(BULK, { ceil: '9mbit' }, MINUTE, undefined);
    const { notes } = await soon(service.patchClass(BULK, { ceil: '3mbit' }, undefined));
    expect(notes).toEqual([expect.stringContaining('ceil is 9mbit for now: lease 1 holds')]);
    expect(thread.ceil(BULK)).toBe(9);
    await clock.advance(MINUTE);
    expect(thread.ceil(BULK)).toBe(3);
  });

  it('of two on one key the later one holds; what remains holds when one ends', async () => {
    const { service, thread, clock, soon } = setUp();
    await service.lease(BULK, { ceil: '9mbit' }, 10 * MINUTE, undefined);
    await soon(service.lease(BULK, { ceil: '7mbit' }, 5 * MINUTE, undefined));
    expect(thread.ceil(BULK)).toBe(7);
    expect(service.leases().map(({ back }) => back)).toEqual([{}, { ceil: '9mbit' }]);
    await clock.advance(6 * MINUTE);
    expect(thread.ceil(BULK)).toBe(9);
    await clock.advance(6 * MINUTE);
    expect(thread.ceil(BULK)).toBe(5);
  });

  it('ends early by request, and a second request finds none', async () => {
    const { service, thread, clock, soon } = setUp();
    await service.lease(BULK, { ceil: '9mbit' }, 10 * MINUTE, undefined);
    const { changes } = await soon(service.endLease(1));
    expect(changes).toEqual([{ path: BULK, key: 'ceil', old: '9mbit', new: '5mbit' }]);
    await expect(soon(service.endLease(1))).rejects.toMatchObject({ status: 404, code: 'no-such-lease' });
    await clock.advance(10 * MINUTE);
    expect(thread.generation).toBe(2);
  });

  it('whose class is gone after a reload ends with an event, and the reload is not held up', async () => {
    const { service, clock, eventsOf, soon } = setUp();
    await service.lease(BULK, { ceil: '9mbit' }, 10 * MINUTE, undefined);
    const text = YAML.replace(/ {8}bulk.*\n/, '');
    const { notes } = await soon(service.reload({ file: '/x', text }, undefined));
    expect(notes).toEqual([expect.stringMatching(/^lease 1 of wan\/up\/bulk has ended: /)]);
    await clock.advance(20 * MINUTE);
    expect(eventsOf('lease')).toMatchObject([{ action: 'began' }, { action: 'ended', lease: 1 }]);
    expect(eventsOf('lease')).toHaveLength(2);
  });

  it('follows its class when that moves', async () => {
    const { service, thread, clock, soon } = setUp();
    await service.lease(BULK, { ceil: '9mbit' }, 10 * MINUTE, undefined);
    await soon(service.moveClass(BULK, `${GUESTS}/bulk`, undefined, undefined));
    expect(thread.ceil(`${GUESTS}/bulk`)).toBe(9);
    await clock.advance(10 * MINUTE);
    expect(thread.ceil(`${GUESTS}/bulk`)).toBe(5);
  });

  it('that does not fit is refused; one that another needs takes it along when it ends', async () => {
    const { service, thread, clock, soon, eventsOf } = setUp();
    const rate = { rate: '12mbit' };
    const web = `${GUESTS}/web`;
    await expect(service.lease(web, rate, MINUTE, undefined)).rejects.toMatchObject({ status: 400 });
    await service.lease(GUESTS, { ceil: '15mbit' }, MINUTE, undefined);
    await soon(service.lease(web, rate, 5 * MINUTE, undefined));
    await clock.advance(2 * MINUTE);
    expect([thread.ceil(GUESTS), thread.running(web)!.rateBytesPerSec]).toEqual([10, 0]);
    expect(service.leases()).toEqual([]);
    expect(eventsOf('lease')).toHaveLength(4);
  });

  it('is as long as it was made, though somebody sets the time of day', async () => {
    const { service, thread, clock } = setUp();
    await service.lease(BULK, { ceil: '9mbit' }, 30 * MINUTE, undefined);
    clock.set(NOON_MS + 1000 * MINUTE);
    await clock.advance(29 * MINUTE);
    expect(thread.ceil(BULK)).toBe(9);
    expect(service.leases()[0]!.until).toBe(new Date(NOON_MS + 1030 * MINUTE).toISOString());
    clock.set(NOON_MS - 1000 * MINUTE);
    await clock.advance(MINUTE);
    expect(thread.ceil(BULK)).toBe(5);
  });

  it('may last longer than the 24.8 days that a timer counts', async () => {
    const { service, thread, clock } = setUp();
    const days = 24 * 60 * MINUTE;
    await service.lease(BULK, { ceil: '9mbit' }, 30 * days, undefined);
    await clock.advance(30 * days - 1);
    expect(thread.ceil(BULK)).toBe(9);
    await clock.advance(1);
    expect(thread.ceil(BULK)).toBe(5);
  });
});

describe('a schedule', () => {
  const evening = (at: Date): Scheduled[] =>
    at.getTime() >= NOON_MS + 60 * MINUTE && at.getTime() < NOON_MS + 120 * MINUTE
      ? [{ path: BULK, when: '13:00-14:00', set: { ceil: '2mbit' } }]
      : [];

  it('begins and ends at its time, below leases', async () => {
    const { service, thread, clock, soon, eventsOf } = setUp(YAML, { schedules: evening });
    await clock.advance(59 * MINUTE);
    expect(thread.requests).toEqual([]);
    await clock.advance(MINUTE);
    expect(thread.ceil(BULK)).toBe(2);
    expect(service.scheduled()).toEqual(new Map([[BULK, { ceil: '2mbit' }]]));
    const { notes } = await soon(service.patchClass(BULK, { ceil: '6mbit' }, undefined));
    expect(notes).toEqual([expect.stringContaining('the schedule 13:00-14:00 holds')]);
    await soon(service.lease(BULK, { ceil: '9mbit' }, MINUTE, undefined));
    expect(thread.ceil(BULK)).toBe(9);
    await clock.advance(2 * MINUTE);
    expect(thread.ceil(BULK)).toBe(2);
    await clock.advance(60 * MINUTE);
    expect(thread.ceil(BULK)).toBe(6);
    expect(service.scheduled()).toEqual(new Map());
    expect(eventsOf('change').map((event) => (event as { by: string }).by)).toEqual([
      'time',
      'set',
      'lease',
      'time',
      'time',
    ]);
  });

  it('holds from the start, and follows the time of day that somebody sets', async () => {
    const { thread, clock } = setUp(YAML, { schedules: evening });
    clock.set(NOON_MS + 90 * MINUTE);
    await clock.advance(1000);
    expect(thread.ceil(BULK)).toBe(2);
    clock.set(NOON_MS);
    await clock.advance(1000);
    expect(thread.ceil(BULK)).toBe(5);
  });

  it('that does not fit is told once and left out', async () => {
    const always = (): Scheduled[] => [{ path: BULK, when: 'always', set: { rate: '90mbit' } }];
    const { thread, clock, logged } = setUp(YAML, { schedules: always });
    await clock.advance(10 * MINUTE);
    expect(thread.requests).toEqual([]);
    expect(logged).toMatchObject([{ level: 'warn', message: expect.stringContaining('always') }]);
  });
});
