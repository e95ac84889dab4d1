/** TCP rate control and ceilings that move, changed while an instance runs. */
import { describe, expect, it } from 'vitest';
import { NOON_MS, setUp, YAML } from './fakes.ts';

const BULK = 'wan/up/bulk';
const GUESTS = 'wan/up/guests';
const HOUR_MS = 3_600_000;

describe('pacing and adjusting', () => {
  const DEFAULTS = { activeBytesPerSec: 2000, ageNs: 1e9, delayNs: 100e6 };

  it('begin, change and end while all else stays', async () => {
    const { service, thread, soon } = setUp();
    const set = (patch: object) => soon(service.patchClass(BULK, patch as Record<string, string>, undefined));
    const { changes } = await set({ tcp: { pace: 'true' } });
    expect(changes).toMatchObject([{ path: BULK, key: 'tcp.pace', old: null, new: 'true' }]);
    expect(thread.running(BULK)!.pace).toEqual(DEFAULTS);
    const slower = await set({ tcp: { pace: { delay: '50ms' } } });
    expect(slower.changes).toMatchObject([{ key: 'tcp.pace.delay', old: null, new: '50ms' }]);
    expect(thread.running(BULK)!.pace).toEqual({ ...DEFAULTS, delayNs: 50e6 });
    await set({ tcp: { pace: { age: '2s' } } });
    expect(thread.running(BULK)!.pace).toEqual({ ...DEFAULTS, delayNs: 50e6, ageNs: 2e9 });
    await set({ tcp: { pace: 'false' }, adjust: 'true' });
    expect(thread.running(BULK)).toMatchObject({ pace: null, adjust: true });
    await set({ tcp: null, adjust: null });
    expect(thread.running(BULK)).toMatchObject({ pace: null, adjust: false });
    expect((await service.config()).yaml).toBe(YAML);
  });

  it('come, go and move with their class', async () => {
    const { service, thread, soon } = setUp();
    const values = { ceil: '3mbit', match: { dport: '25' }, tcp: { pace: 'true' }, adjust: 'true' };
    await soon(service.addClass('wan/up/mail', values, undefined, undefined));
    expect(thread.running('wan/up/mail')).toMatchObject({ pace: DEFAULTS, adjust: true });
    await soon(service.moveClass('wan/up/mail', 'wan/up/guests/mail', undefined, undefined));
    expect(thread.running('wan/up/guests/mail')).toMatchObject({ pace: DEFAULTS, adjust: true });
    await soon(service.removeClass('wan/up/guests/mail', undefined));
    expect((await service.config()).yaml).toBe(YAML);
  });

  it('of a second class among siblings is refused, and nothing has changed', async () => {
    const { service, thread, soon } = setUp();
    await soon(service.patchClass(BULK, { adjust: 'true' }, undefined));
    expect(thread.running(BULK)!.adjust).toBe(true);
    await expect(soon(service.patchClass(GUESTS, { adjust: 'true' }, undefined))).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('at most one class of wan/up can adjust'),
    });
    expect(thread.running(GUESTS)!.adjust).toBe(false);
  });

  it('hold at the times of a schedule', async () => {
    const evening = (at: Date) =>
      at.getTime() >= NOON_MS + HOUR_MS && at.getTime() < NOON_MS + 2 * HOUR_MS
        ? [{ path: BULK, when: '13:00-14:00', set: { tcp: { pace: 'true' } } }]
        : [];
    const { thread, clock } = setUp(YAML, { schedules: evening });
    await clock.advance(HOUR_MS);
    expect(thread.running(BULK)!.pace).toEqual(DEFAULTS);
    await clock.advance(HOUR_MS);
    expect(thread.running(BULK)!.pace).toBe(null);
  });
});
