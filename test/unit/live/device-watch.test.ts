import { describe, expect, it } from 'vitest';
import { NONE } from '../../../src/base/none.ts';
import { DeviceWatch } from '../../../src/live/device-watch.ts';

/** A watch in a world of devices that the test moves. */
function setUp(indexes: Map<string, number | null>, devices: readonly string[]) {
  const told: unknown[] = [];
  const reads: string[] = [];
  let event: (down: readonly number[]) => void = () => undefined;
  const watch = new DeviceWatch({
    engine: { intake: { devices, setDeviceIndex: (device, index) => told.push([device, index]) } },
    events: {
      onLinks: (callback) => {
        event = callback;
      },
    },
    onChange: (...change) => told.push(['change', ...change]),
    onDown: (down) => told.push(['down', ...down]),
    onFollowed: () => told.push('followed'),
    indexOf: (device) => {
      reads.push(device);
      return indexes.get(device) ?? null;
    },
  });
  return { watch, reads, told, event: (...down: number[]) => event(down) };
}

describe('the device watch', () => {
  it('tells the engine every index, and looks again whenever the kernel tells of a device', () => {
    const indexes = new Map<string, number | null>([['wan0', 5]]);
    const { watch, told, event } = setUp(indexes, ['wan0', 'tun0']);
    expect(told.splice(0)).toEqual([['wan0', 5]]);
    expect([watch.has('wan0'), watch.has('tun0'), watch.has('other')]).toEqual([true, false, false]);
    event();
    expect(told).toEqual([]);

    indexes.set('tun0', 11);
    event();
    expect(told.splice(0)).toEqual([
      ['tun0', 11],
      ['change', 'tun0', null, 11],
    ]);
    expect(watch.has('tun0')).toBe(true);

    indexes.set('wan0', null);
    event(5);
    expect(told.splice(0)).toEqual([
      ['down', 5],
      ['wan0', NONE],
      ['change', 'wan0', 5, null],
    ]);
    expect(watch.has('wan0')).toBe(false);
    // Made anew before anybody looked; a device that went down and came up again is told too.
    indexes.set('wan0', 12);
    event(11);
    expect(told.splice(0)).toEqual([
      ['down', 11],
      ['wan0', 12],
      ['change', 'wan0', null, 12],
    ]);
  });

  it('after a change it watches the devices that the classes name then, and reads only the new ones', () => {
    const indexes = new Map([
      ['wan0', 5],
      ['lan0', 6],
      ['lan1', 7],
    ]);
    const { watch, reads, told, event } = setUp(indexes, ['wan0', 'lan0']);
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
    expect(told.splice(0)).toEqual(['followed']);
    for (const device of ['lan0', 'lan1', 'tun0']) indexes.set(device, 20);
    event();
    expect(told.filter((one) => (one as string[])[0] !== 'change')).toEqual([
      ['lan1', 20],
      ['tun0', 20],
    ]);
  });
});
