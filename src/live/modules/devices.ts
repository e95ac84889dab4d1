/** Devices for modules: all that there are, and what changes. They are looked at only while a module asks. */
import type { DeviceChange } from '../../modules/api/module.ts';

export interface DeviceSource {
  /** The names of all devices of this network namespace. */
  names(): readonly string[];
  indexOf(device: string): number | null;
  mtuOf(device: string): number | null;
}

/** Of a device that is not known. */
const MTU = 1500;

type Listener = (change: DeviceChange) => void;

export class ModuleDevices {
  private readonly source: DeviceSource;
  private readonly listeners = new Set<Listener>();
  private known: ReadonlyMap<number, DeviceChange> = new Map();

  constructor(source: DeviceSource) {
    this.source = source;
  }

  /** Tells of every device, and then of changes. Returns the function that ends it. */
  listen(run: Listener): () => void {
    if (this.listeners.size === 0) this.known = this.find();
    for (const device of this.known.values()) run(device);
    this.listeners.add(run);
    return () => void this.listeners.delete(run);
  }

  /** The kernel has told of some device. A device with another name has gone, and has come. */
  look(): void {
    if (this.listeners.size === 0) return;
    const before = this.known;
    this.known = this.find();
    for (const [ifIndex, { name }] of before)
      if (this.known.get(ifIndex)?.name !== name) this.tell({ name, ifIndex, mtu: null });
    for (const [ifIndex, device] of this.known) {
      const was = before.get(ifIndex);
      if (was?.name !== device.name || was.mtu !== device.mtu) this.tell(device);
    }
  }

  mtuOf(device: string): number {
    return this.source.mtuOf(device) ?? MTU;
  }

  private tell(change: DeviceChange): void {
    for (const run of this.listeners) run(change);
  }

  /** By index. */
  private find(): Map<number, DeviceChange> {
    const { source } = this;
    const found = new Map<number, DeviceChange>();
    for (const name of source.names()) {
      const ifIndex = source.indexOf(name);
      const mtu = source.mtuOf(name);
      // Without an index or an MTU it has gone meanwhile.
      if (ifIndex !== null && mtu !== null) found.set(ifIndex, { name, ifIndex, mtu });
    }
    return found;
  }
}
