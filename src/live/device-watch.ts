/** Tells the engine the index of every device it names, and again when a device was made anew. */
import { deviceIndex } from '../io/proc/devices.ts';

/** Packets of a device with an unknown index pass unmatched, which is free to look at. */
const LOOK_MS = 250;
/** Every so often the indexes are read anyway: another device may have got an old index. */
const READ_EVERY_LOOKS = 40;

export interface WatchedEngine {
  readonly devices: readonly string[];
  setDeviceIndex(device: string, ifIndex: number): void;
}

export interface DeviceWatch {
  close(): void;
}

export interface DeviceWatchOptions {
  readonly engine: WatchedEngine;
  /** Packets so far that belonged to no known device. */
  readonly unmatchedPackets: () => number;
  readonly onChange: (device: string, from: number | null, to: number | null) => void;
  readonly indexOf?: (device: string) => number | null;
}

/** Sets all indexes before it returns; a device that does not exist (yet) has none. */
export function watchDevices(options: DeviceWatchOptions): DeviceWatch {
  const { engine, unmatchedPackets, onChange, indexOf = deviceIndex } = options;
  const known = new Map<string, number | null>();
  for (const device of engine.devices) {
    const index = indexOf(device);
    known.set(device, index);
    if (index !== null) engine.setDeviceIndex(device, index);
  }
  const read = (): void => {
    for (const [device, before] of known) {
      const index = indexOf(device);
      if (index === before) continue;
      known.set(device, index);
      if (index !== null) engine.setDeviceIndex(device, index);
      onChange(device, before, index);
    }
  };
  let unmatchedBefore = unmatchedPackets();
  let looks = 0;
  const timer = setInterval(() => {
    const unmatched = unmatchedPackets();
    looks++;
    if (unmatched === unmatchedBefore && looks % READ_EVERY_LOOKS !== 0) return;
    unmatchedBefore = unmatched;
    read();
  }, LOOK_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
