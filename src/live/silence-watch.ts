/**
 * Notices that packets pass by: a device counts packets, and next to none of them reaches the engine. The
 * device may have become a port of a bridge, or something takes packets past the IP rules.
 */
import { isSystemError } from '../base/system-error.ts';
import type { ClassInfo } from '../core/classes/classes.ts';
import type { Stats } from '../core/packets/stats.ts';
import { type DeviceCounters, deviceCounters } from '../io/proc/devices.ts';
import { type DeviceGraph, partlyHidden, whyHidden } from '../spec/device-graph.ts';

const LOOK_MS = 5000;
/** So many looks in turn must find silence. A burst of ARP or the scan of a stranger is over by then. */
const LOOKS = 2;
/**
 * What a device passes that is never queued (ARP, multicast, neighbour discovery) seldom reaches this in a
 * look.
 */
const DEVICE_PACKETS_MIN = 100;
/**
 * One packet of the engine may stand for so many of the device: the card cuts and joins superpackets. Beyond
 * that, packets pass by even if some do not: a flowtable leaves the first packets of each flow.
 */
const DEVICE_PACKETS_PER_PACKET = 256;
/** Incoming packets that are smaller on average are ARP of a large network. */
const ARRIVING_BYTES_MIN = 100;

export interface Silence {
  /** `wan/up` */
  readonly path: string;
  readonly device: string;
  /** What the device passed, and what of it reached the engine, in the last `seconds`. */
  readonly devicePackets: number;
  readonly packets: number;
  readonly seconds: number;
  /** The likely reason. */
  readonly reason: string;
}

/** A direction as it was at a look. */
interface Sample extends Passed {
  /** A link may change to another device, whose counters are others. */
  readonly device: string;
}

interface Passed {
  readonly devicePackets: number;
  readonly deviceBytes: number;
  readonly packets: number;
}

export interface SilenceWatchOptions {
  readonly engine: { readonly classes: readonly ClassInfo[]; readonly stats: Stats };
  /** Called once for each direction that falls silent, and again only after packets have come meanwhile. */
  readonly onSilence: (silence: Silence) => void;
  readonly readGraph: () => DeviceGraph | null;
  readonly countersOf?: (devices: readonly string[]) => Promise<ReadonlyMap<string, DeviceCounters>>;
}

export class SilenceWatch {
  private readonly options: SilenceWatchOptions;
  private readonly timer: NodeJS.Timeout;
  private before = new Map<string, Sample>();
  /** How many looks in turn have found a direction silent, by its path. */
  private readonly silentLooks = new Map<string, number>();
  private readonly silences = new Map<string, Silence>();
  private isLooking = false;

  constructor(options: SilenceWatchOptions) {
    this.options = options;
    this.timer = setInterval(() => void this.look(), LOOK_MS);
    this.timer.unref();
  }

  /** The directions that are silent now, as sentences. */
  get warnings(): string[] {
    return [...this.silences.values()].map(describeSilence);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    const { engine, countersOf = deviceCounters } = this.options;
    try {
      const devices = new Set(engine.classes.map(({ link }) => link.device));
      this.compare(await countersOf([...devices]));
    } catch (error) {
      // Without /proc, or without a free descriptor, this look sees nothing.
      if (!isSystemError(error)) throw error;
    } finally {
      this.isLooking = false;
    }
  }

  private compare(counters: ReadonlyMap<string, DeviceCounters>): void {
    const { engine } = this.options;
    const received = receivedByRoot(engine.classes, engine.stats);
    const now = new Map<string, Sample>();
    for (const [row, root] of engine.classes.entries()) {
      const device = counters.get(root.link.device);
      if (root.root !== row || !device) continue;
      const sample = sampleOf(root, device, received[row]);
      const before = this.before.get(root.path);
      now.set(root.path, sample);
      if (before?.device === sample.device) this.judge(root, difference(sample, before));
      else this.hears(root.path);
    }
    this.before = now;
    for (const path of [...this.silentLooks.keys(), ...this.silences.keys()]) {
      if (!now.has(path)) this.hears(path);
    }
  }

  private judge(root: ClassInfo, passed: Passed): void {
    const { path, direction, link } = root;
    if (!isSilent(passed, direction)) {
      // A device that rests says nothing: only packets end a silence.
      if (passed.packets > 0) this.hears(path);
      else this.silentLooks.delete(path);
      return;
    }
    const looks = (this.silentLooks.get(path) ?? 0) + 1;
    this.silentLooks.set(path, looks);
    if (looks < LOOKS || this.silences.has(path)) return;
    const silence = {
      path,
      device: link.device,
      devicePackets: passed.devicePackets,
      packets: passed.packets,
      seconds: LOOK_MS / 1000,
      reason: reasonFor(root, this.options.readGraph()),
    };
    this.silences.set(path, silence);
    this.options.onSilence(silence);
  }

  private hears(path: string): void {
    this.silentLooks.delete(path);
    this.silences.delete(path);
  }
}

function isSilent(
  { devicePackets, deviceBytes, packets }: Passed,
  direction: ClassInfo['direction'],
): boolean {
  if (devicePackets < DEVICE_PACKETS_MIN) return false;
  if (direction === 'down' && deviceBytes < devicePackets * ARRIVING_BYTES_MIN) return false;
  return packets * DEVICE_PACKETS_PER_PACKET < devicePackets;
}

/** Packets that have come so far, by the row of the root. They wait, or have left, or were dropped. */
function receivedByRoot(classes: readonly ClassInfo[], stats: Stats): Float64Array {
  const received = new Float64Array(classes.length);
  for (let c = 0; c < classes.length; c++) {
    const { dropTail, dropEarly, dropPolice, dropAqm, dropModule } = stats;
    const dropped = dropTail[c] + dropEarly[c] + dropPolice[c] + dropAqm[c] + dropModule[c];
    received[classes[c].root] += stats.sentPackets[c] + stats.backlogPackets[c] + dropped;
  }
  return received;
}

function sampleOf(
  { direction, link: { device } }: ClassInfo,
  counters: DeviceCounters,
  packets: number,
): Sample {
  const { txPackets, rxPackets, rxMulticast, rxBytes } = counters;
  if (direction === 'up') return { device, devicePackets: txPackets, deviceBytes: 0, packets };
  return { device, devicePackets: rxPackets - rxMulticast, deviceBytes: rxBytes, packets };
}

function difference(now: Passed, before: Passed): Passed {
  return {
    devicePackets: now.devicePackets - before.devicePackets,
    deviceBytes: now.deviceBytes - before.deviceBytes,
    packets: now.packets - before.packets,
  };
}

function reasonFor({ direction, link: { device } }: ClassInfo, graph: DeviceGraph | null): string {
  const hidden = graph && whyHidden(graph, device, direction);
  if (hidden) return `${hidden.message}; ${hidden.hint}`;
  const part = graph && partlyHidden(graph, device, direction);
  if (part) return part;
  const dialled = [...(graph?.keys() ?? [])].find((name) => /^ppp\d+$/.test(name) && name !== device);
  if (dialled !== undefined) return `if it carries PPPoE, packets show ${dialled}: name that as the device`;
  return 'a flowtable, hardware offload, XDP, an NFQUEUE rule of another program, or a firewall that drops them';
}

export function describeSilence({ path, device, devicePackets, packets, seconds, reason }: Silence): string {
  const way = path.endsWith('/up') ? 'sent' : 'received';
  const share = `of ${devicePackets} packets that ${device} ${way} in ${seconds} s, ${packets} came to be shaped`;
  return `${path}: ${share}; likely: ${reason}`;
}
