/**
 * Tells the engine the interface index of every device that it names, and again when one comes, goes or is
 * made anew. The kernel says when to look.
 *
 * A packet may come before the kernel's word is read. The engine asks for the name of its device then.
 */
import { NONE } from '../base/none.ts';
import type { Engine } from '../core/engine.ts';

export interface WatchedEngine {
  readonly intake: {
    readonly devices: readonly string[];
    setDeviceIndex(device: string, ifIndex: number): void;
  };
}

/** What tells of changes of devices: the port. */
export interface LinkEvents {
  onLinks(callback: (down: readonly number[]) => void): void;
}

export interface DeviceWatchOptions {
  readonly engine: WatchedEngine;
  readonly events: LinkEvents;
  readonly indexOf: (device: string) => number | null;
  readonly onChange: (device: string, from: number | null, to: number | null) => void;
  /**
   * These devices, by interface index, went down: the kernel has discarded their waiting packets. Called
   * before the engine hears of new indexes.
   */
  readonly onDown: (ifIndexes: ReadonlySet<number>) => void;
  /** After every look: devices may have joined or left others. */
  readonly onLooked?: () => void;
  /** The engine has other devices, or another specification or plan. */
  readonly onFollowed?: () => void;
}

/** Interface indexes by name of device; null for a device that does not exist (yet). */
export type FoundIndexes = ReadonlyMap<string, number | null>;

export class DeviceWatch {
  private readonly options: DeviceWatchOptions;
  private known: Map<string, number | null>;

  /** Sets all indexes before it returns. */
  constructor(options: DeviceWatchOptions) {
    const { engine, events, indexOf } = options;
    this.options = options;
    this.known = new Map(engine.intake.devices.map((device) => [device, indexOf(device)]));
    for (const [device, index] of this.known) if (index !== null) engine.intake.setDeviceIndex(device, index);
    events.onLinks((down) => this.look(down));
  }

  /** Whether the device is there. */
  has(device: string): boolean {
    return (this.known.get(device) ?? null) !== null;
  }

  /** The indexes of these devices. Only those of devices that are not watched are read. */
  find(devices: readonly string[]): FoundIndexes {
    const indexFor = (device: string): number | null =>
      this.known.get(device) ?? this.options.indexOf(device);
    return new Map(devices.map((device) => [device, indexFor(device)]));
  }

  /** Watches these devices and no others from now on. The engine has been told their indexes. */
  follow(found: FoundIndexes): void {
    this.known = new Map(found);
    this.options.onFollowed?.();
  }

  private look(down: readonly number[]): void {
    const { engine, indexOf, onChange, onDown, onLooked } = this.options;
    if (down.length > 0) onDown(new Set(down));
    for (const [device, before] of this.known) {
      const index = indexOf(device);
      if (index === before) continue;
      this.known.set(device, index);
      engine.intake.setDeviceIndex(device, index ?? NONE);
      onChange(device, before, index);
    }
    onLooked?.();
  }
}

/** Sentences about links whose device is not there. */
export function waitingLinks({ classes }: Pick<Engine, 'classes'>, devices: DeviceWatch): string[] {
  const links = new Set(classes.map(({ link }) => link));
  return [...links]
    .filter(({ device }) => !devices.has(device))
    .map(({ name, device }) => `link ${name} waits for device ${device}`);
}
