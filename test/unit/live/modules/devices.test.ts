import { expect, it } from 'vitest';
import { ModuleDevices } from '../../../../src/live/modules/devices.ts';
import type { DeviceChange } from '../../../../src/modules/api/module.ts';

function machine() {
  const devices = new Map<string, { ifIndex: number; mtu: number }>();
  let looks = 0;
  const watch = new ModuleDevices({
    names: () => {
      looks++;
      return [...devices.keys()];
    },
    indexOf: (name) => devices.get(name)?.ifIndex ?? null,
    mtuOf: (name) => devices.get(name)?.mtu ?? null,
  });
  return { devices, watch, looks: () => looks };
}

const text = ({ name, ifIndex, mtu }: DeviceChange): string => `${name} ${ifIndex} ${mtu}`;

it('tells of every device, and then of what comes, goes, changes its MTU or its name', () => {
  const { devices, watch } = machine();
  devices.set('lo', { ifIndex: 1, mtu: 65_536 }).set('eth0', { ifIndex: 2, mtu: 1500 });
  const told: string[] = [];
  const end = watch.listen((change) => told.push(text(change)));
  expect(told.splice(0)).toEqual(['lo 1 65536', 'eth0 2 1500']);
  watch.look();
  expect(told).toEqual([]);
  devices.set('tun0', { ifIndex: 3, mtu: 1400 });
  devices.set('eth0', { ifIndex: 2, mtu: 9000 });
  watch.look();
  expect(told.splice(0)).toEqual(['eth0 2 9000', 'tun0 3 1400']);
  devices.delete('tun0');
  devices.set('tun1', { ifIndex: 3, mtu: 1400 });
  watch.look();
  expect(told.splice(0)).toEqual(['tun0 3 null', 'tun1 3 1400']);
  devices.delete('tun1');
  watch.look();
  expect(told.splice(0)).toEqual(['tun1 3 null']);
  end();
  devices.delete('eth0');
  watch.look();
  expect(told).toEqual([]);
});

it('nobody looks while no module asks', () => {
  const { watch, looks } = machine();
  watch.look();
  expect([looks(), watch.mtuOf('eth0')]).toEqual([0, 1500]);
});
