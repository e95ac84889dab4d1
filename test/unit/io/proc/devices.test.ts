import { describe, expect, it } from 'vitest';
import {
  deviceCounters,
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
    const text = `${DEV}  wan0: 9000 10 0 0 0 0 0 3 7000 8 0 0 0 0 0 0\nlongest-of-all0: 7 1 0 0 0 0 0 0 7 2\n`;
    const counters = parseDeviceCounters(text, ['wan0', 'an0', 'longest-of-all0', 'lo', 'lan0']);
    expect([...counters.keys()]).toEqual(['wan0', 'longest-of-all0', 'lo']);
    expect(counters.get('wan0')).toEqual({ rxPackets: 10, rxBytes: 9000, rxMulticast: 3, txPackets: 8 });
    expect(counters.get('longest-of-all0')).toMatchObject({ rxPackets: 1, rxBytes: 7, txPackets: 2 });
    expect(counters.get('lo')).toEqual({ rxPackets: 1, rxBytes: 100, rxMulticast: 0, txPackets: 1 });
    expect(parseDeviceCounters('', ['wan0'])).toEqual(new Map());
  });

  it('have counters on this machine', async () => {
    expect((await deviceCounters(['lo', 'nodevice0'])).size).toBe(1);
  });

  it('lo is there, with index 1; others are not', () => {
    expect(deviceNames()).toContain('lo');
    expect(deviceIndex('lo')).toBe(1);
    expect(deviceIndex('nodevice0')).toBeNull();
  });
});
