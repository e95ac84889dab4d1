import { expect, test } from 'vitest';
import { namedDevices } from '../../../src/spec/devices.ts';
import { shaper } from '../../sim/world.ts';

test('devices of links come first, then those of matchers, inner classes included, each once', () => {
  const tree = { rate: 1000, burst: 1000 };
  const spec = shaper({
    wan: {
      up: {
        ...tree,
        leaves: [
          { name: 'a', match: [{ iif: ['lan1', 'dsl0'] }, { oif: ['tun0'] }] },
          { name: 'in', classes: [{ name: 'b', match: [{ iif: ['lan2', 'lan1'] }] }] },
        ],
      },
    },
    dsl: { down: { ...tree, leaves: [{ name: 'c', match: [{ oif: ['lan3'] }] }] } },
  });
  expect(namedDevices(spec)).toEqual(['wan0', 'dsl0', 'lan1', 'tun0', 'lan2', 'lan3']);
});
