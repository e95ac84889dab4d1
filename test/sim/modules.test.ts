/** Modules in virtual time: order, decisions, holds, errors. Exact. */
import { expect, test } from 'vitest';
import { ACCEPT, DROP, type PacketClass, STOLEN, type Verdict } from '../../src/modules/api/module.ts';
import type { Handle, Packet } from '../../src/modules/api/packet.ts';
import { NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_PRE_ROUTING } from '../../src/packet/batch.ts';
import { IPPROTO_TCP } from '../../src/packet/tcp-header.ts';
import { deciding, holding, type ModuleInput, ModulesWorld, PLAIN, packet, seeing } from './modules-world.ts';
import { MS, SECOND, shaper, udp } from './world.ts';

const ms = (count: number, each = MS) => Array.from({ length: count }, (_, n) => packet(n * each, n + 1));

test('the five functions are called in their order, for every packet', () => {
  const calls: string[] = [];
  const world = new ModulesWorld({
    m: {
      create: () => ({
        classify: (p) => {
          calls.push(`classify ${p.length}`);
          return p.length > 600 ? 0 : 7;
        },
        log: () => void calls.push('log'),
        process: (_, cls: PacketClass) => {
          calls.push(`process ${cls}`);
          return ACCEPT;
        },
        updateClass: () => void calls.push('updateClass'),
        updateController: () => void calls.push('updateController'),
      }),
    },
  });
  world.run([packet(0), packet(0, 2, { lengthBytes: 700 })], SECOND);
  expect(calls).toEqual([
    ...['classify 500', 'log', 'process 7', 'updateClass', 'updateController'],
    // Class 0 is not processed.
    ...['classify 700', 'log', 'updateClass', 'updateController'],
  ]);
  expect(world.verdicts()).toEqual(['1@0', '2@0']);
});

test('a packet that a module has dropped is seen by no later one', () => {
  const seen: number[] = [];
  const world = new ModulesWorld({
    first: deciding((p) => (p.dport % 2 === 0 ? DROP : ACCEPT)),
    second: seeing((p) => seen.push(p.dport)),
  });
  const to = (dport: number) => packet(0, 1, { shape: { ...udp(1), dport } });
  world.run([to(1), to(2), to(3), to(4)], SECOND);
  expect(seen).toEqual([1, 3]);
  expect(world.verdicts().sort()).toEqual(['-2@0', '-4@0', '1@0', '3@0']);
  expect(world.counters('first')).toMatchObject({ packets: 4, dropped: 2 });
  expect([world.total('droppedPackets'), world.total('modulePackets')]).toEqual([2, 2]);
});

test('a later module and the classes see what an earlier one has made of the packet', () => {
  const seen: number[] = [];
  const spec = shaper({
    wan: { up: { rate: 1e9, burst: 1e6, leaves: [{ name: 'fast', match: [{ dscp: [46] }] }] } },
  });
  const world = new ModulesWorld(
    {
      first: deciding(
        (p) => {
          p.dscp = 46;
          return ACCEPT;
        },
        { hooks: ['forward'] },
      ),
      second: seeing((p) => seen.push(p.dscp), { hooks: ['forward'] }),
    },
    spec,
  );
  world.run([packet(0, 1, { hook: NF_INET_FORWARD })], SECOND);
  expect(seen).toEqual([46]);
  const { stats, classes } = world.engine;
  expect(stats.sentPackets[classes.findIndex(({ path }) => path === 'wan/up/fast')]).toBe(1);
  expect(world.port.trace[0]?.payload?.[1]).toBe(46 << 2);
});

test('hooks and interests decide who sees a packet; a packet of two hooks is charged once', () => {
  const seen: string[] = [];
  const sees = (name: string) => (p: Packet) => seen.push(`${name} ${p.hook} ${p.dport}`);
  const world = new ModulesWorld({
    all: seeing(sees('all'), { hooks: ['prerouting', 'forward', 'postrouting'] }),
    tcp: seeing(sees('tcp'), { hooks: ['forward'], interest: [{ proto: [IPPROTO_TCP] }] }),
    dev: seeing(sees('dev'), { hooks: ['postrouting'], interest: [{ oif: ['dev1'] }] }),
    other: seeing(sees('other'), { hooks: ['postrouting'], interest: [{ oif: ['dev2'] }] }),
  });
  const tcp = { shape: { ...udp(1), protocol: IPPROTO_TCP, dport: 80 } };
  world.run(
    [
      packet(0, 1, { ...tcp, hook: NF_INET_PRE_ROUTING, ifIndexOut: 0, ifIndexIn: 2 }),
      packet(MS, 1, { ...tcp, hook: NF_INET_FORWARD, ifIndexIn: 2 }),
      packet(2 * MS, 1, { ...tcp, ifIndexIn: 2 }),
    ],
    SECOND,
  );
  expect(seen).toEqual([
    'all prerouting 80',
    'all forward 80',
    'tcp forward 80',
    'all postrouting 80',
    'dev postrouting 80',
  ]);
  const { stats, classes } = world.engine;
  const root = classes.findIndex(({ path }) => path === 'wan/up/default');
  expect([stats.sentPackets[root], stats.sentBytes[root]]).toEqual([1, 500]);
  // Prerouting and postrouting have no classes, no flows, and nothing unmatched.
  expect([world.total('unmatchedPackets'), world.engine.flows.size]).toEqual([0, 1]);
});

test('packets of other NFQUEUEs pass by modules, in their places', () => {
  const seen: number[] = [];
  const world = new ModulesWorld({
    m: seeing((p) => seen.push(p.dport), { hooks: ['forward'] }),
  });
  const at = (nfqueue: number, dport: number) =>
    packet(0, 1, { nfqueue, hook: NF_INET_FORWARD, shape: { ...udp(1), dport } });
  world.run([at(0, 1), at(1, 2), at(0, 3), at(1, 4)], SECOND);
  expect(seen).toEqual([2, 4]);
  expect(world.port.trace).toHaveLength(4);
});

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
  expect(() => itm!.drop(4711 as Handle)).toThrow('answered already');
  world.run([], 2 * MS);
  expect(world.verdicts()).toEqual(['-2@1', '1@1']);
  expect(() => itm!.accept(handles[1]!)).toThrow('answered already');
  expect(world.counters('m')).toMatchObject({ dropped: 1, stolen: 3, held: 1 });
});

test('a packet that nobody answers is accepted after 30 s, and counts as an error', () => {
  const world = new ModulesWorld({ m: holding(() => {}) });
  world.run([packet(0), packet(SECOND)], 60 * SECOND);
  expect(world.verdicts()).toEqual(['1@30000', '2@31000']);
  expect(world.counters('m')).toMatchObject({ errors: 2, held: 0 });
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

test('STOLEN without hold(), hold() without STOLEN and nonsense are errors; the packet passes', () => {
  const answers = [STOLEN, ACCEPT, undefined as unknown as Verdict, DROP] as const;
  const world = new ModulesWorld({
    m: deciding((p) => {
      const n = p.dport - 1;
      if (n === 1 || n === 3) p.hold();
      return answers[n]!;
    }),
  });
  world.run(
    [1, 2, 3, 4].map((dport) => packet(0, 1, { shape: { ...udp(1), dport } })),
    SECOND,
  );
  expect(world.verdicts().sort()).toEqual(['-4@0', '1@0', '2@0', '3@0']);
  expect(world.counters('m')).toMatchObject({ errors: 4, dropped: 1, stolen: 0, held: 0 });
  expect(world.ejected).toEqual([]);
});

test('a module that throws is taken out, and the rest goes on', () => {
  const seen: number[] = [];
  const holder: Handle[] = [];
  const world = new ModulesWorld({
    bad: deciding((p) => {
      if (p.dport === 3) throw new TypeError('three');
      holder.push(p.hold());
      return STOLEN;
    }),
    good: seeing((p) => seen.push(p.dport)),
  });
  world.run(
    [1, 2, 3, 4].map((dport) => packet(0, 1, { shape: { ...udp(1), dport } })),
    SECOND,
  );
  expect(world.ejected).toEqual([['bad', expect.stringMatching(/^three \(at .*modules\.test\.ts/)]]);
  expect(world.counters('bad')).toMatchObject({ state: 'ejected', errors: 1, held: 0 });
  // What it held goes on as well, where it failed.
  expect(seen).toEqual([1, 2, 3, 4]);
  expect(world.verdicts()).toEqual(['1@0', '2@0', '3@0', '4@0']);
  world.run([packet(2 * SECOND)], 3 * SECOND);
  expect(world.counters('bad').packets).toBe(3);
});

test('a timer that throws takes its module out only', () => {
  let rings = 0;
  const world = new ModulesWorld({
    bad: {
      create: (itm) => {
        itm.every(1, () => {
          throw new Error('ring');
        });
        return {};
      },
    },
    good: {
      create: (itm) => {
        itm.every(1, () => rings++);
        return {};
      },
    },
  });
  world.run([packet(0)], 10 * MS);
  expect(world.ejected.map(([name]) => name)).toEqual(['bad']);
  expect(rings).toBe(10);
});

test('timers: no time is made up for, and they end', () => {
  const at: number[] = [];
  const world = new ModulesWorld({
    m: {
      create: (itm) => {
        const stop = itm.every(2.5, () => {
          at.push(itm.now() / MS);
          if (at.length === 4) stop();
        });
        return {};
      },
    },
  });
  world.run([packet(0)], 6 * MS);
  world.port.nowNs = 12 * MS;
  world.engine.runBatch(world.port, 12 * MS);
  world.run([], 30 * MS);
  expect(at).toEqual([2.5, 5, 12, 12.5]);
});

test('random() repeats with the seed, and is another row for each module', () => {
  const rows = (): number[][] => {
    const drawn: number[][] = [[], []];
    const draws = (n: number): ModuleInput => ({
      create: (itm) => seeing(() => drawn[n]!.push(itm.random())).create(itm),
    });
    new ModulesWorld({ a: draws(0), b: draws(1) }).run(ms(5), SECOND);
    return drawn;
  };
  const [one, two] = [rows(), rows()];
  expect(one).toEqual(two);
  expect(one[0]).not.toEqual(one[1]);
  expect(one.flat().every((x) => x >= 0 && x < 1)).toBe(true);
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

test('no budget, a module over its budget for a second is taken out', () => {
  let cpuNs = 0;
  const guard = {
    run(run: () => void) {
      run();
      return true;
    },
    cpuNs: () => cpuNs,
  };
  const slow = deciding(() => {
    cpuNs += 30e3;
    return ACCEPT;
  });
  const quick = deciding(() => {
    cpuNs += 1e3;
    return ACCEPT;
  });
  const world = new ModulesWorld({ slow, quick }, PLAIN, guard);
  world.run(ms(2500), 900 * MS);
  expect(world.ejected).toEqual([]);
  world.run([], 3 * SECOND);
  expect(world.ejected).toEqual([['slow', 'it took 30.0 us a packet over a second; its budget is 20.0 us']]);
  expect(world.counters('quick')).toMatchObject({ state: 'on', nanosecondsPerPacket: 1000, packets: 2500 });
});

test('a run that the guard has ended: who has taken most of it goes, and what it had begun is mended', () => {
  let cpuNs = 0;
  let endsIn = 0;
  // Stands for the native guard, which nothing in a module can catch: the run ends at one reading of the clock.
  class Ended extends Error {}
  const guard = {
    run(run: () => void) {
      try {
        run();
        return true;
      } catch (error) {
        if (error instanceof Ended) return false;
        throw error;
      }
    },
    cpuNs: () => {
      endsIn -= 1;
      if (endsIn === 0) throw new Ended();
      return cpuNs;
    },
  };
  const seen: number[] = [];
  const hog = deciding((p) => {
    p.ttl = 1;
    cpuNs += 99e6;
    return ACCEPT;
  });
  const innocent = seeing((p) => seen.push(p.ttl));
  const world = new ModulesWorld({ hog, innocent }, PLAIN, guard);
  // The first reading begins the run, the second ends the turn of hog, the third that of innocent.
  endsIn = 3;
  world.run([packet(0), packet(0)], MS);
  expect(world.ejected).toEqual([['hog', 'it took more than 100 ms of processor time at once']]);
  expect(world.counters('innocent')).toMatchObject({ state: 'on', errors: 0 });
  expect(world.counters('hog')).toMatchObject({ state: 'ejected', errors: 1, packets: 2 });
  expect(world.verdicts()).toEqual(['1@0', '2@0']);
  expect(seen).toEqual([1, 1]);
});
