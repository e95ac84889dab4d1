/**
 * Classes that change at random between packets: every packet is answered once, flows keep their order, the
 * change itself drops nothing, the books balance (test/sim/world.ts looks after every batch), and what leaves
 * keeps to the rates of its time.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TOTAL } from '../../src/core/packets/stats.ts';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import { IPPROTO_UDP, ipv4 } from '../../src/sim/packets/packets.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { runs } from '../effort.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { MS, SECOND, shaper, World } from '../sim/world.ts';
import { BURSTS, calm, PORTS, tree } from './trees.ts';

const SEED = Number(process.env.SEED ?? 410);
const FLOWS = 10;
const LAN = 1;
const WAN = 2;
const LENGTH_MAX = 1500;

const config = fc.record({ lan: fc.record({ down: tree }), wan: fc.record({ up: tree }) });
const step = fc.record({ config, ns: fc.nat(400 * MS) });
const scenario = fc.record({
  first: config,
  steps: fc.array(step, { minLength: 1, maxLength: 6 }),
  packets: fc.array(fc.tuple(fc.nat(FLOWS - 1), fc.constantFrom(64, 500, LENGTH_MAX), fc.nat(10 * MS)), {
    minLength: 30,
    maxLength: 120,
  }),
  slackNs: fc.constantFrom(0, 100_000),
  latenessNs: fc.constantFrom(0, 3 * MS),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

const specOf = (links: Scenario['first']): ShaperSpec => shaper(links);

function arrivalOf(timeNs: number, flow: number, lengthBytes: number): SimArrival {
  const src = ipv4(10, 0, 0, flow % 3);
  const shape = {
    src,
    dst: ipv4(192, 0, 2, flow % 2),
    protocol: IPPROTO_UDP,
    sport: 1000 + flow,
    dport: flow % PORTS,
  };
  // From flow 6 on only one tree is passed.
  return { timeNs, lengthBytes, shape, ifIndexIn: flow < 6 ? LAN : 9, ifIndexOut: WAN };
}

interface Played {
  readonly world: World;
  readonly flowOf: number[];
  readonly lengthOf: number[];
  /** Rate of the last tree from each instant on. */
  readonly rates: { fromNs: number; bytesPerSec: number }[];
}

function inject(world: World, { packets }: Pick<Scenario, 'packets'>): void {
  for (const [i, device] of ['lan0', 'wan0'].entries()) world.engine.intake.setDeviceIndex(device, i + 1);
  let timeNs = 0;
  world.inject(
    packets.map(([flow, lengthBytes, gapNs]) => {
      timeNs += gapNs;
      return arrivalOf(timeNs, flow, lengthBytes);
    }),
  );
}

function play(s: Scenario): Played {
  const world = new World(specOf(s.first), { releaseSlackNs: s.slackNs });
  const played: Played = {
    world,
    flowOf: [-1],
    lengthOf: [0],
    rates: [{ fromNs: 0, bytesPerSec: s.first.wan.up.rate }],
  };
  inject(world, s);
  for (const [flow, lengthBytes] of s.packets) {
    played.flowOf.push(flow);
    played.lengthOf.push(lengthBytes);
  }
  for (const { config: next, ns } of s.steps) {
    world.run(world.port.nowNs + ns, s.latenessNs);
    world.engine.reconfigure(world.port, { spec: specOf(next), renamed: new Map() }, world.port.nowNs);
    played.rates.push({ fromNs: world.port.nowNs, bytesPerSec: next.wan.up.rate });
  }
  world.run(1e14, s.latenessNs);
  return played;
}

/** Bytes that the rates let through from one instant to another. */
function allowance(rates: Played['rates'], fromNs: number, toNs: number): number {
  return rates.reduce((sum, { fromNs: start, bytesPerSec }, i) => {
    const end = rates[i + 1]?.fromNs ?? Number.POSITIVE_INFINITY;
    const spanNs = Math.min(end, toNs) - Math.max(start, fromNs);
    return spanNs > 0 ? sum + (bytesPerSec * spanNs) / SECOND : sum;
  }, 0);
}

test('where nothing else drops, no change does', () => {
  fc.assert(
    fc.property(scenario, (s) => {
      const steps = s.steps.map(({ config: links, ns }) => ({ config: calm(links), ns }));
      const { world } = play({ ...s, first: calm(s.first), steps });
      expect([world.totals.droppedPackets, world.totals.acceptedPackets]).toEqual([0, s.packets.length]);
    }),
    { seed: SEED, numRuns: runs(20) },
  );
});

test('whatever changes, packets are answered once and in order, and keep to the rates of their time', () => {
  fc.assert(
    fc.property(scenario, (s) => {
      const { world, flowOf, lengthOf, rates } = play(s);
      const { trace } = world.port;
      expect(new Set(trace.map((v) => v.packetId)).size, 'answered twice').toBe(trace.length);
      expect(trace.length, 'every packet is answered').toBe(s.packets.length);
      expect(world.totals.heldPackets).toBe(0);
      const lastId = new Map<number, number>();
      const accepted = trace.filter((v) => v.verdict === NF_ACCEPT);
      for (const { packetId } of accepted) {
        const flow = flowOf[packetId];
        expect(packetId, `flow ${flow} keeps its order`).toBeGreaterThan(lastId.get(flow) ?? 0);
        lastId.set(flow, packetId);
      }
      for (const [i, { timeNs: fromNs }] of accepted.entries()) {
        let bytes = 0;
        for (const { packetId, timeNs } of accepted.slice(i)) {
          bytes += lengthOf[packetId];
          const bound =
            allowance(rates, fromNs - s.latenessNs, timeNs + s.slackNs) + Math.max(...BURSTS) + LENGTH_MAX;
          expect(bytes).toBeLessThanOrEqual(bound + 1);
        }
      }
    }),
    { seed: SEED, numRuns: runs(20) },
  );
});

test('the same classes again change nothing at all: no token, no turn, no place in a line', () => {
  const answers = (s: Scenario, spec: ShaperSpec, act: (w: World) => void): unknown => {
    const world = new World(spec, { releaseSlackNs: s.slackNs });
    inject(world, { packets: s.packets.map(([flow, , gapNs]) => [flow, 500, gapNs]) });
    for (const { ns } of s.steps) {
      world.run(world.port.nowNs + ns, s.latenessNs);
      act(world);
    }
    world.run(1e14, s.latenessNs);
    const { stats } = world.engine;
    return [
      world.port.trace,
      [...stats.totals].slice(0, TOTAL.batches),
      [...stats.sentBytes],
      [...stats.delay],
    ];
  };
  fc.assert(
    fc.property(scenario, (s) => {
      // Lines and one length only: the first packet is looked at anew, which may end a wait that was for a
      // longer one.
      const spec = specOf(JSON.parse(JSON.stringify(s.first).replaceAll('"fair"', '"fifo"')));
      const changed = answers(s, spec, (w) =>
        w.engine.reconfigure(w.port, { spec, renamed: new Map() }, w.port.nowNs),
      );
      const looked = answers(s, spec, (w) => w.engine.runBatch(w.port, w.port.nowNs));
      expect(changed).toEqual(looked);
    }),
    { seed: SEED, numRuns: runs(20) },
  );
});
