/**
 * Keeps the sets of the page equal to lists of addresses: those of stopped hosts, and those of allowed names.
 * Elements are added and deleted in one transaction, a few times a second at most. No chain is touched, so
 * packets go on meanwhile.
 */
import { isIP } from 'node:net';
import { RulesError, type RulesLog } from './errors.ts';
import type { NftSession } from './nft-session.ts';
import { tableName } from './render-nft.ts';
import { NAMES_SET, STOPPED_SET } from './render-page.ts';

const APART_MS = 250;
/** After a failure. */
const AGAIN_MS = 2000;

type SetName = typeof STOPPED_SET | typeof NAMES_SET;

/** One of the sets: `stopped4` has the addresses of version 4 of `stopped`. */
class Elements {
  readonly set: SetName;
  readonly version: 4 | 6;
  wanted: ReadonlySet<string> = new Set();
  /** null: not known. */
  inForce: ReadonlySet<string> | null = null;

  constructor(set: SetName, version: 4 | 6) {
    this.set = set;
    this.version = version;
  }

  /** The commands that make the set what it should be; none if it is. */
  lines(table: string): string[] {
    const { wanted, inForce } = this;
    const name = `${table} ${this.set}${this.version}`;
    const added = [...wanted].filter((address) => inForce?.has(address) !== true);
    const deleted = [...(inForce ?? [])].filter((address) => !wanted.has(address));
    return [
      ...(inForce === null ? [`flush set ${name}`] : []),
      ...(deleted.length === 0 ? [] : [`delete element ${name} { ${deleted.join(', ')} }`]),
      ...(added.length === 0 ? [] : [`add element ${name} { ${added.join(', ')} }`]),
    ];
  }
}

export interface StoppedSetsOptions {
  readonly first: number;
  readonly log: RulesLog;
  /** The session by which the table stands; null while it has no sets of the page. */
  readonly session: () => NftSession | null;
}

export class StoppedSets {
  private readonly options: StoppedSetsOptions;
  private readonly all: readonly Elements[];
  private timer: NodeJS.Timeout | null = null;
  private isBusy = false;
  private isClosed = false;
  private hasFailed = false;
  private nextMs = 0;

  constructor(options: StoppedSetsOptions) {
    this.options = options;
    this.all = ([STOPPED_SET, NAMES_SET] as const).flatMap((set) => [
      new Elements(set, 4),
      new Elements(set, 6),
    ]);
  }

  /** Soon the set has these addresses and no others. What is no address is left out. */
  set(name: SetName, addresses: readonly string[]): void {
    for (const elements of this.all) {
      if (elements.set !== name) continue;
      elements.wanted = new Set(addresses.filter((address) => isIP(address) === elements.version));
    }
    this.soon();
  }

  /** The sets were made anew, or may be others than we know. */
  refill(): void {
    for (const elements of this.all) elements.inForce = null;
    this.soon();
  }

  close(): void {
    this.isClosed = true;
    if (this.timer) clearTimeout(this.timer);
  }

  private soon(): void {
    if (this.timer || this.isBusy || this.isClosed) return;
    this.timer = setTimeout(
      () => {
        this.timer = null;
        void this.change();
      },
      Math.max(0, this.nextMs - performance.now()),
    );
    this.timer.unref();
  }

  private async change(): Promise<void> {
    const session = this.options.session();
    const table = `inet ${tableName(this.options.first)}`;
    const lines = this.all.flatMap((elements) => elements.lines(table));
    if (session === null || lines.length === 0) return;
    const wanted = this.all.map((elements) => elements.wanted);
    // Until the answer is here, nobody knows.
    for (const elements of this.all) elements.inForce = null;
    this.isBusy = true;
    let waitMs = APART_MS;
    try {
      await session.run('stopping hosts', lines);
      this.all.forEach((elements, i) => {
        elements.inForce = wanted[i];
      });
      this.hasFailed = false;
    } catch (error) {
      waitMs = AGAIN_MS;
      this.complain(error);
    } finally {
      this.isBusy = false;
    }
    this.nextMs = performance.now() + waitMs;
    this.soon();
  }

  private complain(error: unknown): void {
    if (!(error instanceof RulesError)) throw error;
    if (this.hasFailed || this.isClosed) return;
    this.hasFailed = true;
    this.options.log.warn('hosts are not stopped, or not released', { error: error.message });
  }
}
