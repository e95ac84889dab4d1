import { describe, expect, it, vi } from 'vitest';
import { DeviceWatch } from '../../../src/live/device-watch.ts';

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
      const watch = new DeviceWatch({
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

  it('after a change it watches the devices that the classes name then, and reads only the new ones', () => {
    vi.useFakeTimers();
    try {
      const indexes = new Map([
        ['wan0', 5],
        ['lan0', 6],
        ['lan1', 7],
      ]);
      const reads: string[] = [];
      const told: [string, number][] = [];
      let unmatched = 0;
      const watch = new DeviceWatch({
        engine: {
          devices: ['wan0', 'lan0'],
          setDeviceIndex: (device, index) => told.push([device, index]),
        },
        unmatchedPackets: () => unmatched,
        onChange: () => undefined,
        indexOf: (device) => {
          reads.push(device);
          return indexes.get(device) ?? null;
        },
      });
      reads.length = 0;
      told.length = 0;
      const found = watch.find(['wan0', 'lan1', 'tun0']);
      expect([...found]).toEqual([
        ['wan0', 5],
        ['lan1', 7],
        ['tun0', null],
      ]);
      expect(reads).toEqual(['lan1', 'tun0']);
      watch.follow(found);
      for (const device of ['lan0', 'lan1', 'tun0']) indexes.set(device, 20);
      unmatched = 1;
      vi.advanceTimersByTime(250);
      expect(told).toEqual([
        ['lan1', 20],
        ['tun0', 20],
      ]);
      watch.close();
    } finally {
      vi.useRealTimers();
    }
  });
});
