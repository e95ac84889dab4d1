/** Subjects, classes and sockets that change while flows go on. */
import { describe, expect, test } from 'vitest';
import type { SubjectsUpdate } from '../../src/core/subjects/update.ts';
import { FakeSockets, leaves, updateOf } from './subjects-world.ts';
import { MS, SECOND, shaper, World } from './world.ts';

const NOTHING_RENAMED = new Map<string, string>();
const [PROCESS, OTHER] = [1, 2];
const SETS = [[PROCESS], [OTHER]];
const none = (name: string) => ({ name, match: [] });
const specOf = (names: readonly string[], rate = 1e9) =>
  shaper({ wan: { up: { rate, burst: 1000, leaves: names.map(none) } } });
const attached = (subject: number, name: string) => ({ subject, rank: 1, classes: [`wan/up/${name}`] });

function worldOf(names: readonly string[], rate?: number) {
  const sockets = new FakeSockets();
  const world = new World(specOf(names, rate), { sockets });
  const update = (told: SubjectsUpdate): void => world.engine.updateSubjects(told, world.port.nowNs);
  const reload = (to: readonly string[], renamed = NOTHING_RENAMED): void =>
    world.engine.reconfigure(world.port, { spec: specOf(to, rate), renamed }, world.port.nowNs);
  return { sockets, world, update, reload };
}

const sent = (world: World, path: string): number => world.classOf(path).sent;

describe('an update', () => {
  const told = (sockets: readonly (readonly [number, number])[], name = 'a'): SubjectsUpdate =>
    updateOf({ sets: SETS, sockets, attachments: [attached(PROCESS, name), attached(OTHER, 'b')] });

  test('that says the same again, or names sockets that come and go, asks for no flow again', () => {
    const { world, sockets, update } = worldOf(['a', 'b']);
    sockets.byPort.set(1, { uid: 0, inode: 71 });
    sockets.byPort.set(2, { uid: 0, inode: 72 });
    sockets.held.set(72, 1);
    update(told([[71, 0]]));
    world.inject([leaves(0, 1), leaves(0, 2)]);
    world.run(MS);
    expect(sockets.asked).toEqual([1, 2]);
    update(told([[71, 0]]));
    update(
      told([
        [71, 0],
        [72, 1],
      ]),
    );
    update({
      ...told([
        [72, 0],
        [71, 1],
      ]),
      sets: [[OTHER], [PROCESS]],
    });
    update(
      told([
        [71, 0],
        [72, 1],
        [99, 1],
      ]),
    );
    world.inject([leaves(2 * MS, 1), leaves(2 * MS, 2)]);
    world.run(SECOND);
    expect(sockets.asked).toEqual([1, 2]);
    expect(sent(world, 'wan/up/a')).toBe(2);
    expect(sent(world, 'wan/up/b')).toBe(2);
  });

  test('that does not name a socket any more has its flow ask once more: closed, or nobody of ours has it', () => {
    const { world, sockets, update } = worldOf(['a', 'b']);
    sockets.byPort.set(1, { uid: 0, inode: 71 });
    sockets.byPort.set(2, { uid: 0, inode: 72 });
    update(
      told([
        [71, 0],
        [72, 1],
      ]),
    );
    world.inject([leaves(0, 1), leaves(0, 2)]);
    world.run(MS);
    sockets.held.set(72, 1);
    update(told([]));
    update(told([[99, 0]]));
    world.inject([2, 3].flatMap((n) => [leaves(n * MS, 1), leaves(n * MS, 2)]));
    world.run(SECOND);
    expect(sockets.asked).toEqual([1, 2, 1, 2]);
    expect(sent(world, 'wan/up/a')).toBe(1);
    expect(sent(world, 'wan/up/b')).toBe(3);
    expect(sent(world, 'wan/up/default')).toBe(2);
  });

  test('that gives the socket of a known flow to another process moves the flow', () => {
    const { world, sockets, update } = worldOf(['a', 'b']);
    sockets.byPort.set(1, { uid: 0, inode: 71 });
    update(told([]));
    world.inject([leaves(0, 1)]);
    world.run(MS);
    update(told([[71, 1]]));
    world.inject([leaves(2 * MS, 1)]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/default')).toBe(1);
    expect(sent(world, 'wan/up/b')).toBe(1);
  });

  test('that gives a group of a known flow to a subject moves the flow', () => {
    const { world, sockets, update } = worldOf(['a', 'b']);
    sockets.byPort.set(1, { uid: 0, inode: 71, cgroup: [2, 5] });
    update(told([]));
    world.inject([leaves(0, 1)]);
    world.run(MS);
    update({ ...told([]), cgroups: [{ high: 2, low: 5, subjects: [OTHER] }] });
    world.inject([leaves(2 * MS, 1)]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/default')).toBe(1);
    expect(sent(world, 'wan/up/b')).toBe(1);
  });

  test('takes waiting packets along, in their order, and the last detach brings them back', () => {
    const { world, sockets, update } = worldOf(['a', 'b'], 1000);
    sockets.byPort.set(1, { uid: 0, inode: 71 });
    world.inject([
      leaves(0, 9, { lengthBytes: 1000 }),
      ...[1, 2, 3].map((n) => leaves(n * MS, 1)),
      leaves(4 * MS, 2),
    ]);
    world.run(10 * MS);
    expect(world.classOf('wan/up/default').backlog).toBe(4);
    update(told([[71, 0]]));
    expect(world.classOf('wan/up/a').backlog).toBe(3);
    expect(world.classOf('wan/up/default').backlog).toBe(1);
    update(updateOf({}));
    expect(world.classOf('wan/up/a').backlog).toBe(0);
    expect(world.classOf('wan/up/default').backlog).toBe(4);
    world.run(2 * SECOND);
    // Those that have moved stand behind the one that has waited there all the time.
    expect(world.accepted().map(({ id }) => id)).toEqual([1, 5, 2, 3, 4]);
    expect(world.engine.owners.isUsed).toBe(false);
  });

  test('tells the processes to whoever knows sockets, each time', () => {
    const { sockets, update } = worldOf(['a']);
    const processes = { ...told([]).processes, lastPid: 4 };
    update({ ...told([]), processes });
    update({ ...told([]), processes: { ...processes, lastPid: 5 } });
    expect(sockets.tracked.map(({ lastPid }) => lastPid)).toEqual([4, 5]);
  });
});

describe('a reload', () => {
  const start = () => {
    const all = worldOf(['a', 'b']);
    all.sockets.byPort.set(1, { uid: 0, inode: 71 });
    all.update(updateOf({ sets: SETS, sockets: [[71, 0]], attachments: [attached(PROCESS, 'a')] }));
    all.world.inject([leaves(0, 1)]);
    all.world.run(MS);
    return all;
  };

  test('that renames or moves a class takes its attachments along', () => {
    const { world, reload } = start();
    reload(['b', 'z'], new Map([['wan/up/z', 'wan/up/a']]));
    world.inject([leaves(2 * MS, 1)]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/z')).toBe(2);
  });

  test('that removes a class ends its attachments, also if a class of that name comes again', () => {
    const { world, reload } = start();
    reload(['b']);
    reload(['a', 'b']);
    world.inject([leaves(2 * MS, 1)]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/a')).toBe(0);
    expect(sent(world, 'wan/up/default')).toBe(1);
  });

  test('that brings the class for which an attachment was told gives it its packets', () => {
    const { world, update, reload } = start();
    update(updateOf({ sets: SETS, sockets: [[71, 0]], attachments: [attached(PROCESS, 'new')] }));
    world.inject([leaves(2 * MS, 1)]);
    world.run(3 * MS);
    reload(['a', 'b', 'new']);
    world.inject([leaves(4 * MS, 1)]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/default')).toBe(1);
    expect(sent(world, 'wan/up/new')).toBe(1);
  });

  test('brings waiting packets of an ended attachment to where the matchers send them', () => {
    const { world, sockets, update, reload } = worldOf(['a', 'b'], 1000);
    sockets.byPort.set(1, { uid: 0, inode: 71 });
    update(updateOf({ sets: SETS, sockets: [[71, 0]], attachments: [attached(PROCESS, 'a')] }));
    world.inject([leaves(0, 9, { lengthBytes: 1000 }), ...[1, 2, 3].map((n) => leaves(n * MS, 1))]);
    world.run(10 * MS);
    expect(world.classOf('wan/up/a').backlog).toBe(3);
    reload(['b']);
    expect(world.classOf('wan/up/default').backlog).toBe(3);
    expect(sockets.asked).toEqual([9, 1]);
  });
});
