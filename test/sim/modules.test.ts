/** Modules in virtual time: which packets they see, in which order, and what they decide. Exact. */
import { expect, test } from 'vitest';
import { NONE } from '../../src/base/none.ts';
import { createFlowRecord, FlowReader } from '../../src/core/flows/flow-reader.ts';
import { DROP_MODULE } from '../../src/core/packets/ledger.ts';
import { ACCEPT, DROP, type PacketClass, STOLEN } from '../../src/modules/api/module.ts';
import type { Handle, Packet } from '../../src/modules/api/packet.ts';
import { NF_INET_FORWARD, NF_INET_PRE_ROUTING } from '../../src/packet/batch.ts';
import { IPPROTO_TCP } from '../../src/packet/tcp-header.ts';
import { deciding, type ModuleInput, ModulesWorld, packet, seeing } from './modules-world.ts';
import { MS, SECOND, udp } from './world.ts';

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
  // Before the first packet.
  world.run([], 6 * MS);
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

test('what a module drops at a hook with classes counts for the leaf that would have had it, and for its flow', () => {
  const world = new ModulesWorld({
    m: deciding((p) => (p.length > 400 ? DROP : ACCEPT), { hooks: ['forward'] }),
  });
  const forward = { hook: NF_INET_FORWARD };
  world.run(
    [packet(0, 1, forward), packet(0, 1, forward), packet(0, 1, { ...forward, lengthBytes: 300 })],
    MS,
  );
  const { stats, classes, flows } = world.engine;
  const leaf = classes.findIndex(({ path }) => path === 'wan/up/default');
  expect([stats.dropModule[leaf], stats.sentPackets[leaf], world.total('modulePackets')]).toEqual([2, 1, 2]);
  const record = createFlowRecord();
  const reader = new FlowReader(flows.buffer);
  const read: number[][] = [];
  for (let f = reader.next(NONE); f !== NONE; f = reader.next(f))
    if (reader.read(f, record)) {
      const { dropModule, dropReason, dropClass, receivedPackets, sentPackets, dropTail } = record;
      read.push([dropModule, dropReason, dropClass, receivedPackets, sentPackets, dropTail]);
    }
  expect(read).toEqual([[2, DROP_MODULE, leaf, 3, 1, 0]]);
});

test('flows have small numbers, the same for both directions, which are free again after a minute', () => {
  const seen: [flow: number, direction: number][] = [];
  const world = new ModulesWorld({ m: seeing((p) => seen.push([p.flow, p.direction])) });
  const there = { ...udp(1), src: 10, dst: 20, sport: 30, dport: 40 };
  const back = { ...udp(1), src: 20, dst: 10, sport: 40, dport: 30 };
  const other = { ...there, sport: 31 };
  const of = (shape: typeof there, timeNs = 0) => packet(timeNs, 1, { shape });
  world.run([of(back), of(there), of(other), of(back)], SECOND);
  expect(seen).toEqual([
    [0, 0],
    [0, 1],
    [1, 0],
    [0, 0],
  ]);
  seen.length = 0;
  // The number of `other` goes to another flow; that of the first stays while packets come.
  const later = Array.from({ length: 200 }, (_, n) => of(there, (n + 2) * SECOND));
  world.run([...later, of({ ...there, sport: 99 }, 203 * SECOND)], 300 * SECOND);
  expect(seen.at(-1)).toEqual([1, 0]);
  expect(new Set(seen.slice(0, -1).map(String))).toEqual(new Set(['0,1']));
});

test('later fragments have no flow; echoes have one for both directions', () => {
  const seen: number[] = [];
  const world = new ModulesWorld({ m: seeing((p) => seen.push(p.flow)) });
  const echo = { src: 10, dst: 20, protocol: 1, sport: 77, icmpType: 8 };
  const reply = { src: 20, dst: 10, protocol: 1, sport: 77, icmpType: 0 };
  const fragment = { ...udp(1), fragment: { id: 5, offsetBytes: 800, more: false } };
  world.run(
    [echo, reply, fragment].map((shape) => packet(0, 1, { shape })),
    SECOND,
  );
  expect(seen).toEqual([0, 0, -1]);
});

test('the same run gives the same verdicts at the same instants', () => {
  const hash = (): string => {
    const chance: ModuleInput = {
      create: (itm) => {
        const held: Handle[] = [];
        itm.every(3, () => {
          while (held.length > 0) itm.accept(held.shift()!);
        });
        return {
          process: (p) => {
            const x = itm.random();
            if (x < 0.1) return DROP;
            if (x < 0.4) {
              held.push(p.hold());
              return STOLEN;
            }
            p.dscp = Math.floor(64 * x);
            return ACCEPT;
          },
        };
      },
    };
    const world = new ModulesWorld({ chance });
    world.run(ms(500, 100e3), SECOND);
    expect(world.port.trace).toHaveLength(500);
    return world.port.traceHash;
  };
  expect(hash()).toBe(hash());
});

test('time stands still within a batch, and goes on between two', () => {
  let now = (): number => Number.NaN;
  const seen: number[] = [];
  const world = new ModulesWorld({
    m: {
      create: (itm) => {
        now = itm.now;
        return seeing(() => seen.push(itm.now())).create(itm);
      },
    },
  });
  world.run([packet(5), packet(5)], 5);
  world.port.nowNs = 17;
  expect([seen, now()]).toEqual([[5, 5], 17]);
});
