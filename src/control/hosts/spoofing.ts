/**
 * Finds devices that may not be what they say, in the news of the memory of hosts:
 *
 *   second-port    a MAC is behind another port or device than before, or an address with the same MAC is
 *   taking-turns   two MACs have one address in turns
 *   new-mac        a MAC that somebody has made up is new behind the port of a host that was just stopped
 *   many-addresses a MAC has more IPv4 addresses at a time than a device should have
 *
 * Each of them may be innocent: a telephone that walks to another access point, a router that takes over from
 * its twin, a guest who comes at a bad moment, a router with a network behind it. So people are told, and
 * nothing is done about it. Where it matters, `identify: port` counts by the socket in the wall.
 */
import { NEWS_MANY, NEWS_MOVED, NEWS_NEW_HOST, NEWS_PORT, NOBODY } from '../../core/hosts/host-layout.ts';
import { createAddressRecord, type HostNewsRecord, type HostReader } from '../../core/hosts/host-reader.ts';
import { MAC_ADDRESSES_MAX } from '../../limits.ts';
import { addressText } from '../../packet/address-text.ts';
import { macText } from '../../packet/mac-text.ts';
import type { Emit } from '../events.ts';

/** Moves of an address, and the stop of a host, are looked back upon for so long. */
const MEMORY_MS = 60_000;
/** The same is told so often at most. */
const TOLD_MS = 60_000;
/** Moves, stops and told events that are remembered, each; the oldest make room. */
const REMEMBERED_MAX = 4096;
/** Who makes up a MAC sets this bit of the first byte (IEEE 802: locally administered). */
const MADE_UP = 0x0200;

export interface SpoofWatchOptions {
  readonly emit: Emit;
  /** Of a port or device, by its interface index. */
  readonly portName: (ifIndex: number) => string;
}

interface Move {
  readonly from: string;
  readonly to: string;
  readonly flips: number;
  readonly atMs: number;
}

interface Stop {
  readonly ifIndex: number;
  readonly atMs: number;
}

export class SpoofWatch {
  private readonly options: SpoofWatchOptions;
  /** The last move, by address. */
  private readonly moves = new Map<string, Move>();
  /** By id of the host. */
  private readonly stops = new Map<string, Stop>();
  private readonly toldMs = new Map<string, number>();

  constructor(options: SpoofWatchOptions) {
    this.options = options;
  }

  /**
   * A host was blocked, throttled or sent to the page. `ifIndex` says behind which port it is; 0: not known.
   */
  stopped(id: string, ifIndex: number, nowMs: number): void {
    remember(this.stops, id, { ifIndex, atMs: nowMs });
  }

  /** Looks at one piece of news; the record may be written anew afterwards. */
  look(news: HostNewsRecord, nowMs: number): void {
    if (news.kind === NEWS_PORT) this.lookAtPort(news, nowMs);
    else if (news.kind === NEWS_MOVED) this.lookAtMove(news, nowMs);
    else if (news.kind === NEWS_NEW_HOST) this.lookAtNewHost(news, nowMs);
    else if (news.kind === NEWS_MANY) this.lookAtMany(news, nowMs);
  }

  private lookAtPort({ macHigh, macLow, ifIndex, oldIfIndex, flips }: HostNewsRecord, nowMs: number): void {
    const mac = macText(macHigh, macLow);
    const [port, before] = this.portsOf(ifIndex, oldIfIndex);
    this.tell(`port ${mac}`, nowMs, {
      reason: 'second-port',
      ...{ mac, port, before, times: flips },
      message: `${mac} is behind ${port} now, and was behind ${before}`,
    });
  }

  private lookAtMove(news: HostNewsRecord, nowMs: number): void {
    const { family, words, ifIndex, oldIfIndex, flips } = news;
    const address = addressText(family, words);
    const to = macText(news.macHigh, news.macLow);
    const from = macText(news.oldMacHigh, news.oldMacLow);
    // Nobody saw it with another MAC or at another port: it is judged otherwise since others have told more.
    if (from === NO_MAC && oldIfIndex === 0) return;
    if (from === to) {
      if (oldIfIndex === 0 || oldIfIndex === ifIndex) return;
      const [port, before] = this.portsOf(ifIndex, oldIfIndex);
      this.tell(`port ${address}`, nowMs, {
        reason: 'second-port',
        ...{ mac: to, address, port, before, times: flips },
        message: `${address} (${to}) is behind ${port} now, and was behind ${before}`,
      });
      return;
    }
    const last = this.moves.get(address);
    remember(this.moves, address, { from, to, flips, atMs: nowMs });
    if (last === undefined || nowMs - last.atMs > MEMORY_MS) return;
    // Moves that follow each other fast are counted, and not all of them are told.
    const isBack = last.from === to && last.to === from;
    if (!isBack && flips - last.flips < 2) return;
    const [port] = this.portsOf(ifIndex, 0);
    this.tell(`turns ${address}`, nowMs, {
      reason: 'taking-turns',
      ...{ address, macs: [from, to].sort(), port, times: flips },
      message: `${from} and ${to} take turns at ${address}`,
    });
  }

  private lookAtNewHost({ macHigh, macLow, ifIndex, family, words }: HostNewsRecord, nowMs: number): void {
    // The port of a stopped host is known: it was seen there.
    if ((macHigh & MADE_UP) === 0 || ifIndex === 0) return;
    const mac = macText(macHigh, macLow);
    for (const [host, stop] of [...this.stops].reverse()) {
      if (nowMs - stop.atMs > MEMORY_MS) {
        this.stops.delete(host);
        continue;
      }
      if (stop.ifIndex !== ifIndex || host === mac) continue;
      const [port] = this.portsOf(ifIndex, 0);
      const address = family === 0 ? null : addressText(family, words);
      this.tell(`new ${mac}`, nowMs, {
        reason: 'new-mac',
        ...{ mac, address, port, host },
        message: `${mac}, a MAC that was made up, is new behind ${port}, where ${host} was stopped`,
      });
      return;
    }
  }

  private lookAtMany({ macHigh, macLow, ifIndex }: HostNewsRecord, nowMs: number): void {
    const mac = macText(macHigh, macLow);
    const [port] = this.portsOf(ifIndex, 0);
    const count = `more than ${MAC_ADDRESSES_MAX} IPv4 addresses at a time`;
    this.tell(`many ${mac}`, nowMs, {
      reason: 'many-addresses',
      ...{ mac, port },
      message: `${mac} has ${count}, and is one host: if it is a router, say hosts: identify: address`,
    });
  }

  private portsOf(...ifIndexes: number[]): string[] {
    return ifIndexes.map((ifIndex) => (ifIndex === 0 ? '' : this.options.portName(ifIndex)));
  }

  private tell(what: string, nowMs: number, data: object): void {
    const toldMs = this.toldMs.get(what);
    if (toldMs !== undefined && nowMs - toldMs < TOLD_MS) return;
    remember(this.toldMs, what, nowMs);
    this.options.emit('spoof', data);
  }
}

/** What is behind a port or device: addresses that hosts have now, and the MACs by which they were seen. */
export interface PortCount {
  addresses: number;
  readonly macs: Set<number>;
}

/** By interface index; 0: behind an unknown one. Addresses of this machine are not counted. */
export function countPorts(reader: HostReader): Map<number, PortCount> {
  const counts = new Map<number, PortCount>();
  const record = createAddressRecord();
  for (let row = reader.nextAddress(NOBODY); row !== NOBODY; row = reader.nextAddress(row)) {
    if (!reader.readAddress(row, record) || record.isOwn) continue;
    const { ifIndex, macHigh, macLow } = record;
    const count = counts.get(ifIndex) ?? { addresses: 0, macs: new Set<number>() };
    counts.set(ifIndex, count);
    count.addresses++;
    if (macHigh !== 0 || macLow !== 0) count.macs.add(macHigh * 0x100000000 + macLow);
  }
  return counts;
}

const NO_MAC = '00:00:00:00:00:00';

/** The newest stand last. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  if (map.size >= REMEMBERED_MAX) map.delete(map.keys().next().value!);
  map.set(key, value);
}
