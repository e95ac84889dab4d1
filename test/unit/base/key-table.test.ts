import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyTable } from '../../../src/base/key-table.ts';
import { NONE } from '../../../src/base/none.ts';

const SEED = 50;
const ROWS = 16;
const WORDS = 3;

type Key = readonly [number, number, number];
const keyOf = (n: number): Key => [n % 3, n, 0xfffffff0 + (n % 2)];

/** A table with its slow twin: a map from the key's text to its row. */
class Twins {
  readonly table = new KeyTable(ROWS, WORDS, 1, 2);
  readonly model = new Map<number, number>();
  private readonly hashOf: (n: number) => number;

  constructor(hashOf: (n: number) => number) {
    this.hashOf = hashOf;
  }

  find(n: number): number {
    this.table.key.set(keyOf(n));
    return this.table.find(this.hashOf(n));
  }

  insert(n: number): void {
    if (this.model.has(n)) return;
    this.table.key.set(keyOf(n));
    const row = this.table.insert(this.hashOf(n));
    if (this.model.size === ROWS) {
      expect(row, 'a full table has no row').toBe(NONE);
      return;
    }
    expect(row).toBeLessThan(ROWS);
    expect([...this.model.values()], 'a row belongs to one key').not.toContain(row);
    this.model.set(n, row);
  }

  remove(n: number): void {
    const row = this.model.get(n);
    if (row === undefined) return;
    this.table.remove(row);
    this.model.delete(n);
  }

  check(keys: number): void {
    const found = Array.from({ length: keys }, (_, n) => this.find(n));
    const expected = Array.from({ length: keys }, (_, n) => this.model.get(n) ?? NONE);
    expect([this.table.size, ...found]).toEqual([this.model.size, ...expected]);
    expect(this.table.highWater).toBeGreaterThanOrEqual(this.model.size);
    const stored = [...this.model.values()].map((row) => [
      ...this.table.keys.subarray(row * WORDS, (row + 1) * WORDS),
    ]);
    expect(stored).toEqual([...this.model.keys()].map(keyOf));
  }
}

const KEYS = 40;
const steps = fc.array(fc.tuple(fc.constantFrom('insert', 'insert', 'remove'), fc.nat(KEYS - 1)), {
  maxLength: 80,
});

/** Slots are the low five bits of the hash: the last slots wrap round to the first. */
const HASHES: readonly (readonly [string, (n: number) => number])[] = [
  ['all in one slot, hashes equal', () => 7],
  ['all in one slot, hashes different', (n) => (n << 8) | 7],
  ['two neighbouring slots', (n) => (n << 8) | (n & 1)],
  ['the last slots, so that runs wrap round', (n) => ((n << 8) | (30 + (n & 1))) >>> 0],
  ['every third slot, so that runs meet', (n) => ((n << 8) | ((3 * n) % 32)) >>> 0],
  ['hashes with the top bit set', (n) => (0x80000000 | (n * 0x9e3779b1)) >>> 0],
];

test.each(HASHES)('finds what is in and nothing else after any steps: %s', (_, hashOf) => {
  fc.assert(
    fc.property(steps, (list) => {
      const twins = new Twins(hashOf);
      for (const [what, n] of list) {
        twins[what as 'insert' | 'remove'](n);
        twins.check(KEYS);
      }
    }),
    { seed: SEED, numRuns: 60 },
  );
});

test('with its own hash it agrees with a map over many thousand steps', () => {
  const table = new KeyTable(256, 2, 3, 4);
  const model = new Map<number, number>();
  let state = SEED;
  const next = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  for (let i = 0; i < 20_000; i++) {
    const n = next(400);
    table.key.set([n, 5]);
    const hash = table.hash(2);
    const known = model.get(n);
    if (table.find(hash) !== (known ?? NONE)) expect.fail(`step ${i}: key ${n} found where it is not`);
    if (known !== undefined) {
      table.remove(known);
      model.delete(n);
    } else {
      const row = table.insert(hash);
      if (model.size < 256) model.set(n, row);
      else expect(row).toBe(NONE);
    }
  }
  expect(table.size).toBe(model.size);
});

test('rows that were given back are handed out before new ones', () => {
  const twins = new Twins((n) => n);
  for (const n of [1, 2, 3]) twins.insert(n);
  twins.remove(2);
  twins.insert(4);
  expect(twins.table.highWater).toBe(3);
  twins.check(8);
});
