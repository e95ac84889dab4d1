import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import {
  checkDevices,
  deviceIndex,
  deviceNames,
  parseDeviceNames,
  parseIgmpIndex,
  parseSnmpIndex,
} from '../../../../src/io/proc/devices.ts';

const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0
eth0:1: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0
`;
const IGMP = `Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
12\teth0      :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
`;

describe('devices of this namespace', () => {
  it('are read from procfs', () => {
    expect(parseDeviceNames(DEV)).toEqual(['lo', 'eth0', 'eth0:1']);
    expect(parseDeviceNames('')).toEqual([]);
    expect(parseSnmpIndex('ifIndex                         \t7\nIp6InReceives 1\n')).toBe(7);
    expect(parseSnmpIndex('nonsense')).toBeNull();
    expect(parseIgmpIndex(IGMP, 'eth0')).toBe(12);
    expect(parseIgmpIndex(IGMP, 'eth')).toBeNull();
  });

  it('lo is there, with index 1; others are not', () => {
    expect(deviceNames()).toContain('lo');
    expect(deviceIndex('lo')).toBe(1);
    expect(deviceIndex('nodevice0')).toBeNull();
  });

  it('every missing device is named, with its link and what exists', () => {
    const { spec } = loadConfig('links: { a: { device: x0, up: 1mbit }, b: { device: y0, up: 1mbit } }', 'f');
    expect(() => checkDevices(spec, ['lo', 'x0', 'y0'])).not.toThrow();
    expect(() => checkDevices(spec, ['lo', 'x0'])).toThrow('device y0 of link b does not exist');
    expect(() => checkDevices(spec, ['lo'])).toThrow('device x0 of link a, device y0 of link b');
    try {
      checkDevices(spec, ['lo', 'wlan0']);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ exitCode: 3, hint: 'devices here: wlan0' });
    }
  });
});
