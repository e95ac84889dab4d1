import { expect, it } from 'vitest';
import type { Addon } from '../../../../src/io/nfqueue/addon.ts';
import { openDeviceNames, shownName } from '../../../../src/io/nfqueue/device-names.ts';

/** The kernel finds the device wan0 by its alternative name enp1s0 too. */
const addon = {
  deviceIndex: (name: string) => (name === 'wan0' || name === 'enp1s0' ? 7 : 0),
  deviceMtu: (name: string) => (name === 'wan0' ? 1492 : 0),
  deviceName: (index: number) => (index === 7 ? 'wan0' : ''),
} as unknown as Addon;

it('an alternative name is no device, as no packet shows it', () => {
  const names = openDeviceNames(addon);
  expect(['wan0', 'enp1s0', 'wan1'].map(names.indexOf)).toEqual([7, null, null]);
  expect(['wan0', 'wan1'].map(names.mtuOf)).toEqual([1492, null]);
  expect(['wan0', 'enp1s0', 'wan1'].map((name) => shownName(name, addon))).toEqual(['wan0', 'wan0', '']);
});
