/**
 * Tells the engine what the kernel knows of hosts: the MACs in its neighbour table, this machine's
 * addresses, and which addresses are neighbours. So a host whose packets only come down the line is known by
 * its MAC too.
 *
 * The kernel tells of every change. A neighbour that it forgets stays in the core: the device may be back.
 */
import { equal } from '../base/equal.ts';
import type { HostsUpdate, KnownAddress } from '../core/hosts/update.ts';
import type { Told } from '../core/reconfigure.ts';
import type { HostColumns } from '../io/nfqueue/host-columns.ts';
import type { HostEvents, HostListener } from '../io/nfqueue/host-listener.ts';
import type { PrefixSpec } from '../spec/spec.ts';
import { OwnAddresses, RTM_DELADDR, RTM_NEWADDR } from './own-addresses.ts';
import { ToldNeighbours } from './told-neighbours.ts';

/** linux/rtnetlink.h and linux/neighbour.h */
const RTM_NEWNEIGH = 28;
/** NUD_REACHABLE, STALE, DELAY, PROBE and PERMANENT: states in which the kernel would send to this MAC. */
const HAS_MAC = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;
const NTF_PROXY = 0x08;
/** The bit of a MAC, in its first byte, that makes it the address of a group. */
const GROUP = 0x0100;

/** After lost messages the list is read again, at most so often. */
const ASK_AGAIN_MS = 1000;
/** Changes of addresses are told together. */
const TELL_MS = 100;

export interface HostWatchOptions {
  readonly engine: {
    readonly told: Pick<Told, 'spec' | 'plan'>;
    updateHosts(update: HostsUpdate, nowNs: number): void;
  };
  /** Throws if the kernel refuses. */
  readonly open: (events: HostEvents) => HostListener;
  readonly indexOf: (device: string) => number | null;
  readonly isBridge: (ifIndex: number) => boolean;
  readonly nowNs: () => number;
  readonly warn: (message: string, fields: object) => void;
}

/** Where the inside is, by which rows are judged. */
interface Inside {
  readonly hasMacs: boolean;
  /** Whether `ifIndexes` are the devices behind which it is, or those behind which it is not. */
  readonly isListed: boolean;
  readonly ifIndexes: readonly number[];
  /** A link is a port of a bridge: hosts there are neighbours of each other, whatever addresses we have. */
  readonly hasPorts: boolean;
}

interface ToldAddresses {
  readonly own: readonly PrefixSpec[];
  readonly onLink: readonly PrefixSpec[] | null;
}

export class HostWatch {
  private readonly options: HostWatchOptions;
  private readonly own = new OwnAddresses();
  private readonly neighbours = new ToldNeighbours();
  private readonly listener: HostListener | null;
  private inside: Inside;
  private readonly bridges = new Map<number, boolean>();
  private told: ToldAddresses | null = null;
  /** The networks behind the inside, until they change. */
  private behind: readonly PrefixSpec[] | null = null;
  /** The first list is complete, so it is known which addresses there are. */
  private hasList = false;
  private again: NodeJS.Timeout | null = null;
  private telling: NodeJS.Timeout | null = null;

  constructor(options: HostWatchOptions) {
    this.options = options;
    this.inside = this.findInside();
    this.listener = this.listen();
    this.ask();
  }

  private listen(): HostListener | null {
    const { open, warn } = this.options;
    try {
      return open({
        onRows: (columns, rows) => this.take(columns, rows),
        onComplete: () => this.complete(),
        onLost: () => this.askAgain(),
      });
    } catch (error) {
      warn('the neighbour table cannot be read: MACs are known from packets alone', { err: error });
      return null;
    }
  }

  /** Devices came, went or were renamed, or the engine has another specification or plan. */
  look(): void {
    this.bridges.clear();
    const inside = this.findInside();
    if (equal(inside, this.inside)) return;
    this.inside = inside;
    this.behind = null;
    this.own.forgetNeighbours();
    this.tellSoon();
    // Rows that were passed over are listed once more.
    this.ask();
  }

  close(): void {
    for (const timer of [this.again, this.telling]) if (timer !== null) clearTimeout(timer);
    this.listener?.close();
  }

  private ask(): void {
    this.neighbours.forget();
    this.own.beginList();
    if (this.listener?.ask() === false) this.askAgain();
  }

  private askAgain(): void {
    if (this.again !== null) return;
    this.again = setTimeout(() => {
      this.again = null;
      this.ask();
    }, ASK_AGAIN_MS);
    this.again.unref();
  }

  private take(columns: HostColumns, rows: number): void {
    const { engine, nowNs } = this.options;
    const known: KnownAddress[] = [];
    for (let r = 0; r < rows; r++) {
      const change = columns.change[r];
      if (change === RTM_NEWNEIGH) this.takeNeighbour(columns, r, known);
      else if (change === RTM_NEWADDR || change === RTM_DELADDR) {
        this.own.take(columns, r);
        this.behind = null;
        this.tellSoon();
      }
    }
    if (known.length > 0) engine.updateHosts({ known }, nowNs());
  }

  private takeNeighbour(columns: HostColumns, r: number, known: KnownAddress[]): void {
    const { macHigh, macLow, state, flags, family, ifIndex } = columns;
    const isUseful =
      (state[r]! & HAS_MAC) !== 0 &&
      (flags[r]! & NTF_PROXY) === 0 &&
      (macHigh[r]! & GROUP) === 0 &&
      (macHigh[r] !== 0 || macLow[r] !== 0);
    if (!isUseful || !this.inside.hasMacs || !this.isInside(ifIndex[r]!)) return;
    if (!this.neighbours.isNew(columns, r)) return;
    this.takeNetwork(columns, r);
    known.push({
      family: family[r]!,
      words: [columns.word0[r]!, columns.word1[r]!, columns.word2[r]!, columns.word3[r]!],
      mac: { high: macHigh[r]!, low: macLow[r]! },
      // Packets may show the port of the bridge, which the kernel's table does not know.
      ifIndex: this.isBridge(ifIndex[r]!) ? 0 : ifIndex[r]!,
    });
  }

  /** A neighbour beyond the networks of our addresses. */
  private takeNetwork(columns: HostColumns, r: number): void {
    this.behind ??= this.own.behind((ifIndex) => this.isInside(ifIndex));
    if (this.behind.length === 0 || !this.own.takeNeighbour(columns, r, this.behind)) return;
    this.tellSoon();
  }

  private isBridge(ifIndex: number): boolean {
    const known = this.bridges.get(ifIndex);
    if (known !== undefined) return known;
    const isBridge = this.options.isBridge(ifIndex);
    this.bridges.set(ifIndex, isBridge);
    return isBridge;
  }

  private complete(): void {
    this.own.endList();
    this.behind = null;
    this.hasList = true;
    this.tellAddresses();
  }

  /** One device may bring many addresses, and many devices may come at once. */
  private tellSoon(): void {
    if (this.telling !== null || !this.hasList) return;
    this.telling = setTimeout(() => {
      this.telling = null;
      this.tellAddresses();
    }, TELL_MS);
    this.telling.unref();
  }

  /** Tells the addresses of this machine and those that are neighbours, if they are others than before. */
  private tellAddresses(): void {
    const { engine, nowNs } = this.options;
    const behind = this.own.behind((ifIndex) => this.isInside(ifIndex));
    // Without an address behind the inside, nothing says who is a neighbour.
    const onLink = behind.length === 0 || this.inside.hasPorts ? null : behind;
    const now = { own: this.own.own(), onLink };
    if (equal(now, this.told)) return;
    this.told = now;
    engine.updateHosts(now, nowNs());
  }

  private isInside(ifIndex: number): boolean {
    const { isListed, ifIndexes } = this.inside;
    return ifIndexes.includes(ifIndex) === isListed;
  }

  private findInside(): Inside {
    const { engine, indexOf } = this.options;
    const { spec, plan } = engine.told;
    const { lan, identify } = spec.hosts;
    const devices = lan ?? spec.links.map(({ device }) => device);
    return {
      hasMacs: identify !== 'address',
      isListed: lan !== null,
      ifIndexes: devices.map(indexOf).filter((ifIndex) => ifIndex !== null),
      hasPorts: plan.directions.some(({ bridge }) => bridge !== undefined),
    };
  }
}
