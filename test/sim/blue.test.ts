/** BLUE of examples/modules in virtual time: what the guide shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { readOptions } from '../../src/config/modules/options.ts';
import { moduleSpecOf } from '../../src/config/modules/spec.ts';
import { loadModule } from '../../src/io/modules/loader.ts';
import type { ModulesOptions } from '../../src/sim/modules/world-modules.ts';
import { runScenario } from '../../src/sim/simulation.ts';
import { classOf, SEEDS } from './experiments.ts';

const FOLDER = join(import.meta.dirname, '../../examples/modules');

async function blue(
  text: string,
): Promise<{ spec: ReturnType<typeof loadConfig>['spec']; modules: ModulesOptions }> {
  const { spec, modules } = loadConfig(text, 'blue.yaml');
  const [{ use, options: given, ...how }] = modules as [(typeof modules)[number]];
  const { definition } = await loadModule(use, FOLDER);
  const options = readOptions(definition, given);
  const world = { hosts: spec.hosts, ownMarkMask: 0, accounts: null };
  const module = { use, definition, options, spec: moduleSpecOf(definition, 'blue', how, options, world) };
  const setClass = () => {
    throw new Error('nothing is set');
  };
  return { spec, modules: { modules: [module], setClass, log: () => {} } };
}

test.each(SEEDS)(
  'seed %i: the queue is shorter, its tail loses next to nothing, the line stays full',
  async (seed) => {
    const { spec, modules } = await blue(readFileSync(join(FOLDER, 'blue.yaml'), 'utf8'));
    const plain = classOf(runScenario(spec, 'eight-flows', seed), 'wan/up/default');
    const run = runScenario(spec, 'eight-flows', seed, { modules });
    const managed = classOf(run, 'wan/up/default');
    expect(run.modules[0]).toMatchObject({ state: 'on', errors: 0, stolen: 0 });
    expect(managed.delayMilliseconds.p50).toBeLessThan(0.4 * plain.delayMilliseconds.p50);
    // The report has all drops of the class. At the start BLUE has not learnt anything, and the queue
    // overflows.
    const overflowed = managed.dropped - run.modules[0]!.dropped;
    expect(overflowed).toBeLessThan(0.4 * plain.dropped);
    expect(managed.throughputBitsPerSecond).toBeGreaterThan(0.96 * plain.throughputBitsPerSecond);
  },
);
