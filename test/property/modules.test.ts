/**
 * Modules that decide by chance, over packets of all hooks and NFQUEUEs, with losses and changes of the list
 * of modules: every packet gets exactly one verdict, and the books balance after every batch.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ACCEPT, DROP, STOLEN } from '../../src/modules/api/module.ts';
import type { Handle } from '../../src/modules/api/packet.ts';
import { NF_INET_FORWARD, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from '../../src/packet/batch.ts';
import { runs } from '../effort.ts';
import { type ModuleInput, ModulesWorld, packet } from '../sim/modules-world.ts';
import { MS, SECOND, shaper } from '../sim/world.ts';

const SEED = Number(process.env.SEED ?? 13);
const HOOKS = ['prerouting', 'forward', 'postrouting'] as const;
const NF_HOOKS = [NF_INET_PRE_ROUTING, NF_INET_FORWARD, NF_INET_POST_ROUTING];

interface Habit {
  readonly hooks: readonly (typeof HOOKS)[number][];
  readonly drops: number;
  readonly holds: number;
  /** Of held packets: answered within process(), behind it, by a timer, never. */
  readonly answers: 'process' | 'update' | 'timer' | 'never';
  readonly dropsHeld: number;
  readonly edits: number;
  readonly throws: number;
}

const share = fc.constantFrom(0, 0, 0.1, 0.5);
const habit: fc.Arbitrary<Habit> = fc.record({
  hooks: fc.uniqueArray(fc.constantFrom(...HOOKS), { minLength: 1 }),
  drops: share,
  holds: share,
  answers: fc.constantFrom('process', 'update', 'timer', 'never'),
  dropsHeld: share,
  edits: share,
  throws: fc.constantFrom(0, 0, 0, 0.01),
});

function moduleOf({ hooks, drops, holds, answers, dropsHeld, edits, throws }: Habit): ModuleInput {
  const create: ModuleInput['create'] = (itm) => {
    const held: Handle[] = [];
    const answer = (): void => {
      while (held.length > 0 && itm.random() < 0.7) {
        if (itm.random() < dropsHeld) itm.drop(held.shift()!);
        else itm.accept(held.shift()!);
      }
    };
    if (answers === 'timer') itm.every(40, answer);
    return {
      process(p) {
        if (itm.random() < throws) throw new Error('chance');
        if (answers === 'process') answer();
        if (itm.random() < edits) p.ttl = 9;
        if (itm.random() < edits) {
          const bytes = new Uint8Array(p.length + 40);
          bytes.set(p.bytes!);
          bytes[2] = bytes.length >> 8;
          bytes[3] = bytes.length & 255;
          p.replace(bytes);
        }
        if (itm.random() < drops) return DROP;
        if (itm.random() >= holds) return ACCEPT;
        held.push(p.hold());
        return STOLEN;
      },
      updateClass() {
        if (answers === 'update') answer();
      },
    };
  };
  return { hooks, payload: true, create };
}

const arrival = fc.record({
  afterNs: fc.constantFrom(0, 0, 0, 1e5, 3 * MS),
  hook: fc.nat(2),
  nfqueue: fc.constantFrom(0, 1, 1),
  flow: fc.nat(5),
  lengthBytes: fc.constantFrom(100, 500, 1500),
});

const SPEC = shaper({ wan: { up: { rate: 2e6, burst: 3000, limitPackets: 50 } } });

test('every packet has one verdict, and the books balance', () => {
  fc.assert(
    fc.property(
      fc.array(habit, { minLength: 1, maxLength: 4 }),
      fc.array(arrival, { minLength: 1, maxLength: 300 }),
      fc.nat(2),
      (habits, arrivals, change) => {
        const inputs = habits.map((one, n) => [`m${n}`, moduleOf(one)] as const);
        const world = new ModulesWorld(Object.fromEntries(inputs), SPEC);
        let nowNs = 0;
        const packets = arrivals.map(({ afterNs, hook, nfqueue, flow, lengthBytes }) => {
          nowNs += afterNs;
          // Only classes have an NFQUEUE of their own.
          const isOfModules = nfqueue === 1 || hook !== 1;
          return packet(nowNs, flow, { hook: NF_HOOKS[hook]!, nfqueue: isOfModules ? 1 : 0, lengthBytes });
        });
        world.run(packets, nowNs / 2);
        if (change === 1) world.use(Object.fromEntries(inputs.slice(1)), world.port.nowNs);
        if (change === 2) world.use(Object.fromEntries(inputs.toReversed()), world.port.nowNs);
        world.run([], nowNs + 70 * SECOND);
        const ids = world.port.trace.map(({ nfqueue, packetId }) => `${nfqueue}/${packetId}`);
        expect(new Set(ids).size).toBe(ids.length);
        expect([ids.length, world.port.heldPackets]).toEqual([packets.length, 0]);
        expect(world.engine.modules.counters().map(({ held }) => held)).toEqual(world.list.map(() => 0));
        expect(world.ejected.every(([, reason]) => reason.startsWith('chance'))).toBe(true);
      },
    ),
    { numRuns: runs(400), seed: SEED },
  );
});

test('the stop in the middle of it leaves nothing behind', () => {
  fc.assert(
    fc.property(
      fc.array(habit, { minLength: 1, maxLength: 3 }),
      fc.array(arrival, { minLength: 1, maxLength: 200 }),
      (habits, arrivals) => {
        const world = new ModulesWorld(
          Object.fromEntries(habits.map((one, n) => [`m${n}`, moduleOf(one)])),
          SPEC,
        );
        let nowNs = 0;
        const packets = arrivals.map(({ afterNs, hook, flow }) => {
          nowNs += afterNs;
          return packet(nowNs, flow, { hook: NF_HOOKS[hook]! });
        });
        world.run(packets, nowNs / 2);
        world.port.nowNs = nowNs + 1;
        world.engine.releaseAll(world.port, nowNs + 1);
        world.checkBooks();
        expect([world.port.trace.length, world.port.heldPackets]).toEqual([packets.length, 0]);
      },
    ),
    { numRuns: runs(200), seed: SEED },
  );
});
