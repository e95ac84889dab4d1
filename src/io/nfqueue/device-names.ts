/**
 * Names and interface indexes of the devices of this network namespace, as they are at this instant. A system
 * call of a microsecond or two each, so the packet thread may ask in the middle of a batch.
 */
import { type Addon, loadAddon } from './addon.ts';

export interface DeviceNames {
  /**
   * Null if there is no device of that name. The kernel also finds devices by their alternative names
   * (`altname` of ip link), which no packet shows to a rule.
   */
  indexOf(device: string): number | null;
  /** Bytes that a packet may have, IP header included; null if there is no device of that name. */
  mtuOf(device: string): number | null;
  /** Empty if there is no device with that index. */
  nameOf(ifIndex: number): string;
}

export function openDeviceNames(addon: Addon = loadAddon()): DeviceNames {
  return {
    indexOf: (device) => {
      const ifIndex = addon.deviceIndex(device);
      return ifIndex !== 0 && addon.deviceName(ifIndex) === device ? ifIndex : null;
    },
    mtuOf: (device) => addon.deviceMtu(device) || null,
    nameOf: (ifIndex) => addon.deviceName(ifIndex),
  };
}

/** The name that packets of the device show. Empty if there is no such device. */
export function shownName(device: string, addon: Addon = loadAddon()): string {
  return addon.deviceName(addon.deviceIndex(device));
}
