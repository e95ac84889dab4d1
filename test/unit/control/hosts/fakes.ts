/** A memory of hosts, a store and a page that tests write and read, for the parts that work with them. */
import type {
  HostSource,
  SeenAddress,
  SeenHost,
  SeenMerge,
} from '../../../../src/control/hosts/host-source.ts';
import type { Flush, HistoryPoint, Stored, StoreState } from '../../../../src/store/batch.ts';

interface FakeHost {
  generation: number;
  kind: SeenHost['kind'];
  mac: readonly [high: number, low: number];
  address: number;
  ifIndex: number;
  isOwn: boolean;
  lastNs: number;
  up: { bytes: number; packets: number; dropped: number };
  down: { bytes: number; packets: number; dropped: number };
}

const counts = () => ({ bytes: 0, packets: 0, dropped: 0 });

/** IPv4 addresses of 10.0.0.0/8 by their last three bytes. */
export class FakeMemory implements HostSource {
  nowNs = 0;
  /** Happens once, after the counts were looked at and before the news are. */
  onMerges: () => void = () => undefined;
  private readonly all = new Map<number, FakeHost>();
  private readonly owners = new Map<number, number>();
  private news: SeenMerge[] = [];
  private generations = 0;

  /** A device with this MAC in a row. */
  device(row: number, low: number): void {
    this.begin(row, { kind: 'mac', mac: [0x50, low], address: 0 });
  }

  /** A host that is known by its address alone. */
  stranger(row: number, address: number): void {
    this.begin(row, { kind: 'address', mac: [0, 0], address });
    this.owners.set(address, row);
  }

  /** The address is that of the host in this row. */
  owns(row: number, address: number): void {
    this.owners.set(address, row);
  }

  up(row: number, bytes: number): void {
    this.count(row, 'up', bytes);
  }

  down(row: number, bytes: number): void {
    this.count(row, 'down', bytes);
  }

  merge(from: number, into: number): void {
    const [old, host] = [this.all.get(from)!, this.all.get(into)!];
    for (const side of ['up', 'down'] as const) {
      host[side].bytes += old[side].bytes;
      host[side].packets += old[side].packets;
    }
    for (const [address, row] of this.owners) if (row === from) this.owners.set(address, into);
    this.all.delete(from);
    this.news.push({
      ...{ row: from, generation: old.generation },
      ...{ intoRow: into, intoGeneration: host.generation },
    });
  }

  forget(row: number): void {
    this.all.delete(row);
    for (const [address, owner] of this.owners) if (owner === row) this.owners.delete(address);
  }

  own(row: number): void {
    this.all.get(row)!.isOwn = true;
  }

  hosts(visit: (host: SeenHost) => void): void {
    for (const [row, { mac, address, ...host }] of this.all)
      visit({ ...host, row, macHigh: mac[0], macLow: mac[1], family: 4, words: wordsOf(address) });
  }

  addresses(visit: (address: SeenAddress) => void): void {
    for (const [address, host] of this.owners) {
      const [macHigh, macLow] = this.all.get(host)?.mac ?? [0, 0];
      visit({ row: 16 * address, generation: 1, family: 4, words: wordsOf(address), host, macHigh, macLow });
    }
  }

  merges(): readonly SeenMerge[] {
    this.onMerges();
    this.onMerges = () => undefined;
    return this.news.splice(0);
  }

  private begin(row: number, host: Pick<FakeHost, 'kind' | 'mac' | 'address'>): void {
    const generation = ++this.generations;
    const seen = { ifIndex: 7, isOwn: false, lastNs: this.nowNs };
    this.all.set(row, { ...host, generation, ...seen, up: counts(), down: counts() });
  }

  private count(row: number, side: 'up' | 'down', bytes: number): void {
    const host = this.all.get(row)!;
    host[side].bytes += bytes;
    host[side].packets += 1;
    host.lastNs = this.nowNs;
  }
}

function wordsOf(address: number): Uint32Array {
  return Uint32Array.of(0x0a000000 + address, 0, 0, 0);
}

/** Takes flushes. Tests may make it fail, and have it know something. */
export class FakeStore {
  readonly flushes: Flush[] = [];
  state: StoreState = { ok: true, message: '', hint: '' };
  isIdle = true;
  readonly opened: Promise<Stored | null>;
  points: readonly HistoryPoint[] = [];

  constructor(stored: Stored | null) {
    this.opened = Promise.resolve(stored);
  }

  flush(flush: Flush): void {
    this.flushes.push(flush);
  }

  setLevels(): void {
    // Nothing is kept here.
  }

  async history(): Promise<readonly HistoryPoint[]> {
    return this.points;
  }

  async close(): Promise<void> {
    this.state = { ok: false, message: 'closed', hint: '' };
  }

  /** All bytes that it was told, by host: up, down. */
  get bytes(): Record<string, [number, number]> {
    const sums: Record<string, [number, number]> = {};
    for (const { counts: told } of this.flushes)
      for (const [i, host] of told.hosts.entries()) {
        const [up, down] = sums[host] ?? [0, 0];
        sums[host] = [up + told.upBytes[i]!, down + told.downBytes[i]!];
      }
    return sums;
  }
}
