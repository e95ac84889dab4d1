/** A full leaf: who is dropped for an arriving packet, by hand and judged by a slow twin. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NF_ACCEPT, NF_INET_LOCAL_OUT } from '../../../../src/packet/batch.ts';
import { IPPROTO_TCP, ipv4 } from '../../../../src/sim/packets/packets.ts';
import { runs } from '../../../effort.ts';
import type { SimArrival } from '../../../port/sim-port.ts';
import { type ClassInput, type EachInput, shaper, udp, up, World } from '../../../sim/world.ts';

const SEED = 340;
const NO_AQM = { aqm: { kind: 'none' as const } };
const FAIR: ClassInput['queue'] = { ...NO_AQM, discipline: 'fair', isolation: 'src' };
/** The first packet of each source passes, those that follow wait for ever. */
const EACH: EachInput = { by: 'src', rateBytesPerSec: 1, burstBytes: 1, exceed: 'delay' };

/** A leaf from which nothing leaves: a packet of another has the root's only token. */
function fullWorld(leaf: Omit<ClassInput, 'name'>): World {
  const first = { name: 'first', match: [{ dport: [{ from: 9, to: 9 }] }] };
  const leaves = [first, { name: 'default', ...leaf }];
  const w = new World(shaper({ wan: { up: { rate: 1, burst: 1, leaves } } }));
  w.inject([up(0, 64, { shape: udp(1, { dport: 9 }) })]);
  w.run(0);
  return w;
}

/** Packet of source `n`; `ssh`: one that must not be dropped. */
function packet(n: number, lengthBytes: number, ssh = false): Partial<SimArrival> & { lengthBytes: number } {
  const src = ipv4(10, 0, 0, n);
  if (!ssh) return { lengthBytes, shape: udp(n, { src }) };
  const shape = { ...udp(n, { src }), protocol: IPPROTO_TCP, sport: 22 };
  return { lengthBytes, shape, hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 };
}

/** Sends one packet; ids that were dropped then, the first packet after the world's own being 1. */
function send(w: World, arrival: Partial<SimArrival> & { lengthBytes: number }): number[] {
  const before = w.port.trace.length;
  w.inject([up(w.port.nowNs + 1, arrival.lengthBytes, arrival)]);
  w.run(w.port.nowNs + 1);
  const answers = w.port.trace.slice(before);
  expect(answers.filter((v) => v.verdict === NF_ACCEPT)).toEqual([]);
  return answers.map((v) => v.packetId - 1);
}

describe('by hand', () => {
  const sendAll = (w: World, packets: readonly [n: number, lengthBytes: number, ssh?: boolean][]) =>
    packets.map(([n, lengthBytes, ssh]) => send(w, packet(n, lengthBytes, ssh)));

  test('the longest queue of a fair leaf makes room, from its head, half of it at once', () => {
    const w = fullWorld({ queue: FAIR, limitBytes: 5000 });
    const drops = sendAll(w, [
      ...([1, 1, 1, 1] as const).map((n): [number, number] => [n, 1000]),
      [2, 1000],
      [3, 1500],
      [2, 100],
    ]);
    expect(drops).toEqual([[], [], [], [], [], [1, 2], []]);
  });

  test('a packet whose own queue is the longest pays for itself, or is dropped if that is not enough', () => {
    const w = fullWorld({ queue: FAIR, limitBytes: 5000 });
    const drops = sendAll(w, [
      [1, 2400],
      [2, 2400],
      [1, 1000],
      [3, 4000],
      [2, 4900],
    ]);
    expect(drops).toEqual([[], [], [1], [4], [5]]);
  });

  test('a line that fills the limit beyond the buckets costs the waiting packets nothing', () => {
    const w = fullWorld({ each: EACH, limitPackets: 6 });
    // Five sources pass their buckets into the line, one packet waits in a bucket.
    const filling = ([1, 2, 3, 4, 5, 5] as const).map((n): [number, number] => [n, 100]);
    expect(sendAll(w, filling).flat()).toEqual([]);
    expect(
      sendAll(w, [
        [6, 1500],
        [6, 100],
        [5, 100],
        [6, 64],
      ]),
    ).toEqual([[7], [8], [6], [9]]);
  });

  test.each([{ queue: FAIR }, { each: EACH }])(
    '%o: more than 2^31 bytes are the longest victim too',
    (leaf) => {
      const w = fullWorld({ ...leaf, limitBytes: 3.2e9 });
      // Few long ones here, thousands of superpackets in truth. The first of each source has its tokens.
      const filling = [1, 1, 1, 1, 1, 1, 1].map((n): [number, number] => [n, 4e8]);
      const [first] = sendAll(w, [...filling, [2, 1e8], [2, 1e8], [2, 4e8]]).slice(-1);
      expect(first[0]).toBe(leaf.each ? 2 : 1);
      expect(first).not.toContain(10);
    },
  );

  test('a packet that must not be dropped is passed over, in a bucket and in a fair queue', () => {
    for (const leaf of [{ queue: FAIR }, { each: EACH }]) {
      const w = fullWorld({ ...leaf, limitBytes: 6000 });
      const drops = sendAll(w, [
        [1, 1000],
        [1, 1000, true],
        [1, 1000],
        [1, 1500, true],
        [1, 1500],
        [2, 600],
      ]);
      expect(drops.flat()).toEqual(leaf.queue ? [1, 3, 5] : [3]);
    }
  });

  test('who waits for a bucket of the class around the leaf makes room for others, by packets of the leaf', () => {
    const web = { name: 'web', match: [{ dport: [{ from: 5000, to: 5000 }] }], limitBytes: 4000 };
    const w = fullWorld({ each: EACH, classes: [web] });
    const other = (n: number, lengthBytes: number) => {
      const { shape } = packet(n, lengthBytes);
      return send(w, { lengthBytes, shape: { ...shape!, dport: 7 } });
    };
    // The first packet of each source has its tokens.
    for (const n of [1, 2, 3, 4]) other(n, 64);
    // Most of source 1 and all of source 2, which has most, wait in the default class; web is full of 3 and
    // of a little of 1.
    expect([1500, 1500, 1500].flatMap((bytes) => other(1, bytes))).toEqual([]);
    expect([3000, 3000].flatMap((bytes) => other(2, bytes))).toEqual([]);
    const drops = sendAll(w, [
      [1, 500],
      [3, 1700],
      [3, 1700],
      [4, 400],
      [4, 1000],
    ]);
    // Source 1 pays with the one packet that it has in web, then 3 does.
    expect(drops).toEqual([[], [], [], [10], [11]]);
  });

  test('a packet that must not be dropped makes room too, and else gets in over the limit', () => {
    const w = fullWorld({ queue: FAIR, limitBytes: 3000 });
    const drops = sendAll(w, [
      [1, 1000],
      [2, 1000],
      [1, 1500, true],
    ]);
    expect(drops).toEqual([[], [], [1]]);
    const few = fullWorld({ limitBytes: 3000 });
    expect(
      sendAll(few, [
        [1, 2000],
        [2, 1500, true],
      ]),
    ).toEqual([[], []]);
    expect(few.classOf('wan/up/default').backlog).toBe(2);
  });

  test('beyond what must not be dropped there is no room, and nothing is dropped in vain', () => {
    const w = fullWorld({ queue: FAIR, limitBytes: 3000 });
    const drops = sendAll(w, [
      [1, 2900, true],
      [3, 200],
      [3, 64],
    ]);
    expect(drops).toEqual([[], [2], []]);
  });
});

interface Waiting {
  readonly id: number;
  readonly lengthBytes: number;
  readonly ssh: boolean;
}

interface Leaf {
  readonly isFair: boolean;
  readonly hasEach: boolean;
  readonly limitBytes: number;
  readonly limitPackets: number;
}

/**
 * Keeps plain lists of the packets that wait: in buckets, in the FIFO, or in fair queues. The FIFO pays for
 * nobody. Nothing ever leaves, so all fair queues are new ones, and they pay together.
 */
class Twin {
  private readonly leaf: Leaf;
  private readonly waiting = new Map<string, Waiting[]>();
  private readonly spent = new Set<number>();
  /** Fair queues in the order in which they became new ones. */
  private order: string[] = [];
  /** The burst of the exempt share. Half a byte per second is nothing within this time. */
  private tokenBytes = 6000;
  /** Whether the new ones pay together. */
  private isTogether = false;

  constructor(leaf: Leaf) {
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
    this.isTogether = false;
    const verdict = this.verdict(n, p, dropped);
    const last = dropped.at(-1);
    const lastPayer = [...this.waiting].find(([, packets]) => packets.some(({ id }) => id === last))?.[0];
    for (const [name, packets] of this.waiting)
      this.waiting.set(
        name,
        packets.filter(({ id }) => !dropped.includes(id)),
      );
    if (this.isTogether) this.forgetEmpty(lastPayer);
    if (!dropped.includes(p.id)) this.admit(n, p);
    return verdict;
  }

  private verdict(n: number, p: Waiting, dropped: readonly number[]): string | null {
    if (this.fits(p)) return dropped.length === 0 ? null : 'there was room';
    const refused = p.ssh ? [] : [p.id];
    const choices = this.choices(n, p).map((choice) => choice ?? refused);
    // Exempt packets among the new ones: it shows late that the others do not suffice.
    const all = this.order.flatMap((name) => this.waiting.get(name) ?? []);
    if (all.some(({ ssh }) => ssh)) {
      const droppable = all.filter(({ ssh }) => !ssh).map(({ id }) => id);
      if (choices.some((ids) => ids.join() === refused.join())) choices.push(droppable);
    }
    if (choices.some((ids) => ids.join() === dropped.join())) return null;
    return `expected ${choices.join(' or ')}`;
  }

  /** What may be dropped; null for the arriving packet. More than one choice where lengths are alike. */
  private choices(n: number, p: Waiting): (number[] | null)[] {
    const bucket = this.bytes(`each ${n}`) > 0 ? `each ${n}` : null;
    const fair = [...this.waiting.keys()].filter((name) => name.startsWith('fair'));
    const isOwnFair = bucket === null && this.leaf.isFair;
    const waiting = fair.flatMap((name) => this.waiting.get(name) ?? []);
    const news = bytesOf(waiting) + (isOwnFair ? p.lengthBytes : 0);
    const own = bucket === null ? 0 : this.bytes(bucket) + p.lengthBytes;
    const line = bucket === null && !this.leaf.isFair ? p.lengthBytes : news;
    const buckets = [...this.waiting.keys()].filter((name) => name.startsWith('each'));
    const most = Math.max(0, ...buckets.map((name) => this.bytes(name)));
    const longest = buckets.filter((name) => this.bytes(name) >= (7 / 8) * most);
    const others = longest.filter((name) => this.bytes(name) > Math.max(own, line));
    const choices = others.map((name) => this.pay([name], p));
    if (others.length < longest.length || longest.length === 0) {
      if (bucket !== null && own >= line) choices.push(this.pay([bucket], p));
      else choices.push(...this.fairChoices(n, isOwnFair, news, p));
    }
    return choices;
  }

  private fairChoices(n: number, isOwnFair: boolean, news: number, p: Waiting): (number[] | null)[] {
    if (!this.leaf.isFair) return [null];
    const own = isOwnFair ? this.bytes(`fair ${n}`) + p.lengthBytes : 0;
    if (2 * own > news) return [this.pay([`fair ${n}`], p)];
    const big = this.order.filter((name) => 2 * this.bytes(name) > news && this.bytes(name) > 1500);
    this.isTogether = big.length === 0;
    if (this.isTogether) this.forgetEmpty();
    const together = this.pay(this.order, p);
    return big.length === 0 ? [together] : [...big.map((name) => this.pay([name], p)), together];
  }

  /** Queues that were emptied at the front of the list are idle when the new ones pay, but the last payer. */
  private forgetEmpty(but?: string): void {
    while (this.order.length > 0 && this.order[0] !== but && this.bytes(this.order[0]!) === 0)
      this.order.shift();
  }

  private fits(p: Waiting, without: readonly Waiting[] = []): boolean {
    const all = [...this.waiting.values()].flat().filter((q) => !without.includes(q));
    const { limitBytes, limitPackets } = this.leaf;
    return all.length === 0 || (bytesOf(all) + p.lengthBytes <= limitBytes && all.length + 1 <= limitPackets);
  }

  /**
   * First packets of these payers, one after the other, whose eviction makes room. null if all of them do not
   * suffice.
   */
  private pay(names: readonly string[], p: Waiting): number[] | null {
    const gone: Waiting[] = [];
    for (const name of names) {
      const before = gone.length;
      for (const q of this.waiting.get(name) ?? []) {
        if (this.fits(p, gone) && !(name.startsWith('fair') && this.takesMore(name, gone.slice(before))))
          break;
        if (!q.ssh) gone.push(q);
      }
      if (this.fits(p, gone)) return gone.map(({ id }) => id);
    }
    return null;
  }

  /** A fair queue that has lost a packet loses half of its bytes at once. */
  private takesMore(name: string, gone: readonly Waiting[]): boolean {
    const bytes = this.bytes(name);
    return gone.length > 0 && gone.length < 64 && bytes - bytesOf(gone) > bytes / 2;
  }

  private bytes(name: string): number {
    return bytesOf(this.waiting.get(name) ?? []);
  }

  private admit(n: number, p: Waiting): void {
    const { hasEach, isFair } = this.leaf;
    const waitsForBucket = hasEach && this.spent.has(n);
    this.spent.add(n);
    const name = waitsForBucket ? `each ${n}` : isFair ? `fair ${n}` : 'line';
    if (name.startsWith('fair') && !this.order.includes(name)) this.order.push(name);
    this.waiting.set(name, [...(this.waiting.get(name) ?? []), p]);
  }
}

function bytesOf(packets: readonly Waiting[]): number {
  return packets.reduce((sum, p) => sum + p.lengthBytes, 0);
}

test('nothing is dropped in vain: whoever holds the most pays for the packet, or the packet is dropped', () => {
  const leaf = fc.record({
    isFair: fc.boolean(),
    hasEach: fc.boolean(),
    limitBytes: fc.constantFrom(Number.POSITIVE_INFINITY, 3000, 8000),
    limitPackets: fc.constantFrom(Number.POSITIVE_INFINITY, 1, 5, 8),
  });
  const arrival = fc.tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.oneof(fc.integer({ min: 64, max: 1500 }), fc.constantFrom(64, 1500, 3000)),
    fc.integer({ min: 0, max: 9 }),
  );
  let [evictions, refusals] = [0, 0];
  fc.assert(
    fc.property(leaf, fc.array(arrival, { minLength: 20, maxLength: 60 }), (input, arrivals) => {
      const { isFair, hasEach, limitBytes, limitPackets } = input;
      const w = fullWorld({
        ...(isFair && { queue: FAIR }),
        ...(hasEach && { each: EACH }),
        limitBytes,
        limitPackets,
      });
      const twin = new Twin(input);
      for (const [i, [n, lengthBytes, ninth]] of arrivals.entries()) {
        const ssh = ninth === 9 && twin.exempts(lengthBytes);
        const dropped = send(w, packet(n, lengthBytes, ninth === 9));
        expect(twin.judge(n, { id: i + 1, lengthBytes, ssh }, dropped), `packet ${i + 1}: ${dropped}`).toBe(
          null,
        );
        if (dropped[0] === i + 1) refusals++;
        else evictions += dropped.length;
      }
    }),
    { seed: SEED, numRuns: runs(40) },
  );
  expect(Math.min(evictions, refusals)).toBeGreaterThan(runs(40));
});
