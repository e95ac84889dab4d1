/** Random class trees in the fluid limit: all shares are those of the slow twin (oracle/link-sharing.ts). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listClasses } from '../../src/core/classes/classes.ts';
import { FluidShare } from '../../src/core/tree/fluid-share.ts';
import { runs } from '../effort.ts';
import { type SharingClass, shareOut } from '../oracle/link-sharing.ts';
import { type ClassInput, shaper } from '../sim/world.ts';

const SEED = Number(process.env.SEED ?? 1313);
const LINE = 100_000;

interface Node {
  readonly rate: number;
  /** Of that of the class around. */
  readonly ceil: number;
  readonly priority: number;
  readonly weight: number;
  /** Of a leaf, of the line. */
  readonly demand: number;
  readonly classes: readonly Node[];
}

const share = (min: number, max: number) => fc.integer({ min, max }).map((n) => n / 100);
const { tree } = fc.letrec<{ tree: Node; leaf: Node; inner: Node }>((tie) => {
  const common = {
    rate: fc.oneof(fc.constant(0), share(1, 60)),
    ceil: fc.oneof(fc.constant(1), share(5, 100)),
    priority: fc.integer({ min: 0, max: 3 }),
    weight: fc.integer({ min: 1, max: 5 }),
    demand: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.constant(0), share(0, 70)),
  };
  const children = fc.array(tie('tree'), { minLength: 1, maxLength: 4 });
  return {
    leaf: fc.record({ ...common, classes: fc.constant([]) }),
    inner: fc.record({ ...common, classes: children }),
    tree: fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('leaf'), tie('inner')),
  };
});

/** The same tree for both: guarantees of siblings fit into that of their parent. */
interface Both {
  readonly input: ClassInput;
  readonly twins: readonly SharingClass[];
}

function both(node: Node, name: string, parent: SharingClass, left: number): Both {
  const rate = Math.round(node.rate * left);
  const ceil = Math.max(rate, Math.round(node.ceil * parent.ceil));
  const { priority, weight } = node;
  const demand = node.classes.length > 0 ? 0 : node.demand * LINE;
  const path = `${parent.name}/${name}`;
  const own = { name: path, parent: parent.name, rate, ceil, prio: priority, weight, demand };
  let rest = rate;
  const below = node.classes.map((child, n) => {
    const made = both(child, `c${n}`, own, rest);
    rest -= made.input.rate as number;
    return made;
  });
  const input = { name, rate, ceil, priority, weight };
  const classes = below.map((child) => child.input);
  return {
    input: below.length > 0 ? { ...input, classes } : input,
    twins: [own, ...below.flatMap(({ twins }) => twins)],
  };
}

test('every leaf has what the slow twin gives it', () => {
  fc.assert(
    fc.property(fc.array(tree, { minLength: 1, maxLength: 4 }), (nodes) => {
      const root = { name: 'wan/up', rate: LINE, ceil: LINE, prio: 0, weight: 1, demand: 0 };
      let left = LINE;
      const made = nodes.map((node, n) => {
        const one = both(node, `c${n}`, root, left);
        left -= one.input.rate as number;
        return one;
      });
      const leaves = made.map(({ input }) => input);
      const twins = [root, ...made.flatMap((one) => one.twins)];
      // Another tree before it, with a demand of its own.
      const classes = listClasses(
        shaper({ lan: { up: { rate: 7, burst: 1 } }, wan: { up: { rate: LINE, burst: 1, leaves } } }),
      );
      const fluid = new FluidShare(classes);
      fluid.demand.fill(Number.POSITIVE_INFINITY, 0, 2);
      for (const { name, demand } of twins) {
        const row = classes.findIndex(({ path }) => path === name);
        fluid.demand[row] = demand;
      }
      const ceils = Float64Array.from(classes, ({ spec }) => spec.ceilBytesPerSec);
      fluid.solve(
        classes.findIndex(({ path }) => path === 'wan/up'),
        ceils,
      );
      const wanted = shareOut(twins);
      for (const [row, { path }] of classes.entries()) {
        const want = wanted[path] ?? (classes[row].children.length > 0 ? null : 0);
        if (want !== null) expect(Math.abs(fluid.share[row] - want), path).toBeLessThan(0.01);
      }
    }),
    { seed: SEED, numRuns: runs(400) },
  );
});
