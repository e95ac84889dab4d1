/** Packets that modules hold: when they leave, in which order, and what happens to them meanwhile. Exact. */
import { expect, test } from 'vitest';
import { ACCEPT, STOLEN } from '../../src/modules/api/module.ts';
import type { Handle } from '../../src/modules/api/packet.ts';
import { NF_INET_FORWARD, NF_INET_LOCAL_OUT } from '../../src/packet/batch.ts';
import { deciding, holding, type ModuleInput, ModulesWorld, packet, seeing } from './modules-world.ts';
import { MS, SECOND, shaper, udp } from './world.ts';

const ms = (count: number, each = MS) => Array.from({ length: count }, (_, n) => packet(n * each, n + 1));

/** Holds every packet, and answers by a timer so many milliseconds later. */
function delay(delayMs: number, hooks: ModuleInput['hooks'] = ['postrouting']): ModuleInput {
  return {
    hooks,
    create: (itm) => {
      const queue: { handle: Handle; dueNs: number }[] = [];
      itm.every(1, () => {
        while (queue.length > 0 && queue[0]!.dueNs <= itm.now()) itm.accept(queue.shift()!.handle);
      });
      return {
        process: (p) => {
          queue.push({ handle: p.hold(), dueNs: itm.now() + delayMs * MS });
          return STOLEN;
        },
      };
    },
  };
}

test('held packets leave when the module answers, by its timer', () => {
  const world = new ModulesWorld({ delay: delay(10) });
  world.run(ms(3), 5 * MS);
  expect(world.verdicts()).toEqual([]);
  expect([world.counters('delay').held, world.total('heldPackets')]).toEqual([3, 3]);
  world.run([], SECOND);
  expect(world.verdicts()).toEqual(['1@10', '2@11', '3@12']);
  expect(world.counters('delay')).toMatchObject({ packets: 3, stolen: 3, held: 0, errors: 0 });
});

test('a released packet goes on with the modules behind, and to its classes', () => {
  const seen: string[] = [];
  const spec = shaper({ wan: { up: { rate: 500e3, burst: 500 } } });
  const world = new ModulesWorld(
    {
      before: seeing((p) => seen.push(`before ${p.dport}`), { hooks: ['output'] }),
      delay: delay(10, ['output']),
      behind: seeing(
        (p) => {
          seen.push(`behind ${p.dport}`);
          p.ttl = 9;
        },
        { hooks: ['output'] },
      ),
    },
    spec,
  );
  const local = { hook: NF_INET_LOCAL_OUT };
  world.run([packet(0, 1, local), packet(0, 1, local)], 9 * MS);
  expect(seen).toEqual(['before 5000', 'before 5000']);
  expect(world.engine.stats.sentPackets[0]).toBe(0);
  world.run([], SECOND);
  expect(seen.slice(2)).toEqual(['behind 5000', 'behind 5000']);
  // 500 bytes a millisecond: the second packet waits in its class.
  expect(world.verdicts()).toEqual(['1@10', '2@11']);
  expect(world.port.trace.map(({ payload }) => payload?.[8])).toEqual([9, 9]);
});

test('an answer takes effect where it is given: within process() before its packet, after it behind', () => {
  const swap: ModuleInput = {
    create: (itm) => {
      let held: Handle | null = null;
      let isDue = false;
      return {
        process: (p) => {
          if (held === null) {
            held = p.hold();
            return STOLEN;
          }
          isDue = true;
          return ACCEPT;
        },
        updateClass: () => {
          if (isDue && held !== null) itm.accept(held);
          if (isDue) held = null;
          isDue = false;
        },
      };
    },
  };
  const seen: number[] = [];
  const world = new ModulesWorld({ swap, sees: seeing((p) => seen.push(p.dport)) });
  const to = (dport: number, timeNs = 0) => packet(timeNs, 1, { shape: { ...udp(1), dport } });
  world.run([to(1), to(2), to(3), to(4), to(5), to(6, MS)], SECOND);
  expect(seen).toEqual([2, 1, 4, 3, 6, 5]);
  expect(world.verdicts()).toEqual(['2@0', '1@0', '4@0', '3@0', '6@1', '5@1']);
});

test('held packets can be dropped; a handle is answered once', () => {
  const handles: Handle[] = [];
  let itm: { accept(h: Handle): void; drop(h: Handle): void } | null = null;
  const world = new ModulesWorld({
    m: {
      create: (given) => {
        itm = given;
        return holding((handle) => handles.push(handle)).create(given);
      },
    },
  });
  world.run([packet(0), packet(0), packet(0)], MS);
  itm!.drop(handles[1]!);
  itm!.accept(handles[0]!);
  expect(() => itm!.accept(handles[0]!)).toThrow('answered already');
  for (const wrong of [4711, -1, 2 ** 51, 1.5, Number.NaN, null, '5'])
    expect(() => itm!.drop(wrong as Handle)).toThrow(/ is no held packet: give what hold\(\) has returned/);
  world.run([], 2 * MS);
  expect(world.verdicts()).toEqual(['-2@1', '1@1']);
  expect(() => itm!.accept(handles[1]!)).toThrow('answered already');
  expect(world.counters('m')).toMatchObject({ dropped: 1, stolen: 3, held: 1 });
});

test('a packet that nobody answers is accepted after 30 s, and counts as an error; its answer does nothing', () => {
  const handles: Handle[] = [];
  let accept: (h: Handle) => void = () => {};
  const world = new ModulesWorld({
    m: {
      create: (itm) => {
        accept = itm.accept;
        return holding((handle) => handles.push(handle)).create(itm);
      },
    },
  });
  world.run([packet(0), packet(SECOND)], 32 * SECOND);
  expect(world.verdicts()).toEqual(['1@30000', '2@31000']);
  expect(world.counters('m')).toMatchObject({ errors: 2, held: 0 });
  accept(handles[0]!);
  world.run([], 33 * SECOND);
  expect(() => accept(handles[0]!)).toThrow('answered already');
  // After another 30 s nothing is known of it.
  world.run([], 62 * SECOND);
  expect(() => accept(handles[1]!)).toThrow('answered already');
  expect(world.verdicts()).toHaveLength(2);
  expect(world.counters('m')).toMatchObject({ errors: 2, held: 0, state: 'on' });
});

test('a module that holds 10,000 packets gets an error, and is taken out; all go on', () => {
  const world = new ModulesWorld({ m: holding(() => {}) });
  world.run(
    Array.from({ length: 10_001 }, () => packet(0)),
    SECOND,
  );
  expect(world.ejected[0]?.[1]).toContain('10000 packets');
  expect(world.port.trace).toHaveLength(10_001);
  expect(world.total('heldPackets')).toBe(0);
});

test('a module that goes leaves its packets to those behind it; one that stays keeps what it has', () => {
  const seen: number[] = [];
  const stays = holding(() => {}, { interest: [{ dport: [{ from: 7, to: 7 }] }] });
  const goes = holding(() => {});
  const behind = seeing((p) => seen.push(p.dport));
  const world = new ModulesWorld({ stays, goes, behind });
  world.run(
    [7, 8].map((dport) => packet(0, 1, { shape: { ...udp(1), dport } })),
    MS,
  );
  expect([world.counters('stays').held, world.counters('goes').held]).toEqual([1, 1]);
  world.use({ stays, behind }, MS);
  world.run([], SECOND);
  expect(world.verdicts()).toEqual(['2@1']);
  expect(seen).toEqual([8]);
  expect(world.counters('stays')).toMatchObject({ held: 1, packets: 1 });
  world.use({ behind }, SECOND);
  world.run([], 2 * SECOND);
  expect(world.verdicts()).toEqual(['2@1', '1@1000']);
});

test('the stop accepts what modules hold, with what they have changed', () => {
  const world = new ModulesWorld({
    m: deciding((p) => {
      p.ttl = 3;
      p.hold();
      return STOLEN;
    }),
  });
  world.run(ms(2), 5 * MS);
  world.port.inject([packet(6 * MS)]);
  world.port.nowNs = 6 * MS;
  world.engine.releaseAll(world.port, 6 * MS);
  expect(world.verdicts()).toEqual(['1@6', '2@6', '3@6']);
  expect(world.port.trace.map(({ payload }) => payload?.[8])).toEqual([3, 3, undefined]);
  world.checkBooks();
});

test('a held packet that the kernel has lost is let go, and its answer means nothing', () => {
  const handles: Handle[] = [];
  let accept: (h: Handle) => void = () => {};
  const world = new ModulesWorld({
    m: {
      create: (itm) => {
        accept = (h) => itm.accept(h);
        return holding((handle) => handles.push(handle)).create(itm);
      },
    },
  });
  world.run([packet(0), packet(0, 1, { ifIndexOut: 2 })], MS);
  world.port.forgetHeld();
  const lost = { nfqueue: 1, most: 10, ifIndexes: new Set([2]) };
  expect(world.engine.letGo(world.port, lost, MS)).toBe(1);
  world.run([], 2 * MS);
  expect(world.total('lostPackets')).toBe(1);
  accept(handles[1]!);
  expect(() => accept(handles[1]!)).toThrow('answered already');
  world.run([], 3 * MS);
  expect(world.counters('m')).toMatchObject({ held: 1, errors: 0 });
  expect(world.ejected).toEqual([]);
});

test('a change of classes while modules hold packets', () => {
  const spec = (name: string) =>
    shaper({ wan: { up: { rate: 1e6, burst: 1e6, leaves: [{ name, match: [{ proto: [17] }] }] } } });
  const world = new ModulesWorld({ delay: delay(10, ['forward']) }, spec('one'));
  world.run([packet(0, 1, { hook: NF_INET_FORWARD })], 5 * MS);
  const { modules } = world.engine.told.spec;
  world.engine.reconfigure(world.port, { spec: { ...spec('two'), modules }, renamed: new Map() }, 5 * MS);
  world.run([], SECOND);
  const { stats, classes } = world.engine;
  expect(stats.sentPackets[classes.findIndex(({ path }) => path === 'wan/up/two')]).toBe(1);
  expect(world.verdicts()).toEqual(['1@10']);
});
