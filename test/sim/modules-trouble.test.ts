/** Modules that answer nonsense, throw, or take too long: they go, and nothing else stops. Exact. */
import { expect, test } from 'vitest';
import { PLAIN_GUARD } from '../../src/core/modules/guard.ts';
import { ACCEPT, DROP, STOLEN, type Verdict } from '../../src/modules/api/module.ts';
import type { Handle } from '../../src/modules/api/packet.ts';
import { deciding, holding, ModulesWorld, PLAIN, packet, seeing } from './modules-world.ts';
import { MS, SECOND, udp } from './world.ts';

const ms = (count: number, each = MS) => Array.from({ length: count }, (_, n) => packet(n * each, n + 1));

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

test('a class that is none takes the module out, and its packets pass', () => {
  const answers: readonly [unknown, string][] = [
    [Number.NaN, 'NaN'],
    ['abc', '"abc"'],
    [1.5, '1.5'],
    [-1, '-1'],
    [true, 'true'],
    [undefined, 'undefined'],
  ];
  for (const [answer, text] of answers) {
    const world = new ModulesWorld({
      m: { create: () => ({ classify: () => answer as number, process: () => DROP }) },
    });
    world.run([packet(0)], SECOND);
    const why = `classify() returned ${text}; a whole number from 0 on is expected`;
    expect(world.ejected).toEqual([['m', expect.stringContaining(why)]]);
    expect(world.verdicts()).toEqual(['1@0']);
  }
});

test('what is thrown and is no error is told as it is written', () => {
  const world = new ModulesWorld({
    m: deciding(() => {
      throw { a: 1 };
    }),
  });
  world.run([packet(0)], SECOND);
  expect(world.ejected).toEqual([['m', 'it threw {"a":1}']]);
});

test('every() says what it does not take', () => {
  const said: string[] = [];
  const world = new ModulesWorld({
    m: {
      create: (itm) => {
        const calls: unknown[][] = [
          ['5', () => 1],
          [5, 'x'],
          [0, () => 1],
          [Number.NaN, () => 1],
        ];
        for (const [time, run] of calls)
          try {
            itm.every(time as number, run as () => void);
          } catch (error) {
            said.push(String(error));
          }
        return {};
      },
    },
  });
  world.run([], SECOND);
  expect(said).toEqual([
    'TypeError: every(): "5" is no number of milliseconds',
    'TypeError: every(5, …): "x" is no function to call',
    'RangeError: every(0): the time must be above 0 ms',
    'RangeError: every(NaN): the time must be above 0 ms',
  ]);
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
  expect(world.ejected).toEqual([['bad', expect.stringMatching(/^three \(at .*modules-trouble\.test\.ts/)]]);
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

test('no budget, a module over its budget for a second is taken out', () => {
  let cpuNs = 0;
  const guard = {
    ...PLAIN_GUARD,
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
  const world = new ModulesWorld({ slow, quick }, PLAIN, { guard });
  world.run(ms(2500), 900 * MS);
  expect(world.ejected).toEqual([]);
  world.run([], 3 * SECOND);
  expect(world.ejected).toEqual([['slow', 'it took 30.0 us a packet over a second; its budget is 20.0 us']]);
  expect(world.counters('quick')).toMatchObject({ state: 'on', nanosecondsPerPacket: 1000, packets: 2500 });
});

test('a run that the guard has ended: who has taken most of it goes, and what it had begun is mended', () => {
  let cpuNs = 0;
  let endsIn = 0;
  // Stands for the native guard, which nothing in a module can catch: the run ends at one reading of the
  // clock.
  class Ended extends Error {}
  const guard = {
    ...PLAIN_GUARD,
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
  // Where nobody has taken much, whose turn it is has waited.
  const busy = deciding(() => {
    cpuNs += 9e6;
    return ACCEPT;
  });
  const other = new ModulesWorld({ busy, sleeper: seeing(() => {}) }, PLAIN, { guard });
  endsIn = 3;
  other.run([packet(0)], MS);
  expect(other.ejected).toEqual([['sleeper', 'it slept or waited for more than 100 ms at once']]);
  const world = new ModulesWorld({ hog, innocent }, PLAIN, { guard });
  // The first reading begins the run, the second ends the turn of hog, the third that of innocent.
  endsIn = 3;
  world.run([packet(0), packet(0)], MS);
  expect(world.ejected).toEqual([['hog', 'it took more than 100 ms at once']]);
  expect(world.counters('innocent')).toMatchObject({ state: 'on', errors: 0 });
  expect(world.counters('hog')).toMatchObject({ state: 'ejected', errors: 1, packets: 2 });
  expect(world.verdicts()).toEqual(['1@0', '2@0']);
  expect(seen).toEqual([1, 1]);
});

test('where the kernel can hold no more for us, hold() is an error, and nothing stops', () => {
  const nfqueue = { ...PLAIN.nfqueue, length: 300 };
  const world = new ModulesWorld({ m: holding(() => {}) }, { ...PLAIN, nfqueue });
  // 300 packets of each of the two NFQUEUEs.
  world.run(
    Array.from({ length: 1200 }, () => packet(0)),
    SECOND,
  );
  expect(world.ejected).toEqual([['m', expect.stringMatching(/no memory for more held packets/)]]);
  expect(world.counters('m')).toMatchObject({ stolen: 600, held: 0 });
  expect(world.port.trace).toHaveLength(1200);
});
