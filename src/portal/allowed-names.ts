/** Names that stopped hosts reach all the same: their addresses, asked for again and again. */
import { lookup } from 'node:dns/promises';

const INTERVAL_MS = 60_000;
/** Of one name. More would only make the set of addresses longer. */
const ADDRESSES_MAX = 64;
/** An address that a name had stays allowed for so long: clients remember it as well. */
const KEEP_MS = 3_600_000;

type Lookup = (name: string) => Promise<readonly string[]>;

async function lookupAll(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => address);
}

export class AllowedNames {
  private readonly onAddresses: (addresses: readonly string[]) => void;
  private readonly warn: (message: string, fields: object) => void;
  private readonly lookup: Lookup;
  private names: readonly string[] = [];
  /** When each address was given by its name at last. */
  private readonly seenMs = new Map<string, Map<string, number>>();
  /** Names of which it was said that they have no address. */
  private readonly missing = new Set<string>();
  private timer: NodeJS.Timeout | null = null;
  private told = '';

  constructor(
    onAddresses: (addresses: readonly string[]) => void,
    warn: (message: string, fields: object) => void,
    lookupOf: Lookup = lookupAll,
  ) {
    this.onAddresses = onAddresses;
    this.warn = warn;
    this.lookup = lookupOf;
  }

  /** Asks for these names from now on, and for no others. */
  follow(names: readonly string[]): void {
    this.names = [...new Set(names)];
    for (const name of this.seenMs.keys()) if (!this.names.includes(name)) this.seenMs.delete(name);
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    if (this.names.length > 0) {
      this.timer = setInterval(() => void this.look(), INTERVAL_MS);
      this.timer.unref();
    }
    void this.look();
  }

  close(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    this.names = [];
  }

  async look(nowMs = performance.now()): Promise<void> {
    await Promise.all(this.names.map((name) => this.lookAt(name, nowMs)));
    const addresses = new Set<string>();
    for (const found of this.seenMs.values()) for (const address of found.keys()) addresses.add(address);
    const list = [...addresses].sort();
    if (list.join(' ') === this.told) return;
    this.told = list.join(' ');
    this.onAddresses(list);
  }

  private async lookAt(name: string, nowMs: number): Promise<void> {
    const found = await this.lookup(name).catch((error: Error) => {
      if (!this.missing.has(name)) {
        const fields = { name, error: error.message };
        this.warn('a name that stopped hosts may reach has no address', fields);
      }
      this.missing.add(name);
      return null;
    });
    // It may have left the list meanwhile.
    if (found === null || !this.names.includes(name)) return;
    this.missing.delete(name);
    const seen = this.seenMs.get(name) ?? new Map<string, number>();
    this.seenMs.set(name, seen);
    for (const address of found.slice(0, ADDRESSES_MAX)) seen.set(address, nowMs);
    for (const [address, atMs] of seen) if (nowMs - atMs > KEEP_MS) seen.delete(address);
  }
}
