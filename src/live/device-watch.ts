/** Tells the engine the interface index of every device it names, and again if a device was made anew. */
import { deviceIndex } from '../io/proc/devices.ts';

/** Packets of a device with an unknown index pass unmatched, and looking at their number costs nothing. */
const LOOK_MS = 250;
/** Now and then the indexes are read anyway: another device may have got an old index. */
const READ_EVERY_LOOKS = 40;

export interface WatchedEngine {
  readonly devices: readonly string[];
  setDeviceIndex(device: string, ifIndex: number): void;
}

export interface DeviceWatchOptions {
  readonly engine: WatchedEngine;
  /** Packets so far that belonged to no known device. */
  readonly unmatchedPackets: () => number;
  readonly onChange: (device: string, from: number | null, to: number | null) => void;
  readonly indexOf?: (device: string) => number | null;
}

/** Interface indexes by name of device; null for a device that does not exist (yet). */
export type FoundIndexes = ReadonlyMap<string, number | null>;

export class DeviceWatch {
  private readonly options: DeviceWatchOptions;
  private readonly indexOf: (device: string) => number | null;
  private readonly timer: NodeJS.Timeout;
  private known: Map<string, number | null>;
  private unmatchedBefore: number;
  private looks = 0;

  /** Sets all indexes before it returns. */
  constructor(options: DeviceWatchOptions) {
    const { engine, unmatchedPackets, indexOf = deviceIndex } = options;
    this.options = options;
    this.indexOf = indexOf;
    this.known = new Map(engine.devices.map((device) => [device, indexOf(device)]));
    for (const [device, index] of this.known) if (index !== null) engine.setDeviceIndex(device, index);
    this.unmatchedBefore = unmatchedPackets();
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  /** The indexes of these devices. Only those of devices that are not watched are read. */
  find(devices: readonly string[]): FoundIndexes {
    const indexFor = (device: string): number | null => this.known.get(device) ?? this.indexOf(device);
    return new Map(devices.map((device) => [device, indexFor(device)]));
  }

  /** Watches these devices and no others from now on. The engine has been told their indexes. */
  follow(found: FoundIndexes): void {
    this.known = new Map(found);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const unmatched = this.options.unmatchedPackets();
    this.looks++;
    if (unmatched === this.unmatchedBefore && this.looks % READ_EVERY_LOOKS !== 0) return;
    this.unmatchedBefore = unmatched;
    for (const [device, before] of this.known) {
      const index = this.indexOf(device);
      if (index === before) continue;
      this.known.set(device, index);
      if (index !== null) this.options.engine.setDeviceIndex(device, index);
      this.options.onChange(device, before, index);
    }
  }
}
