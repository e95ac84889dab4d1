import { expect, test } from 'vitest';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { Backlog } from '../../../../src/core/packets/backlog.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { createStats } from '../../../../src/core/packets/stats.ts';
import { Available } from '../../../../src/core/tree/available.ts';
import { ARRIVAL_ROWS } from '../../../../src/limits.ts';
import { type ClassInput, MS, SECOND, shaper } from '../../../sim/world.ts';

const LINE = 1000;
const pace = { activeBytesPerSec: 2000, ageNs: SECOND, delayNs: 100 * MS };

/** A tree of which a test says what waits, what is sent, and who has active connections. */
function setUp(leaves: readonly ClassInput[]) {
  const classes = listClasses(shaper({ wan: { up: { rate: LINE, burst: 1, leaves } } }));
  const stats = createStats(classes.length);
  const ceil = Float64Array.from(classes, ({ spec }) => spec.ceilBytesPerSec);
  const rates = { use: new Float64Array(classes.length), ceil };
  const available = new Available(classes, rates, new Backlog(stats, new HeldTable(ARRIVAL_ROWS + 1, 1)));
  const row = (name: string): number => classes.findIndex(({ path }) => path === `wan/up/${name}`);
  const active = new Int32Array(classes.length);
  return {
    classes,
    available,
    active,
    row,
    sends: (name: string, bytesPerSec: number) => (rates.use[row(name)] = bytesPerSec),
    waits: (name: string, packets: number) => (stats.backlogPackets[row(name)] = packets),
    moves: (name: string, bytesPerSec: number) => (ceil[row(name)] = bytesPerSec),
    connects: (name: string, connections: number) => (active[row(name)] = connections),
    look: (times = 1) => {
      for (let n = 0; n < times; n++) available.look(active);
    },
    of: (name: string) => available.bytesPerSec(row(name)),
  };
}

test('a paced class may have what the others do not use', () => {
  const world = setUp([{ name: 'web', pace }, { name: 'mail' }]);
  world.connects('web', 2);
  world.sends('mail', 300);
  world.look();
  expect(world.of('web')).toBe(700);
});

test('a class with packets at three of four looks wants all, one with a packet now and then does not', () => {
  const world = setUp([{ name: 'web', pace }, { name: 'mail' }]);
  world.connects('web', 2);
  world.sends('mail', 300);
  world.waits('mail', 1);
  world.look(2);
  expect(world.of('web')).toBe(700);
  world.look();
  expect(world.of('web')).toBe(500);
  world.waits('mail', 0);
  world.look();
  expect(world.of('web'), 'three of the last four').toBe(500);
  world.look();
  expect(world.of('web')).toBe(700);
});

test('guarantees come first, then priority, then weight; a ceiling of now bounds', () => {
  const world = setUp([
    { name: 'web', pace, rate: 200, weight: 3 },
    { name: 'mail', pace },
    { name: 'last', pace, priority: 7, rate: 50 },
  ]);
  for (const name of ['web', 'mail', 'last']) world.connects(name, 1);
  world.look();
  // Of the 750 that nobody is guaranteed three quarters.
  expect(['web', 'mail', 'last'].map(world.of)).toEqual([762.5, 187.5, 50]);
  world.moves('web', 400);
  world.look();
  expect(['web', 'mail', 'last'].map(world.of)).toEqual([400, 550, 50]);
});

test('a class without active connections takes what it sends from others, and may have what it could', () => {
  const world = setUp([
    { name: 'web', pace },
    { name: 'mail', pace },
  ]);
  world.connects('web', 1);
  world.sends('mail', 100);
  world.look();
  expect([world.of('web'), world.of('mail')]).toEqual([900, 500]);
  world.look();
  expect([world.of('web'), world.of('mail')], 'the question changed nothing').toEqual([900, 500]);
});

test('idle classes are solved for in turn: before that they have their ceilings of now, then what was found', () => {
  const names = Array.from({ length: 9 }, (_, n) => `p${n}`);
  const world = setUp([...names.map((name) => ({ name, pace, ceil: 800 })), { name: 'busy' }]);
  world.waits('busy', 1);
  world.sends('busy', 400);
  world.moves('p8', 550);
  expect(names.map(world.of)).toEqual([...Array(8).fill(800), 550]);
  world.look();
  expect(names.map(world.of)).toEqual([...Array(4).fill(600), ...Array(4).fill(800), 550]);
  world.look(2);
  expect(names.map(world.of), 'what is found stays until its turn comes').toEqual([
    ...[500, 500, 500, 600, 600, 600, 600, 600, 500],
  ]);
});

test('of a paced inner class the leaves that send ask, and its nested paced classes have their own', () => {
  const world = setUp([
    {
      name: 'flat',
      pace,
      ceil: 600,
      classes: [{ name: 'tcp' }, { name: 'udp' }, { name: 'mail', pace, ceil: 100 }],
    },
  ]);
  world.connects('flat', 3);
  world.look();
  expect(world.of('flat'), 'nothing sends: any leaf may').toBe(600);
  world.sends('flat/tcp', 10);
  world.connects('flat/mail', 1);
  world.look();
  expect([world.of('flat'), world.of('flat/mail')]).toEqual([500, 100]);
});

test('after a change it says what it said before, for a new class what that could have', () => {
  const [before, after] = [
    setUp([{ name: 'web', pace }, { name: 'mail' }]),
    setUp([{ name: 'new', pace }, { name: 'web', pace }, { name: 'mail' }]),
  ];
  before.connects('web', 1);
  before.waits('mail', 1);
  before.look(4);
  const oldRow = Int32Array.from(after.classes, ({ path }) =>
    before.classes.findIndex((was) => was.path === path),
  );
  after.available.inherit(before.available, { oldRow } as never);
  expect([after.of('web'), after.of('new'), after.of('mail')]).toEqual([500, 1000, 1000]);
  after.connects('web', 1);
  after.waits('mail', 1);
  after.look();
  expect(after.of('web')).toBe(500);
});
