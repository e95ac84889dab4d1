/**
 * Random trees with classes that adjust, and random packets: after every batch each ceiling is that of the
 * slow twin (test/oracle/reservation.ts), what leaves keeps to the ceilings of its time, and nothing that may
 * leave stays.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import { runs } from '../effort.ts';
import { ceilsByTick, type ReservingClass, type Sent } from '../oracle/reservation.ts';
import { type ClassInput, MS, SECOND, shaper, udp, up, World } from '../sim/world.ts';

const SEED = Number(process.env.SEED ?? 1310);
const LINE = 100_000;
const TICK_NS = 100 * MS;
const LENGTH_MAX = 1500;
const BURST = 3000;

interface Node {
  readonly ceil: number | undefined;
  readonly rate: number;
  readonly adjust: boolean;
  readonly classes: readonly Node[];
}

const ceil = fc.constantFrom(undefined, undefined, 5000, 20_000, 60_000);
const leaf: fc.Arbitrary<Node> = fc.record({
  ceil,
  rate: fc.constantFrom(0, 0, 4000),
  adjust: fc.constant(false),
  classes: fc.constant([]),
});
/** At most one of them adjusts. */
const siblings = (one: fc.Arbitrary<Node>): fc.Arbitrary<Node[]> =>
  fc
    .tuple(fc.array(one, { minLength: 1, maxLength: 3 }), fc.nat(3))
    .map(([nodes, n]) => nodes.map((node, i) => (i === n ? { ...node, adjust: true } : node)));
const inner: fc.Arbitrary<Node> = fc.record({
  ceil,
  rate: fc.constant(8000),
  adjust: fc.constant(false),
  classes: siblings(leaf),
});
const tree = siblings(fc.oneof(leaf, inner));

/** Where packets go: to leaf number `to`, every `gapNs`, for some time. */
const stream = fc.record({
  to: fc.nat(5),
  gapNs: fc.integer({ min: 2, max: 60 }).map((ms) => ms * MS),
  fromNs: fc.nat(2500).map((ms) => ms * MS),
  count: fc.integer({ min: 1, max: 80 }),
  lengthBytes: fc.constantFrom(100, 700, LENGTH_MAX),
});
const scenario = fc.record({
  nodes: tree,
  streams: fc.array(stream, { minLength: 2, maxLength: 6 }),
  latenessNs: fc.constantFrom(0, 0, 3 * MS, 250 * MS),
});

/** The classes as inputs, and the ports of the leaves. */
function inputsOf(nodes: readonly Node[], ports: Map<string, number>, around = 'wan/up'): ClassInput[] {
  return nodes.map((node, n) => {
    const name = `c${n}`;
    const { rate, adjust } = node;
    const input = { name, rate, adjust, burst: BURST, ...(node.ceil !== undefined && { ceil: node.ceil }) };
    if (node.classes.length > 0)
      return { ...input, match: [], classes: inputsOf(node.classes, ports, `${around}/${name}`) };
    const port = ports.size;
    ports.set(`${around}/${name}`, port);
    return { ...input, match: [{ dport: [{ from: port, to: port }] }] };
  });
}

/** An inner class takes what its classes take. */
function matched(inputs: readonly ClassInput[]): ClassInput[] {
  return inputs.map((input) => {
    if (!input.classes) return input;
    const classes = matched(input.classes);
    return { ...input, classes, match: classes.flatMap(({ match }) => match ?? []) };
  });
}

function classesOf({ engine }: World): ReservingClass[] {
  return engine.classes.map(({ path, parent, spec }) => ({
    name: path,
    ...(parent >= 0 && { parent: engine.classes[parent].path }),
    rate: spec.rateBytesPerSec,
    ceil: spec.ceilBytesPerSec,
    hasOwnCeil: parent >= 0 && spec.ceilBytesPerSec < engine.classes[parent].spec.ceilBytesPerSec,
    adjust: spec.adjust,
  }));
}

/** Bytes that the moving ceiling lets through from one instant to another; each tick's from `begins` on. */
function allowance(
  begins: readonly { fromNs: number; ceil: number }[],
  fromNs: number,
  toNs: number,
): number {
  return begins.reduce((sum, { fromNs: start, ceil: bytesPerSec }, n) => {
    const end = begins[n + 1]?.fromNs ?? Number.POSITIVE_INFINITY;
    const spanNs = Math.min(end, toNs) - Math.max(start, fromNs);
    return spanNs > 0 ? sum + (bytesPerSec * spanNs) / SECOND : sum;
  }, 0);
}

test('ceilings are those of the twin, and what leaves keeps to them', () => {
  fc.assert(
    fc.property(scenario, ({ nodes, streams, latenessNs }) => {
      const ports = new Map<string, number>();
      const leaves = matched(inputsOf(nodes, ports));
      const world = new World(shaper({ wan: { up: { rate: LINE, burst: BURST, leaves } } }));
      const leafOf = [...ports.keys()];
      const arrivals = streams
        .flatMap(({ to, gapNs, fromNs, count, lengthBytes }, n) => {
          const port = to % leafOf.length;
          const shape = udp(n, { dport: port });
          return Array.from({ length: count }, (_, k) => ({
            ...up(fromNs + k * gapNs, lengthBytes, { shape }),
            port,
          }));
        })
        .sort((a, b) => a.timeNs - b.timeNs);
      world.inject(arrivals);
      // Ceilings by batch: the first batch of a tick moves them.
      const seen: { atNs: number; ceils: number[] }[] = [];
      const check = world.port.afterBatch;
      world.port.afterBatch = () => {
        check();
        seen.push({ atNs: world.port.nowNs, ceils: [...world.engine.stats.ceilBytesPerSec] });
      };
      world.run(60 * SECOND, latenessNs);
      expect(world.totals.heldPackets, 'all has left').toBe(0);
      const sent: Sent[] = world.port.trace.map(({ packetId, timeNs, verdict }) => {
        expect(verdict).toBe(NF_ACCEPT);
        const { port, lengthBytes } = arrivals[packetId - 1];
        return { timeNs, name: leafOf[port], bytes: lengthBytes };
      });
      const classes = classesOf(world);
      const twin = ceilsByTick(classes, sent, seen.at(-1)?.atNs ?? 0);
      for (const { atNs, ceils } of seen) {
        const now = twin[Math.floor(atNs / TICK_NS)];
        for (const [c, { name }] of classes.entries())
          if (ceils[c] !== now.get(name))
            expect.fail(`${name} at ${atNs}: ${ceils[c]}, not ${now.get(name)}`);
      }
      for (const [c, { name }] of classes.entries()) {
        // Guaranteed packets of a class inside it go whatever its ceiling.
        if (classes.some(({ parent, rate }) => parent === name && rate > 0)) continue;
        const own = sent.filter((one) => one.name === name || one.name.startsWith(`${name}/`));
        const begins = seen.map(({ atNs, ceils }) => ({ fromNs: atNs, ceil: ceils[c] }));
        for (const [i, { timeNs: fromNs }] of own.entries()) {
          let bytes = 0;
          for (const { timeNs: toNs, bytes: length } of own.slice(i)) {
            bytes += length;
            // A packet may take its tokens late by the lateness, when the next ones are there already.
            const most = BURST + LENGTH_MAX + allowance(begins, fromNs - latenessNs - TICK_NS, toNs);
            if (bytes > most + 1)
              expect.fail(`${name}: ${bytes} B from ${fromNs} to ${toNs}, at most ${most}`);
          }
        }
      }
    }),
    { seed: SEED, numRuns: runs(60) },
  );
});
