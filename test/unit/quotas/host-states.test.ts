import { describe, expect, it } from 'vitest';
import { HostStates } from '../../../src/quotas/host-states.ts';
import type { StandingChange } from '../../../src/quotas/news.ts';
import type { QuotaState } from '../../../src/quotas/stored.ts';
import { quota } from '../control/hosts/world.ts';

const change = (
  direction: 'up' | 'down',
  from: QuotaState,
  to: QuotaState,
  name = 'small',
): StandingChange => ({
  ...{ host: 'a', quota: name, overNs: 100e9, direction, from, to, usedBytes: 0, limitBytes: 1, atNs: 0 },
});

const MINE = quota({ modules: ['mine'], isBlocking: false });

describe('the state of a host with a quota', () => {
  const take = (states: HostStates, ...changes: StandingChange[]): string[] =>
    states.take(changes, [MINE, quota({ name: 'other' })]).map(({ host, state }) => `${host} ${state}`);

  it('is that of the worst limit', () => {
    const states = new HostStates();
    expect(take(states, change('up', 'ok', 'warned'))).toEqual(['a warned']);
    expect(take(states, change('down', 'ok', 'exceeded'))).toEqual(['a limited']);
    expect(take(states, change('up', 'warned', 'exceeded'))).toEqual([]);
    expect(take(states, change('down', 'exceeded', 'ok'))).toEqual([]);
    expect(take(states, change('up', 'exceeded', 'ok'))).toEqual(['a ok']);
    expect(take(states, change('up', 'ok', 'warned'), change('up', 'warned', 'ok'))).toEqual([]);
  });

  it('is known after a start, which tells nothing of it', () => {
    expect(take(new HostStates(), change('up', 'exceeded', 'warned'))).toEqual(['a warned']);
    expect(take(new HostStates(), change('up', 'exceeded', 'ok'))).toEqual(['a ok']);
  });

  it('concerns quotas with modules', () => {
    expect(take(new HostStates(), change('up', 'ok', 'exceeded', 'other'))).toEqual([]);
    expect(take(new HostStates(), change('up', 'ok', 'exceeded', 'gone'))).toEqual([]);
  });

  it.each([
    [{ isBlocking: true }, 'stopped'],
    [{ isBlocking: false }, 'limited'],
  ] as const)('%o: %s', (parts, state) => {
    const spec = quota({ modules: ['mine'], ...parts });
    expect(new HostStates().take([change('up', 'ok', 'exceeded')], [spec])).toEqual([
      { host: 'a', quota: spec, state },
    ]);
  });
});
