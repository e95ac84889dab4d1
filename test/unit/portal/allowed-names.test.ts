import { afterEach, expect, test } from 'vitest';
import { AllowedNames } from '../../../src/portal/allowed-names.ts';

const HOUR_MS = 3_600_000;

class World {
  readonly told: (readonly string[])[] = [];
  readonly warnings: object[] = [];
  answers: Readonly<Record<string, readonly string[]>> = {};
  readonly names = new AllowedNames(
    (addresses) => void this.told.push(addresses),
    (_, fields) => void this.warnings.push(fields),
    async (name) => {
      const found = this.answers[name];
      if (found === undefined) throw new Error('ENOTFOUND');
      return found;
    },
  );
}

let world: World;
afterEach(() => world.names.close());

test('addresses of names are told when they change, and stay for an hour', async () => {
  world = new World();
  world.answers = { a: ['10.0.0.2', '10.0.0.1'] };
  world.names.follow(['a', 'a']);
  await world.names.look(0);
  await world.names.look(60_000);
  expect(world.told).toEqual([['10.0.0.1', '10.0.0.2']]);
  world.answers = { a: ['10.0.0.3', '10.0.0.2'] };
  await world.names.look(120_000);
  expect(world.told.at(-1)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  await world.names.look(HOUR_MS + 120_000);
  expect(world.told.at(-1)).toEqual(['10.0.0.2', '10.0.0.3']);
});

test('a name without an address is told once, and keeps the addresses that it had', async () => {
  world = new World();
  world.answers = { a: ['10.0.0.1'] };
  world.names.follow(['a', 'b']);
  await world.names.look(0);
  world.answers = {};
  await world.names.look(1);
  await world.names.look(2);
  expect(world.told).toEqual([['10.0.0.1']]);
  expect(world.warnings).toEqual([
    { name: 'b', error: 'ENOTFOUND' },
    { name: 'a', error: 'ENOTFOUND' },
  ]);
});

test('names that are not allowed any more take their addresses with them', async () => {
  world = new World();
  world.answers = { a: ['10.0.0.1'], b: ['10.0.0.2'] };
  world.names.follow(['a', 'b']);
  await world.names.look();
  world.names.follow(['b']);
  await world.names.look();
  expect(world.told).toEqual([['10.0.0.1', '10.0.0.2'], ['10.0.0.2']]);
});
