/** The memory of hosts that the packet thread writes, as the directory looks at it. */
import { KIND_MAC, KIND_PORT, NEWS_MERGED, NOBODY } from '../../core/hosts/host-layout.ts';
import {
  createAddressRecord,
  createHostNewsRecord,
  createHostRecord,
  type HostNewsRecord,
  type HostReader,
} from '../../core/hosts/host-reader.ts';
import type { HostSource, SeenAddress, SeenHost, SeenMerge } from './host-source.ts';

/** Told of everything that is new, beside merges. */
type OnNews = (news: HostNewsRecord) => void;

export class MemorySource implements HostSource {
  readonly #reader: HostReader;
  readonly #onNews: OnNews;
  readonly #record = createHostRecord();
  readonly #address = createAddressRecord();
  readonly #news = createHostNewsRecord();
  /** Number of the last news that was read. */
  #newsRead = 0;
  readonly #seen: SeenHost = {
    ...{ row: NOBODY, generation: 0, kind: 'mac', macHigh: 0, macLow: 0, family: 0 },
    ...{ words: new Uint32Array(4), ifIndex: 0, isOwn: false, lastNs: 0 },
    up: { bytes: 0, packets: 0, dropped: 0 },
    down: { bytes: 0, packets: 0, dropped: 0 },
  };

  constructor(reader: HostReader, onNews: OnNews) {
    this.#reader = reader;
    this.#onNews = onNews;
  }

  get nowNs(): number {
    return this.#reader.nowNs;
  }

  hosts(visit: (host: SeenHost) => void): void {
    const reader = this.#reader;
    for (let row = reader.nextHost(NOBODY); row !== NOBODY; row = reader.nextHost(row))
      if (reader.readHost(row, this.#record) && this.#fill()) visit(this.#seen);
  }

  addresses(visit: (address: SeenAddress) => void): void {
    const reader = this.#reader;
    for (let row = reader.nextAddress(NOBODY); row !== NOBODY; row = reader.nextAddress(row))
      if (reader.readAddress(row, this.#address)) visit(this.#address);
  }

  merges(): readonly SeenMerge[] {
    const merges: SeenMerge[] = [];
    this.#newsRead = this.#reader.readNews(this.#newsRead, this.#news, (news) => {
      if (news.kind !== NEWS_MERGED) this.#onNews(news);
      else {
        const { other, otherGeneration, host, hostGeneration } = news;
        merges.push({
          ...{ row: other, generation: otherGeneration },
          ...{ intoRow: host, intoGeneration: hostGeneration },
        });
      }
    });
    return merges;
  }

  /** Returns false if the address of a host by address has just gone. */
  #fill(): boolean {
    const seen = this.#seen;
    const record = this.#record;
    const { key0, key1 } = record;
    seen.row = record.row;
    seen.generation = record.generation;
    seen.kind = record.kind === KIND_MAC ? 'mac' : record.kind === KIND_PORT ? 'port' : 'address';
    seen.macHigh = key0;
    seen.macLow = key1;
    seen.ifIndex = seen.kind === 'port' ? key0 : record.ifIndex;
    seen.isOwn = record.isOwn;
    seen.lastNs = record.lastNs;
    seen.up.bytes = record.upBytes;
    seen.up.packets = record.upPackets;
    seen.up.dropped = record.upDropped;
    seen.down.bytes = record.downBytes;
    seen.down.packets = record.downPackets;
    seen.down.dropped = record.downDropped;
    if (seen.kind !== 'address') return true;
    if (!this.#reader.readAddress(key0, this.#address) || this.#address.host !== record.row) return false;
    seen.family = this.#address.family;
    seen.words.set(this.#address.words);
    return true;
  }
}
