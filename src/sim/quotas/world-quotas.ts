/**
 * Quotas in a virtual world: what the control thread does for a running instance. Every quarter of a second
 * the counts of hosts go into the book, and what follows goes back to the engine.
 */
import { NONE } from '../../base/none.ts';
import { KIND_MAC, NOBODY } from '../../core/hosts/host-layout.ts';
import {
  type AddressRecord,
  createAddressRecord,
  createHostRecord,
  HostReader,
  type HostRecord,
} from '../../core/hosts/host-reader.ts';
import { type LimitedHost, limitColumns } from '../../core/hosts/limit-columns.ts';
import { addressText } from '../../packet/address-text.ts';
import { macText } from '../../packet/mac-text.ts';
import { QuotaBook } from '../../quotas/book.ts';
import { type HostAddress, isIn, isSameMac, type QuotaSubject, quotaHolds } from '../../quotas/holds.ts';
import { HostStates } from '../../quotas/host-states.ts';
import type { QuotaNews } from '../../quotas/news.ts';
import { ratesOf } from '../../quotas/rates.ts';
import type { NamedHostSpec, QuotaSpec } from '../../spec/hosts.ts';
import type { PrefixSpec } from '../../spec/match.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import type { WorldModules } from '../modules/world-modules.ts';
import type { HostSpec } from '../traffic/traffic.ts';
import type { World } from '../world/world.ts';
import { quickened } from './speed.ts';
import { type Outcome, QuotaTally, type QuotaTotals } from './tally.ts';

export const QUOTA_TICK_NS = 250e6;

/** What quotas came to in a run. Instants are those of the world. */
export interface QuotaResult {
  readonly hosts: number;
  /** Windows and limits were divided by this. */
  readonly speed: number;
  readonly totals: readonly QuotaTotals[];
  readonly outcomes: readonly Outcome[];
}

/** A host of the memory as it was read last. */
interface Seen extends QuotaSubject {
  readonly id: string;
  bookRow: number;
  readonly addresses: HostAddress[];
  row: number;
  generation: number;
  takenUpBytes: number;
  takenDownBytes: number;
}

/** null: the specification has no quotas. `hosts`: what the traffic calls them. */
export function quotasOf(
  world: World,
  spec: ShaperSpec,
  speed = 1,
  hosts: readonly HostSpec[] = [],
): WorldQuotas | null {
  if (spec.quotas.length === 0) return null;
  const names = new Map(hosts.map(({ name, address }) => [textOf(address), name]));
  return new WorldQuotas(
    world,
    spec,
    speed,
    ({ family, words }) => names.get(addressText(family, words)) ?? null,
  );
}

const textOf = (address: HostSpec['address']): string =>
  typeof address === 'number' ? addressText(4, [address]) : addressText(6, address);

export class WorldQuotas {
  readonly #world: World;
  readonly #spec: ShaperSpec;
  readonly #quotas: readonly QuotaSpec[];
  readonly #speed: number;
  readonly #nameOf: (address: HostAddress) => string | null;
  readonly #book: QuotaBook;
  readonly #tally = new QuotaTally();
  readonly #states = new HostStates();
  readonly #reader: HostReader;
  readonly #host: HostRecord = createHostRecord();
  readonly #address: AddressRecord = createAddressRecord();
  /** By id, and by row of the book. */
  readonly #hosts = new Map<string, Seen>();
  readonly #byBookRow: Seen[] = [];

  /** `nameOf` says what the traffic calls the host of an address. */
  constructor(
    world: World,
    spec: ShaperSpec,
    speed: number,
    nameOf: (address: HostAddress) => string | null,
  ) {
    this.#world = world;
    this.#spec = spec;
    this.#quotas = quickened(spec.quotas, speed);
    this.#speed = speed;
    this.#nameOf = nameOf;
    const holdsFor = (quota: QuotaSpec, id: string): boolean =>
      quotaHolds(quota, this.#hosts.get(id) as Seen);
    this.#book = new QuotaBook({ quotas: this.#quotas, rates: ratesOf(spec.links), holdsFor }, 0);
    this.#reader = new HostReader(world.engine.hosts.buffer);
  }

  /** `modules` are told what concerns them. */
  tick(nowNs: number, modules: WorldModules | null = null): void {
    this.#world.engine.hosts.begin(nowNs);
    const addresses = this.#readAddresses();
    const host = this.#host;
    for (let row = this.#reader.nextHost(NOBODY); row !== NOBODY; row = this.#reader.nextHost(row)) {
      if (this.#reader.readHost(row, host)) this.#count(host, addresses.get(row) ?? [], nowNs);
    }
    this.#book.advance(nowNs);
    const news = this.#book.takeNews();
    this.#tally.add(news);
    if (modules !== null) this.#tellModules(modules, news);
    const limited = this.#book.takeChangedLimits().map((bookRow): LimitedHost => {
      const limit = this.#book.limitOf(bookRow);
      return { ...(this.#byBookRow[bookRow] as Seen), limit };
    });
    if (limited.length === 0) return;
    this.#world.engine.updateHosts({ limits: limitColumns(limited, this.#allowed()) }, nowNs);
  }

  result(endNs: number): QuotaResult {
    return {
      hosts: this.#hosts.size,
      speed: this.#speed,
      totals: this.#tally.totals(
        this.#quotas.map(({ name }) => name),
        endNs,
      ),
      outcomes: this.#tally.outcomes(endNs),
    };
  }

  #tellModules(modules: WorldModules, { standings }: QuotaNews): void {
    for (const { host: id, quota, state } of this.#states.take(standings, this.#quotas)) {
      const { addresses = [], names: [name = null] = [] } = this.#hosts.get(id) ?? {};
      const host = { id, name, addresses: addresses.map(({ family, words }) => addressText(family, words)) };
      modules.tellQuota(quota.modules, host, quota.name, state);
    }
  }

  #readAddresses(): Map<number, HostAddress[]> {
    const byHost = new Map<number, HostAddress[]>();
    const address = this.#address;
    for (let row = this.#reader.nextAddress(NOBODY); row !== NOBODY; row = this.#reader.nextAddress(row)) {
      if (!this.#reader.readAddress(row, address)) continue;
      const { family, host } = address;
      byHost.set(host, [...(byHost.get(host) ?? []), { family, words: [...address.words] }]);
    }
    return byHost;
  }

  #count(record: HostRecord, addresses: readonly HostAddress[], nowNs: number): void {
    const seen = this.#seenOf(record, addresses);
    if (seen === null) return;
    const { row, generation, upBytes, downBytes } = record;
    if (seen.row !== row || seen.generation !== generation) {
      Object.assign(seen, { row, generation, takenUpBytes: 0, takenDownBytes: 0 });
    }
    const up = Math.max(0, upBytes - seen.takenUpBytes);
    const down = Math.max(0, downBytes - seen.takenDownBytes);
    seen.takenUpBytes += up;
    seen.takenDownBytes += down;
    if (up + down > 0) this.#book.count(seen.bookRow, up, down, nowNs);
  }

  /** null: a host without an address yet. */
  #seenOf(record: HostRecord, addresses: readonly HostAddress[]): Seen | null {
    const [first] = addresses;
    if (first === undefined) return null;
    const isMac = record.kind === KIND_MAC;
    const known = isMac ? macText(record.key0, record.key1) : addressText(first.family, first.words);
    const id = this.#nameOf(first) ?? known;
    const found = this.#hosts.get(id);
    if (found !== undefined) return found;
    const macs = isMac ? [{ high: record.key0, low: record.key1 }] : [];
    const subject = { macs, addresses: [...addresses], isOwn: record.isOwn };
    const names = this.#spec.hosts.names.filter((named) => isNamed(named, subject)).map(({ name }) => name);
    const counts = { row: record.row, generation: record.generation, takenUpBytes: 0, takenDownBytes: 0 };
    const seen = { id, names, ...subject, ...counts, bookRow: NONE };
    // The book asks for the host when it comes.
    this.#hosts.set(id, seen);
    seen.bookRow = this.#book.rowOf(id);
    this.#byBookRow[seen.bookRow] = seen;
    return seen;
  }

  /** Names of hosts are asked of a resolver, which a virtual world does not have. */
  #allowed(): PrefixSpec[] {
    return this.#quotas
      .flatMap(({ page }) => page?.allow ?? [])
      .filter((allowed) => typeof allowed !== 'string');
  }
}

function isNamed(
  { mac, address }: NamedHostSpec,
  subject: Pick<QuotaSubject, 'macs' | 'addresses'>,
): boolean {
  if (mac !== null && subject.macs.some((other) => isSameMac(mac, other))) return true;
  return address !== null && subject.addresses.some((other) => isIn(other, address));
}
