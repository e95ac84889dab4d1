/**
 * Names and interface indexes of the devices of this network namespace, as they are at this instant. A system
 * call of a microsecond or two each, so the packet thread may ask in the middle of a batch.
 */
import { type Addon, loadAddon } from './addon.ts';

export interface DeviceNames {
  /** Null if there is no device of that name. */
  indexOf(device: string): number | null;
  /** Empty if there is no device with that index. */
  nameOf(ifIndex: number): string;
}

export function openDeviceNames(addon: Addon = loadAddon()): DeviceNames {
  return {
    indexOf: (device) => addon.deviceIndex(device) || null,
    nameOf: (ifIndex) => addon.deviceName(ifIndex),
  };
}
