import { describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import {
  checkDevices,
  deviceIndex,
  deviceNames,
  parseDeviceNames,
  parseIgmpIndex,
  parseSnmpIndex,
} from '../../../../src/io/proc/devices.ts';
import { watchDevices } from '../../../../src/live/device-watch.ts';

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

describe('the device watch', () => {
  it('tells the engine every index, and a new one when packets of unknown devices appear', () => {
    vi.useFakeTimers();
    try {
      const indexes = new Map<string, number | null>([
        ['wan0', 5],
        ['tun0', null],
      ]);
      const told: [string, number][] = [];
      const changes: unknown[] = [];
      let unmatched = 0;
      let reads = 0;
      const watch = watchDevices({
        engine: {
          devices: ['wan0', 'tun0'],
          setDeviceIndex: (device, index) => told.push([device, index]),
        },
        unmatchedPackets: () => unmatched,
        onChange: (...change) => changes.push(change),
        indexOf: (device) => {
          reads++;
          return indexes.get(device) ?? null;
        },
      });
      expect(told).toEqual([['wan0', 5]]);
      const readsAtStart = reads;
      vi.advanceTimersByTime(1000);
      expect(reads).toBe(readsAtStart);

      indexes.set('wan0', 9);
      unmatched = 1;
      vi.advanceTimersByTime(250);
      expect(told).toEqual([
        ['wan0', 5],
        ['wan0', 9],
      ]);
      expect(changes).toEqual([['wan0', 5, 9]]);

      // A device that appears without unmatched packets is found too, later.
      indexes.set('tun0', 11);
      vi.advanceTimersByTime(20_000);
      expect(told.at(-1)).toEqual(['tun0', 11]);

      indexes.set('wan0', null);
      unmatched = 2;
      vi.advanceTimersByTime(250);
      expect(changes.at(-1)).toEqual(['wan0', 9, null]);
      expect(told).toHaveLength(3);

      watch.close();
      indexes.set('wan0', 20);
      unmatched = 3;
      vi.advanceTimersByTime(60_000);
      expect(told).toHaveLength(3);
    } finally {
      vi.useRealTimers();
    }
  });
});
