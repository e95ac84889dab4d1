import { describe, expect, it } from 'vitest';
import {
  deviceIndex,
  deviceNames,
  parseDeviceCounters,
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

  it('have counters in the order of the kernel', () => {
    const text = DEV.replace('  eth0: 5 1 0 0 0 0 0 0 5 1', '  eth0: 9000 10 0 0 0 0 0 3 7000 8');
    const counters = parseDeviceCounters(text);
    expect([...counters.keys()]).toEqual(['lo', 'eth0', 'eth0:1']);
    expect(counters.get('eth0')).toEqual({ rxPackets: 10, rxBytes: 9000, rxMulticast: 3, txPackets: 8 });
    expect(parseDeviceCounters('')).toEqual(new Map());
  });

  it('lo is there, with index 1; others are not', () => {
    expect(deviceNames()).toContain('lo');
    expect(deviceIndex('lo')).toBe(1);
    expect(deviceIndex('nodevice0')).toBeNull();
  });
});
