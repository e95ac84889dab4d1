/**
 * The book of quotas against a twin that keeps every event: with stops, kills, jumps of the wall clock,
 * restarts of the machine, counters that wrap, and gaps longer than any window.
 */
import { expect, test } from 'vitest';
import { counterDelta } from '../../src/algo/quota/counter.ts';
import { bucketWidthNs } from '../../src/algo/quota/sliding-sum.ts';
import { NONE } from '../../src/base/none.ts';
import { Prng } from '../../src/base/prng.ts';
import { QuotaBook } from '../../src/quotas/book.ts';
import { type ClockReading, QuotaClock } from '../../src/quotas/quota-clock.ts';
import { runs } from '../effort.ts';
import { SlowBook } from '../oracle/quota-book.ts';
import { NO_RATES, quotaSpec, windowSpec } from '../oracle/quota-spec.ts';
import { FakeQuotaStore } from '../oracle/quota-store.ts';

const SEED = Number(process.env.SEED ?? 330);
const STEPS = runs(1_000_000);
const HOSTS = 5;
const KB = 1000;
const DAY_MS = 86_400_000;

const QUOTAS = [
  quotaSpec(
    'seconds',
    [
      windowSpec(5e9, { upBytes: 500 * KB, downBytes: 900 * KB }),
      windowSpec(60e9, { upBytes: 2000 * KB, totalBytes: 6000 * KB }),
    ],
    { warnShare: 0.8, isBlocking: true },
  ),
  quotaSpec(
    'hours',
    [windowSpec(60e9, { downBytes: 3000 * KB }), windowSpec(14_400e9, { totalBytes: 100_000 * KB })],
    { warnShare: 0.5, releaseShare: 0.7, isBlocking: true },
  ),
];

const idOf = (host: number): string => `host-${host}`;

/** A machine with a clock since boot and a wall clock, the book, its store, and the twin of each. */
class Machine {
  book!: QuotaBook;
  slow = new SlowBook(QUOTAS, bucketWidthNs);
  readonly chance: Prng;
  #clock!: QuotaClock;
  #reading: ClockReading = { bootMs: 1000, bootId: 'boot-0', wallMs: 1.8e12 };
  readonly #store = new FakeQuotaStore();
  #slowStored = new SlowBook(QUOTAS, bucketWidthNs);
  /** Counters of 32 bits, somewhere else, one each host. */
  readonly #meters = Array.from({ length: HOSTS }, (_, n) => BigInt(2 ** 32 - 1 - n * 1000));
  restarts = 0;

  constructor(seed: number) {
    this.chance = new Prng(seed);
    this.#start();
  }

  below(limit: number): number {
    return Math.floor(this.chance.nextUnit() * limit);
  }

  get nowNs(): number {
    return this.#clock.quotaNs(this.#reading.bootMs);
  }

  step(): number {
    const host = this.below(HOSTS);
    const kind = this.below(2000);
    if (kind < 2) this.#flush();
    else if (kind < 4) this.#restart();
    else if (kind < 8) this.#reading = { ...this.#reading, wallMs: this.below(4e12) };
    else if (kind < 10) this.#grant(host);
    else if (kind < 12) this.#reset(host);
    else if (kind < 14) this.#merge(host, this.below(HOSTS));
    else if (kind < 16) this.book.forgetIdle();
    else if (kind < 900) this.#pass(this.#gapMs());
    else this.#count(host);
    this.book.advance(this.nowNs);
    this.slow.judge(HOSTS, this.nowNs);
    return host;
  }

  /** Mostly ticks; a window of seconds, a minute, or longer than all. */
  #gapMs(): number {
    const kind = this.below(1000);
    if (kind < 2) return this.below(2 * DAY_MS);
    if (kind < 20) return this.below(120_000);
    if (kind < 100) return this.below(10_000);
    return this.below(500);
  }

  #pass(ms: number): void {
    this.#reading = {
      ...this.#reading,
      bootMs: this.#reading.bootMs + ms,
      wallMs: this.#reading.wallMs + ms,
    };
  }

  /** The bytes come as a counter that wraps. */
  #count(host: number): void {
    const bytes = this.below(4) === 0 ? this.below(2_000 * KB) : this.below(20 * KB);
    const before = this.#meters[host];
    this.#meters[host] = (before + BigInt(bytes)) % 2n ** 32n;
    const params = { bits: 32, heartbeatNs: 1e18, bytesPerSecMax: Number.POSITIVE_INFINITY } as const;
    const delta = Number(counterDelta(before, this.#meters[host], 1e9, params));
    const up = this.below(delta + 1);
    this.book.count(this.book.rowOf(idOf(host)), up, delta - up, this.nowNs);
    this.slow.count(host, up, bytes - up, this.nowNs);
  }

  #grant(host: number): void {
    const quota = [null, 'seconds', 'hours'][this.below(3)];
    const untilNs = this.below(2) === 0 ? null : this.nowNs + this.below(200_000) * 1e6;
    const bytes = this.below(1000 * KB);
    this.book.grant(idOf(host), bytes, quota, untilNs);
    this.slow.grant(host, bytes, quota, this.nowNs, untilNs);
  }

  #reset(host: number): void {
    this.book.reset(idOf(host));
    this.slow.reset(host);
  }

  #merge(from: number, into: number): void {
    if (from === into || this.book.find(idOf(from)) === NONE) return;
    this.book.merge(idOf(from), idOf(into));
    this.slow.merge(from, into);
  }

  #flush(): void {
    this.#store.write(this.book.takeChanges(this.#clock.stored(this.#reading)));
    this.#slowStored = this.slow.copy();
  }

  /** A stop, or a kill, which loses what was not flushed; of the program or of the machine. */
  #restart(): void {
    if (this.below(2) === 0) this.#flush();
    const { clock } = this.#store.stored();
    const isReboot = this.below(2) === 0;
    const stoppedMs = this.below(300_000);
    this.restarts++;
    if (isReboot) {
      // The wall clock goes on; sometimes it was set back to 1970, and no time seems to have passed.
      const hasLostTime = this.below(3) === 0;
      const at = hasLostTime ? this.below(1000) : this.#reading.wallMs + stoppedMs;
      this.#reading = { bootMs: this.below(5000), bootId: `boot-${this.restarts}`, wallMs: at };
    } else this.#pass(stoppedMs);
    this.slow = this.#slowStored.copy();
    this.#start();
    if (clock === null) return;
    const { bootId, bootMs, wallMs } = this.#reading;
    const stopMs = bootId === clock.bootId ? bootMs - clock.bootMs : Math.max(0, wallMs - clock.wallMs);
    expect(this.nowNs).toBe((clock.quotaMs + stopMs) * 1e6);
  }

  #start(): void {
    const stored = this.#store.stored();
    this.#clock = new QuotaClock(stored.clock, this.#reading);
    this.book = new QuotaBook({ quotas: QUOTAS, rates: NO_RATES, holdsFor: () => true }, this.nowNs);
    this.book.load(stored);
  }
}

test('sums, limits and states are those of a list of all events', () => {
  const machine = new Machine(SEED);
  const seen = new Map<string, number>();
  for (let n = 0; n < STEPS / 20; n++) {
    const host = machine.step();
    const row = machine.book.find(idOf(host));
    const wanted = machine.slow.standings(host, machine.nowNs);
    const found = row === NONE ? null : machine.book.standingsOf(row);
    for (const [i, want] of wanted.entries()) {
      const got = found?.[i] ?? { usedBytes: 0, limitBytes: want.limitBytes, state: 'ok' };
      const isSame =
        got.usedBytes === want.usedBytes && got.limitBytes === want.limitBytes && got.state === want.state;
      if (!isSame) expect.fail(`step ${n}, limit ${i}: ${JSON.stringify({ want, got })}`);
      seen.set(want.state, (seen.get(want.state) ?? 0) + 1);
    }
    const isExceeded = wanted.some(({ state }) => state === 'exceeded');
    if (row !== NONE && (machine.book.limitOf(row).kind === 'block') !== isExceeded) {
      expect.fail(`step ${n}: ${machine.book.limitOf(row).kind}, though exceeded: ${isExceeded}`);
    }
  }
  expect(machine.restarts).toBeGreaterThan(STEPS / 40_000);
  for (const state of ['ok', 'warned', 'exceeded']) expect(seen.get(state)).toBeGreaterThan(STEPS / 1000);
});
