/**
 * Hosts that become others while they have turns: addresses of a crowded IPv6 prefix join it, and the record
 * that they leave is a link of the lists of turns.
 */
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { prepareScenario } from '../../src/sim/simulation.ts';
import { seeds } from '../effort.ts';

test('three hundred flats behind one prefix, on the plainest configuration', () => {
  const { spec } = loadConfig('links: { wan: { device: wan0, up: 1mbit, down: 16mbit } }\n', 'plain');
  for (const seed of seeds([1, 2, 3, 4])) {
    const run = prepareScenario(spec, 'flats-300', seed, { durationNs: 5e9, samples: 10 });
    // A broken list has stopped the engine after three seconds.
    while (run.step()) expect(run.world.nowNs).toBeLessThanOrEqual(5e9);
    expect(run.world.arrivals).toBeGreaterThan(8000);
  }
});
