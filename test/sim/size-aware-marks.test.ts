/**
 * Short TCP flows beside long ones at 10 Mbit/s: qosmod on the way to the bottleneck, two classes by DSCP at
 * it. In the virtual world one machine is both: the module stands where packets arrive, before the classes.
 */
import { describe, expect, test } from 'vitest';
import qosmod from '../../src/built-in/qosmod.ts';
import type { AnyModule } from '../../src/modules/definition.ts';
import type { ModulesOptions } from '../../src/sim/modules/world-modules.ts';
import { runScenario } from '../../src/sim/simulation.ts';
import { config, example, flowOf, flowsOf, SEEDS, sum } from './experiments.ts';

const QUEUE = 'queue: { discipline: fifo, aqm: none, limit: 60p }';
const BANDS = config(`
links:
  wan:
    device: wan0
    up:
      rate: 10mbit
      classes:
        short: { match: { dscp: 4 }, priority: 0, ceil: 80%, ${QUEUE} }
        default: { priority: 1, ${QUEUE} }
`);

/** Long flows have a mark, and all others go first: the first packet of a flow too, which no mark names. */
const LONG_LAST = config(`
links:
  wan:
    device: wan0
    up:
      rate: 10mbit
      classes:
        long: { match: { dscp: 8 }, priority: 1, ${QUEUE} }
        default: { priority: 0, ceil: 80%, ${QUEUE} }
`);

const marking = (threshold: number, long = 0): ModulesOptions => ({
  modules: [
    {
      use: 'qosmod',
      definition: { ...qosmod, hooks: ['prerouting'] } as unknown as AnyModule,
      options: { threshold, short: 4, long, mtu: 1500 },
      spec: {
        ...{ name: 'qosmod', run: 'user', priority: 100, hooks: ['prerouting'] },
        ...{ interest: [{ proto: [6] }], payload: false, kernelRules: {} },
      },
    },
  ],
  setClass: () => {
    throw new Error('nothing is set');
  },
  log: () => {},
});

function experiment(spec: typeof BANDS, seed: number, modules?: ModulesOptions) {
  const run = runScenario(spec, 'short-beside-long', seed, modules ? { modules } : {});
  const { completions } = flowOf(run, 'short');
  return {
    run,
    meanMs: completions?.meanMilliseconds ?? Number.NaN,
    longBitsPerSec: sum(flowsOf(run, 'long').map((flow) => flow.throughputBitsPerSecond)),
  };
}

describe('two bands behind qosmod', () => {
  test.each(SEEDS)('seed %i: short flows take less than half, long ones keep 95 %', (seed) => {
    const without = experiment(example('drop-tail'), seed);
    const bands = experiment(BANDS, seed, marking(20));
    const last = experiment(LONG_LAST, seed, marking(20, 8));
    expect(bands.meanMs).toBeLessThan(0.5 * without.meanMs);
    // A first packet that waits in the long band may be lost there, which costs a second.
    expect(last.meanMs).toBeLessThan(0.3 * without.meanMs);
    for (const { longBitsPerSec } of [bands, last])
      expect(longBitsPerSec).toBeGreaterThan(0.95 * without.longBitsPerSec);
    const [module] = bands.run.modules;
    expect(module).toMatchObject({ state: 'on', dropped: 0, errors: 0 });
    expect(module!.packets).toBeGreaterThan(10_000);
  });

  test('without marks the bands do nothing', () => {
    const [seed = 1] = SEEDS;
    const unmarked = experiment(BANDS, seed);
    expect(unmarked.meanMs).toBeGreaterThan(0.9 * experiment(example('drop-tail'), seed).meanMs);
  });
});
