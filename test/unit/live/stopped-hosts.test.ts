import { expect, it } from 'vitest';
import { StoppedHosts } from '../../../src/live/stopped-hosts.ts';

it('what is told before there are rules is told to them when they come, and later things at once', () => {
  const told: (readonly string[])[] = [];
  const rules = {
    setStopped: (addresses: readonly string[]) => void told.push(['stopped', ...addresses]),
    setAllowed: (addresses: readonly string[]) => void told.push(['allowed', ...addresses]),
  };
  const hosts = new StoppedHosts();
  hosts.set({ stopped: ['10.0.0.5'], allowed: [] });
  hosts.set({ stopped: ['10.0.0.6'], allowed: ['192.0.2.1'] });
  expect(told).toEqual([]);
  hosts.installed(rules);
  hosts.set({ stopped: [], allowed: [] });
  expect(told).toEqual([['stopped', '10.0.0.6'], ['allowed', '192.0.2.1'], ['stopped'], ['allowed']]);
});
