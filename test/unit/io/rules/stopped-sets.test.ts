import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RulesError } from '../../../../src/io/rules/errors.ts';
import type { NftSession } from '../../../../src/io/rules/nft-session.ts';
import { StoppedSets } from '../../../../src/io/rules/stopped-sets.ts';

/** A table as nft would have it: it refuses to delete what is not there. */
class PretendedTable {
  readonly sets: Record<string, string[]> = {
    stopped4: [],
    stopped6: [],
    allowed_names4: [],
    allowed_names6: [],
  };
  runs = 0;
  refuses = false;
  isThere = true;

  readonly session = {
    run: async (_: string, lines: readonly string[]): Promise<string> => {
      this.runs++;
      if (this.refuses) throw new RulesError('failed', 'nft is busy');
      for (const line of lines) this.apply(line);
      return '';
    },
  } as unknown as NftSession;

  private apply(line: string): void {
    const [, verb, set = '', elements = ''] =
      /^(flush|add|delete) (?:set|element) inet shaper_7 (\w+)(?: \{ (.*) \})?$/.exec(line) ?? [];
    const addresses = elements.split(', ');
    const had = this.sets[set]!;
    if (verb === 'flush') this.sets[set] = [];
    else if (verb === 'add') this.sets[set] = [...had, ...addresses];
    else {
      expect(had).toEqual(expect.arrayContaining(addresses));
      this.sets[set] = had.filter((address) => !addresses.includes(address));
    }
  }
}

let table: PretendedTable;
let sets: StoppedSets;
let warnings: string[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  table = new PretendedTable();
  warnings = [];
  sets = new StoppedSets({
    first: 7,
    log: { warn: (message) => void warnings.push(message) },
    session: () => (table.isThere ? table.session : null),
  });
});
afterEach(() => {
  sets.close();
  vi.useRealTimers();
});
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

it('the sets become what was asked for, each family by itself, and the rest is left out', async () => {
  sets.set('stopped', [
    '10.0.0.7',
    'fd00::7',
    'nonsense',
    '10.0.0.300',
    '10.0.0.0/8',
    '10.0.0.7; flush ruleset',
  ]);
  sets.set('allowed_names', ['10.0.0.1']);
  await pass(0);
  expect(table.sets).toEqual({
    ...{ stopped4: ['10.0.0.7'], stopped6: ['fd00::7'], allowed_names4: ['10.0.0.1'], allowed_names6: [] },
  });
  expect(table.runs).toBe(1);
  sets.set('stopped', ['10.0.0.7', '10.0.0.8']);
  await pass(250);
  expect(table.sets).toMatchObject({ stopped4: ['10.0.0.7', '10.0.0.8'], stopped6: [] });
  sets.set('stopped', ['10.0.0.8']);
  await pass(250);
  expect(table.sets.stopped4).toEqual(['10.0.0.8']);
});

it('a stream of changes is a few transactions a second', async () => {
  for (let i = 0; i < 100; i++) {
    sets.set('stopped', [`10.0.0.${i}`]);
    await pass(10);
  }
  await pass(250);
  expect(table.runs).toBeLessThanOrEqual(6);
  expect(table.sets.stopped4).toEqual(['10.0.0.99']);
  const before = table.runs;
  sets.set('stopped', ['10.0.0.99']);
  await pass(1000);
  expect(table.runs).toBe(before);
});

it('what is refused is tried again as a whole, and told once', async () => {
  sets.set('stopped', ['10.0.0.7']);
  await pass(0);
  table.refuses = true;
  sets.set('stopped', ['10.0.0.8']);
  await pass(7000);
  expect(warnings).toEqual(['hosts are not stopped, or not released']);
  table.refuses = false;
  table.sets.stopped4 = ['10.0.0.7', '10.0.0.8'];
  await pass(2000);
  expect(table.sets.stopped4).toEqual(['10.0.0.8']);
});

it('sets that were made anew are filled again', async () => {
  sets.set('stopped', ['10.0.0.7']);
  await pass(0);
  table.isThere = false;
  table.sets.stopped4 = [];
  sets.set('stopped', ['10.0.0.7', '10.0.0.8']);
  await pass(1000);
  expect(table.runs).toBe(1);
  table.isThere = true;
  sets.refill();
  await pass(250);
  expect(table.sets.stopped4).toEqual(['10.0.0.7', '10.0.0.8']);
});
