/**
 * A full leaf from which nothing leaves, slow and obvious: plain lists of the packets that wait in buckets,
 * in the FIFO, or in fair queues. It judges who was dropped for an arriving packet.
 *
 * The FIFO pays for nobody. As nothing leaves, all fair queues are new ones, and they pay together. Whoever
 * holds a single packet, the arriving one included, does not pay while others hold more than one.
 */

export interface Waiting {
  readonly id: number;
  readonly lengthBytes: number;
  readonly ssh: boolean;
}

export interface FullLeaf {
  readonly isFair: boolean;
  readonly hasEach: boolean;
  readonly limitBytes: number;
  readonly limitPackets: number;
}

/** More than all bytes that wait. */
const SEVERAL = 1e12;

export class FullLeafTwin {
  private readonly leaf: FullLeaf;
  private readonly waiting = new Map<string, Waiting[]>();
  private readonly spent = new Set<number>();
  /** Fair queues in the order in which they became new ones. */
  private order: string[] = [];
  /** The burst of the exempt share. Half a byte per second is nothing within this time. */
  private tokenBytes = 6000;

  constructor(leaf: FullLeaf) {
    this.leaf = leaf;
  }

  /** Whether a packet that may be exempt is: it has tokens, and half of the limit has room for it. */
  exempts(lengthBytes: number): boolean {
    const ssh = [...this.waiting.values()].flat().filter((p) => p.ssh);
    const { limitBytes, limitPackets } = this.leaf;
    const fits = bytesOf(ssh) + lengthBytes <= limitBytes / 2 && ssh.length + 1 <= limitPackets / 2;
    if ((!fits && ssh.length > 0) || lengthBytes > this.tokenBytes) return false;
    this.tokenBytes -= lengthBytes;
    return true;
  }

  /** Judges what was dropped for this packet; a message when it was wrong. */
  judge(n: number, p: Waiting, dropped: readonly number[]): string | null {
    const wrong = this.verdict(n, p, dropped);
    for (const [name, packets] of this.waiting)
      this.waiting.set(
        name,
        packets.filter(({ id }) => !dropped.includes(id)),
      );
    const wasEmpty = this.newBytes() === 0;
    if (!dropped.includes(p.id)) this.admit(n, p);
    if (wasEmpty && this.newBytes() > 0) this.forgetEmpty();
    return wrong;
  }

  private verdict(n: number, p: Waiting, dropped: readonly number[]): string | null {
    if (this.fits(p)) return dropped.length === 0 ? null : 'there was room';
    const refused = p.ssh ? [] : [p.id];
    const payers = this.payers(n, p);
    const wanted: string[] = [];
    for (const payer of payers) {
      const ids = payer === ARRIVING ? null : this.pay(payer, p);
      if (ids === null && payer !== ARRIVING && payer !== this.ownName(n) && this.holdsMany(p)) {
        if (this.isShared(p, dropped)) return null;
        wanted.push('several payers');
        // The party that weighs most may have nothing but packets that must not be dropped.
        if (this.hasSsh() && dropped.join() === refused.join()) return null;
        continue;
      }
      if ((ids ?? refused).join() === dropped.join()) {
        if (payer === TOGETHER && ids !== null) this.forgetEmpty(this.nameOf(dropped.at(-1)), dropped);
        return null;
      }
      wanted.push(`${ids ?? refused}`);
    }
    // Exempt packets of the payer: it shows late that the others do not suffice.
    for (const payer of payers) {
      const all = payer === TOGETHER ? this.order.flatMap((name) => this.of(name)) : this.of(payer);
      const droppable = all.filter(({ ssh }) => !ssh).map(({ id }) => id);
      if (droppable.length === all.length || `${[...droppable].sort()}` !== `${[...dropped].sort()}`)
        continue;
      if (payer === TOGETHER) this.forgetEmpty(undefined, dropped);
      return null;
    }
    return `expected ${wanted.join(' or ')}`;
  }

  /** Who may pay: more than one where lengths are alike. */
  private payers(n: number, p: Waiting): string[] {
    const own = this.ownName(n);
    const isOwnFair = own.startsWith('fair');
    const ownWeight = own.startsWith('each') ? SEVERAL + this.bytes(own) + p.lengthBytes : 0;
    const line = own === 'line' ? p.lengthBytes : this.newWeight(isOwnFair ? own : null, p);
    const longest = this.longestBuckets();
    const others = longest.filter((name) => this.weight(name) > Math.max(ownWeight, line));
    const payers = [...others];
    if (others.length < longest.length || longest.length === 0) {
      if (ownWeight > 0 && ownWeight >= line) payers.push(own);
      else if (own === 'line') payers.push(ARRIVING);
      else payers.push(...this.fairPayers(isOwnFair ? own : null, p));
    }
    return payers;
  }

  private fairPayers(own: string | null, p: Waiting): string[] {
    if (!this.leaf.isFair) return [ARRIVING];
    const ownBytes = own === null ? 0 : this.bytes(own) + p.lengthBytes;
    const news = this.newBytes() + (own === null ? 0 : p.lengthBytes);
    const isSeveral = this.newWeight(own, p) > SEVERAL;
    if (own !== null && 2 * ownBytes > news && (!isSeveral || this.of(own).length > 0)) return [own];
    const big = this.order.filter((name) => 2 * this.bytes(name) > news && this.bytes(name) > 1500);
    return [...big.filter((name) => this.of(name).length > 1), TOGETHER];
  }

  /** The buckets of which one is found as the longest. */
  private longestBuckets(): string[] {
    const buckets = [...this.waiting.keys()].filter(
      (name) => name.startsWith('each') && this.bytes(name) > 0,
    );
    const several = buckets.filter((name) => this.of(name).length > 1);
    const most = Math.max(0, ...several.map((name) => this.bytes(name)));
    if (several.length > 0) return several.filter((name) => this.bytes(name) >= (7 / 8) * most);
    // Single packets are told apart by powers of two.
    const power = (name: string): number => Math.floor(Math.log2(this.bytes(name)));
    const highest = Math.max(0, ...buckets.map(power));
    return buckets.filter((name) => power(name) === highest);
  }

  /**
   * Whether these are right where several pay, one packet after the other: each is the first of whoever
   * weighs most at that moment, apart from the arriving packet.
   */
  private isShared(p: Waiting, dropped: readonly number[]): boolean {
    const before = new Map(this.waiting);
    const orderBefore = [...this.order];
    for (const id of dropped) {
      const name = this.nameOf(id);
      const isRight = name !== undefined && !this.fits(p) && this.mayPayNext(name, p);
      if (!isRight || this.next(name, [])?.id !== id) {
        for (const [key, packets] of before) this.waiting.set(key, packets);
        this.order = orderBefore;
        return false;
      }
      this.waiting.set(
        name,
        this.of(name).filter((q) => q.id !== id),
      );
    }
    return this.fits(p) || this.hasSsh();
  }

  private mayPayNext(name: string, p: Waiting): boolean {
    const longest = this.longestBuckets();
    const news = this.newWeight(null, p);
    if (name.startsWith('each')) return longest.includes(name) && this.weight(name) > news;
    if (longest.length > 0 && longest.every((bucket) => this.weight(bucket) > news)) return false;
    const payers = this.fairPayers(null, p);
    if (payers.includes(name)) return true;
    this.forgetEmpty();
    return name === this.nextNew([]);
  }

  /** The queue of the new ones that pays next: the first with several packets, or else the first. */
  private nextNew(gone: readonly Waiting[]): string | undefined {
    const left = (name: string): Waiting[] => this.of(name).filter((q) => !gone.includes(q));
    const able = this.order.filter((name) => left(name).some((q) => !q.ssh));
    return able.find((name) => left(name).length > 1) ?? able[0];
  }

  /**
   * Queues that were emptied at the front of the list become idle when the leaf looks who is next, after it
   * was empty, and when it looks for one of the new ones that pays, which is before the last of them did.
   */
  private forgetEmpty(lastPayer?: string, dropped: readonly number[] = []): void {
    while (this.order.length > 0 && this.order[0] !== lastPayer) {
      if (this.of(this.order[0]!).some(({ id }) => !dropped.includes(id))) return;
      this.order.shift();
    }
  }

  private fits(p: Waiting, without: readonly Waiting[] = []): boolean {
    const all = [...this.waiting.values()].flat().filter((q) => !without.includes(q));
    const { limitBytes, limitPackets } = this.leaf;
    return all.length === 0 || (bytesOf(all) + p.lengthBytes <= limitBytes && all.length + 1 <= limitPackets);
  }

  /** Whether the leaf is within its limit, which is for many packets. */
  private holdsMany(p: Waiting): boolean {
    const all = [...this.waiting.values()].flat();
    const { limitBytes, limitPackets } = this.leaf;
    if (bytesOf(all) > limitBytes || all.length > limitPackets) return false;
    return limitBytes >= 20 * Math.max(p.lengthBytes, 1500) && limitPackets >= 20;
  }

  /** The packets whose eviction makes room. null if all that the payer has do not suffice. */
  private pay(payer: string, p: Waiting): number[] | null {
    const gone: Waiting[] = [];
    let queue: string | undefined;
    while (!this.fits(p, gone)) {
      const last = queue;
      queue = payer === TOGETHER ? this.nextNew(gone) : payer;
      const first = queue === undefined ? undefined : this.next(queue, gone);
      if (queue === undefined || first === undefined) return null;
      // A fair queue that has lost a packet loses half of its bytes at once, but once only.
      const isHalved = queue !== last && queue.startsWith('fair');
      const until = isHalved ? this.bytes(queue, gone) / 2 : Number.POSITIVE_INFINITY;
      gone.push(first);
      for (
        let more = this.next(queue, gone);
        more && this.bytes(queue, gone) > until;
        more = this.next(queue, gone)
      )
        gone.push(more);
    }
    return gone.map(({ id }) => id);
  }

  private next(queue: string, gone: readonly Waiting[]): Waiting | undefined {
    return this.of(queue).find((q) => !q.ssh && !gone.includes(q));
  }

  /** Where a packet of source `n` would wait now, if others wait in its bucket. */
  private ownName(n: number): string {
    if (this.bytes(`each ${n}`) > 0) return `each ${n}`;
    return this.leaf.isFair ? `fair ${n}` : 'line';
  }

  private weight(name: string): number {
    return this.bytes(name) + (this.of(name).length > 1 ? SEVERAL : 0);
  }

  /** Of the new ones together, with the arriving packet if it is of queue `own`. */
  private newWeight(own: string | null, p: Waiting): number {
    if (!this.leaf.isFair) return 0;
    const isSeveral = this.order.some((name) => this.of(name).length + (name === own ? 1 : 0) > 1);
    return this.newBytes() + (own === null ? 0 : p.lengthBytes) + (isSeveral ? SEVERAL : 0);
  }

  private newBytes(): number {
    return bytesOf(this.order.flatMap((name) => this.of(name)));
  }

  private of(name: string): readonly Waiting[] {
    return this.waiting.get(name) ?? [];
  }

  private bytes(name: string, gone: readonly Waiting[] = []): number {
    return bytesOf(this.of(name).filter((q) => !gone.includes(q)));
  }

  private nameOf(id: number | undefined): string | undefined {
    return [...this.waiting].find(([, packets]) => packets.some((q) => q.id === id))?.[0];
  }

  private hasSsh(): boolean {
    return [...this.waiting.values()].flat().some(({ ssh }) => ssh);
  }

  private admit(n: number, p: Waiting): void {
    const { hasEach, isFair } = this.leaf;
    const waitsForBucket = hasEach && this.spent.has(n);
    this.spent.add(n);
    const name = waitsForBucket ? `each ${n}` : isFair ? `fair ${n}` : 'line';
    if (name.startsWith('fair') && !this.order.includes(name)) this.order.push(name);
    this.waiting.set(name, [...this.of(name), p]);
  }
}

// Payers beside buckets and fair queues: the new fair queues, and the arriving packet itself.
const TOGETHER = 'the new ones';
const ARRIVING = 'the packet';

function bytesOf(packets: readonly Waiting[]): number {
  return packets.reduce((sum, p) => sum + p.lengthBytes, 0);
}
