/** The invariants of src/algo/quota/counter.ts. */
import { expect, test } from 'vitest';
import { type CounterBits, counterDelta } from '../../src/algo/quota/counter.ts';
import { Prng } from '../../src/base/prng.ts';
import { runs } from '../effort.ts';

const SEED = Number(process.env.SEED ?? 32);
const STEPS = runs(400_000);
const HEARTBEAT_NS = 600e9;
const UNBOUNDED = Number.POSITIVE_INFINITY;

/** Readings of one counter that counts what it is told to. */
class Meter {
  readonly #modulus: bigint;
  #value: bigint;

  constructor(bits: 32 | 64, start: bigint) {
    this.#modulus = 2n ** BigInt(bits);
    this.#value = start % this.#modulus;
  }

  get reading(): bigint {
    return this.#value;
  }

  count(bytes: bigint): void {
    this.#value = (this.#value + bytes) % this.#modulus;
  }
}

const wide = (chance: Prng): bigint => (BigInt(chance.nextUint32()) << 32n) | BigInt(chance.nextUint32());

test.each<[32 | 64, CounterBits]>([
  [32, 32],
  [32, 'auto'],
  [64, 64],
])('a counter of %d bits, read as %s, loses and invents nothing', (bits, declared) => {
  const chance = new Prng(SEED);
  const meter = new Meter(bits, wide(chance));
  const params = { bits: declared, heartbeatNs: HEARTBEAT_NS, bytesPerSecMax: UNBOUNDED };
  let wraps = 0;
  for (let n = 0; n < STEPS; n++) {
    const before = meter.reading;
    // Less than one turn, else a reading cannot tell.
    const bytes = bits === 32 ? BigInt(chance.nextUint32()) : wide(chance);
    meter.count(bytes);
    if (meter.reading < before) wraps++;
    const delta = counterDelta(before, meter.reading, 1e9 * (1 + (n % 600)), params);
    if (delta !== bytes) expect.fail(`step ${n}: ${before} to ${meter.reading} is ${bytes}, told ${delta}`);
  }
  expect(wraps).toBeGreaterThan(STEPS / 4);
});

test('a reset is unknown, or no more than the greatest rate allows', () => {
  const chance = new Prng(SEED + 1);
  const bytesPerSecMax = 125e6 * 1.1;
  let unknown = 0;
  for (let n = 0; n < STEPS; n++) {
    const bits = ([32, 64, 'auto'] as const)[n % 3];
    const before =
      bits === 32 ? BigInt(chance.nextUint32()) : wide(chance) >> BigInt(chance.nextUint32() % 40);
    const after = BigInt(chance.nextUint32() % 1000);
    const elapsedNs = 1e9 * (1 + (chance.nextUint32() % 60));
    const delta = counterDelta(before, after, elapsedNs, { bits, heartbeatNs: HEARTBEAT_NS, bytesPerSecMax });
    if (delta === null) unknown++;
    else if (Number(delta) > (bytesPerSecMax * elapsedNs) / 1e9) expect.fail(`step ${n}: ${delta}`);
  }
  expect(unknown).toBeGreaterThan(STEPS / 2);
});
