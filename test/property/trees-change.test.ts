/**
 * Links, directions, devices and NFQUEUEs that change at random between packets, beside the classes in them.
 * A slow twin keeps what the engine was given: every packet is answered once, by its NFQUEUE; packets of a
 * flow leave in their order; a change drops none; nothing waits in the end. World looks after the books.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import { IPPROTO_UDP, ipv4 } from '../../src/sim/packets/packets.ts';
import { planQueues } from '../../src/spec/queue-plan.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { runs } from '../effort.ts';
import { type LinkInput, MS, shaper, World } from '../sim/world.ts';
import { calm, PORTS, tree } from './trees.ts';

const SEED = Number(process.env.SEED ?? 1290);
const FLOWS = 10;
const NFQUEUES = 3;
/** Two names of one device, and another device. */
const INDEXES: Readonly<Record<string, number>> = { lan0: 1, wan0: 2, ppp0: 2, eth9: 3 };

interface Config {
  readonly links: Readonly<Record<string, LinkInput>>;
  readonly count: number;
}

const direction = fc.option(tree, { freq: 3, nil: undefined });
/** `devices`: no two links have the same one. */
const link = (devices: readonly string[]): fc.Arbitrary<LinkInput> =>
  fc
    .record({
      device: fc.constantFrom(...devices),
      up: direction,
      down: direction,
      overheadBytes: fc.constantFrom(0, 40),
    })
    .map(({ up, down, ...rest }) => ({ ...rest, ...(up && { up }), ...(down && { down }) }));
const config: fc.Arbitrary<Config> = fc.record({
  links: fc
    .record({ lan: link(['lan0']), wan: link(['wan0', 'ppp0', 'eth9']) })
    .chain((all) =>
      fc
        .subarray(Object.keys(all))
        .map((names) => Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)))),
    ),
  count: fc.integer({ min: 1, max: NFQUEUES }),
});
const scenario = fc.record({
  first: config,
  steps: fc.array(fc.record({ config, ns: fc.nat(300 * MS) }), { minLength: 2, maxLength: 8 }),
  packets: fc.array(
    fc.record({
      flow: fc.nat(FLOWS - 1),
      lengthBytes: fc.constantFrom(64, 500, 1500),
      gapNs: fc.nat(10 * MS),
      nfqueue: fc.nat(NFQUEUES - 1),
    }),
    { minLength: 30, maxLength: 120 },
  ),
  latenessNs: fc.constantFrom(0, 3 * MS),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

const specOf = ({ links, count }: Config): ShaperSpec => shaper(links, { count });
const indexesOf = (spec: ShaperSpec): Map<string, number> =>
  new Map(spec.links.map(({ device }) => [device, INDEXES[device]]));

/** What was given, by NFQUEUE and id, in order of arrival. */
class Twin {
  private readonly open = new Map<string, { flow: number; place: number }>();
  private readonly lastOfFlow = new Map<number, number>();
  private readonly nextId: number[] = [];
  private given = 0;

  give(flow: number, nfqueue: number): void {
    this.nextId[nfqueue] = (this.nextId[nfqueue] ?? 0) + 1;
    this.open.set(`${nfqueue}/${this.nextId[nfqueue]}`, { flow, place: this.given++ });
  }

  answer(nfqueue: number, packetId: number, isAccepted: boolean): void {
    const key = `${nfqueue}/${packetId}`;
    const packet = this.open.get(key);
    if (!packet) throw new Error(`${key} is answered twice, or nobody gave it`);
    this.open.delete(key);
    if (!isAccepted) return;
    const { flow, place } = packet;
    expect(place, `flow ${flow} keeps its order`).toBeGreaterThan(this.lastOfFlow.get(flow) ?? -1);
    this.lastOfFlow.set(flow, place);
  }

  get unanswered(): number {
    return this.open.size;
  }
}

function play({ first, steps, packets, latenessNs }: Scenario): World {
  const spec = specOf(first);
  const world = new World(spec, { plan: planQueues(spec), nameOf: () => '' });
  for (const [device, index] of indexesOf(spec)) world.engine.intake.setDeviceIndex(device, index);
  const twin = new Twin();
  let timeNs = 0;
  world.inject(
    packets.map(({ flow, lengthBytes, gapNs, nfqueue }) => {
      timeNs += gapNs;
      twin.give(flow, nfqueue);
      const shape = {
        src: ipv4(10, 0, 0, flow % 3),
        dst: ipv4(192, 0, 2, flow % 2),
        protocol: IPPROTO_UDP,
        sport: 1000 + flow,
        dport: flow % PORTS,
      };
      // Flows cross both links, or one of them, or leave by the other device.
      const [ifIndexIn, ifIndexOut] = [flow % 4 === 3 ? 7 : 1, flow % 4 === 2 ? 3 : 2];
      return { timeNs, lengthBytes, nfqueue, shape, ifIndexIn, ifIndexOut };
    }),
  );
  for (const step of steps) {
    world.run(world.port.nowNs + step.ns, latenessNs);
    const next = specOf(step.config);
    const change = { spec: next, renamed: new Map(), deviceIndexes: indexesOf(next), plan: planQueues(next) };
    world.engine.reconfigure(world.port, change, world.port.nowNs);
    world.checkBooks();
  }
  world.run(1e14, latenessNs);
  for (const { nfqueue, packetId, verdict } of world.port.trace)
    twin.answer(nfqueue, packetId, verdict === NF_ACCEPT);
  expect([twin.unanswered, world.totals.heldPackets]).toEqual([0, 0]);
  for (let n = 0; n < NFQUEUES; n++) expect(world.engine.waitingOf(n)).toBe(0);
  return world;
}

test('every packet is answered once and in order, and the books balance', () => {
  fc.assert(
    fc.property(scenario, (s) => {
      play(s);
    }),
    { seed: SEED, numRuns: runs(40) },
  );
});

test('where nothing else drops, no change does', () => {
  fc.assert(
    fc.property(scenario, (s) => {
      const { totals } = play(calm(s));
      expect([totals.droppedPackets, totals.acceptedPackets]).toEqual([0, s.packets.length]);
    }),
    { seed: SEED, numRuns: runs(40) },
  );
});

test('the same twice is the same', () => {
  fc.assert(
    fc.property(scenario, (s) => {
      const [one, other] = [play(s), play(s)];
      expect(one.port.traceHash).toBe(other.port.traceHash);
      expect(one.engine.stats.totals).toEqual(other.engine.stats.totals);
    }),
    { seed: SEED, numRuns: runs(5) },
  );
});
