import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyTable } from '../../../src/base/key-table.ts';
import { NONE } from '../../../src/base/none.ts';

const SEED = 50;
const ROWS = 16;
const WORDS = 3;
const FIELDS = 4;

type Key = readonly [number, number, number];
const keyOf = (n: number): Key => [n % 3, n, -2 + (n % 2)];

/** A table with its slow twin: a map from the key's text to its row. */
class Twins {
  readonly table = new KeyTable(ROWS, WORDS, FIELDS, 1, 2);
  readonly model = new Map<number, number>();
  private readonly hashOf: (n: number) => number;

  constructor(hashOf: (n: number) => number) {
    this.hashOf = hashOf;
  }

  /** Index of the last field of a row's record. */
  private fieldOf(row: number): number {
    return row + WORDS + FIELDS;
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
    expect(row).toBeLessThan(this.table.words.length);
    expect(row % this.table.stride).toBe(0);
    expect([...this.model.values()], 'a row belongs to one key').not.toContain(row);
    this.model.set(n, row);
    this.table.words[this.fieldOf(row)] = n;
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
    const { words, stride } = this.table;
    expect(this.table.highWater).toBeGreaterThanOrEqual(this.model.size * stride);
    const stored = [...this.model.values()].map((row) => [...words.subarray(row, row + WORDS)]);
    expect(stored).toEqual([...this.model.keys()].map(keyOf));
    const rows = [...this.model.values()];
    const fields = rows.map((row) => words[this.fieldOf(row)]);
    expect(fields, 'fields stay with their row').toEqual([...this.model.keys()]);
    const all = Array.from({ length: ROWS }, (_, n) => n * stride);
    expect(all.filter((row) => this.table.isUsed(row))).toEqual(all.filter((row) => rows.includes(row)));
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
  const table = new KeyTable(256, 2, 0, 3, 4);
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

test('a remembered row is told stale: another key has it, or none', () => {
  const twins = new Twins((n) => n);
  twins.insert(1);
  const row = twins.model.get(1)!;
  twins.table.key.set(keyOf(1));
  expect(twins.table.isAt(row)).toBe(true);
  twins.remove(1);
  twins.table.key.set(keyOf(1));
  expect(twins.table.isAt(row)).toBe(false);
  twins.insert(2);
  expect(twins.model.get(2)).toBe(row);
  twins.table.key.set(keyOf(1));
  expect(twins.table.isAt(row)).toBe(false);
});

test('records do not straddle cache lines of 64 bytes', () => {
  for (const [keyWords, fieldWords] of [
    [3, 4],
    [6, 5],
    [10, 13],
    [10, 5],
  ]) {
    const { stride, shift } = new KeyTable(4, keyWords, fieldWords, 1, 2);
    expect(stride).toBe(2 ** shift);
    expect(stride).toBeGreaterThan(keyWords + fieldWords);
    expect(Math.max(stride, 16) % Math.min(stride, 16)).toBe(0);
  }
});

test('rows that were given back are handed out before new ones', () => {
  const twins = new Twins((n) => n);
  for (const n of [1, 2, 3]) twins.insert(n);
  twins.remove(2);
  twins.insert(4);
  expect(twins.table.highWater).toBe(3 * twins.table.stride);
  twins.check(8);
});
