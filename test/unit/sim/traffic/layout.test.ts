/** Which devices, queue and lines packets take between inside and outside. */
import { describe, expect, test } from 'vitest';
import { UNLIMITED_BYTES_PER_SEC } from '../../../../src/base/units.ts';
import { addStops, bottleneckOf, Layout, planRoutes } from '../../../../src/sim/traffic/layout.ts';
import type { Bottleneck, HostSpec } from '../../../../src/sim/traffic/traffic.ts';
import { delayLine } from '../../../../src/sim/world/lines.ts';
import { HOP_END, hopOfRoute } from '../../../../src/sim/world/world.ts';
import type { ShaperRoute } from '../../../../src/sim/world/world-port.ts';
import type { ModuleSpec } from '../../../../src/spec/modules.ts';
import type { ShaperSpec } from '../../../../src/spec/spec.ts';
import { shaper } from '../../../sim/world.ts';

const TREE = { rate: 1e6, burst: 3000 };
const IN: HostSpec = { name: 'in', side: 'inside', address: 1 };
const OUT: HostSpec = { name: 'out', side: 'outside', address: 2 };

/** Interface indices 1, 2, … by the order of names. */
function routes(spec: ShaperSpec, devices: readonly string[]) {
  return planRoutes(spec, devices, (device) => devices.indexOf(device) + 1);
}

describe('routes', () => {
  test('both directions of one link, each by its own queue', () => {
    const spec = shaper({ wan: { up: TREE, down: TREE } }, { count: 2 });
    const { up, down } = routes(spec, ['wan0']);
    expect(up).toMatchObject({ ifIndexOut: 1, nfqueue: 0 });
    expect(down).toMatchObject({ ifIndexIn: 1, nfqueue: 1 });
    expect(up?.ifIndexIn).toBe(down?.ifIndexOut);
    expect(up?.ifIndexIn).not.toBe(1);
  });

  test('a direction that nobody shapes has none', () => {
    expect(routes(shaper({ wan: { down: TREE } }), ['wan0']).up).toBeNull();
  });

  test('with two links the second is the inside: both are crossed', () => {
    const spec = shaper({ wan: { up: TREE }, lan: { down: TREE } });
    expect(routes(spec, ['wan0', 'lan0'])).toEqual({
      up: { ifIndexIn: 2, ifIndexOut: 1, nfqueue: 0 },
      down: null,
      unlimited: { up: false, down: false },
    });
  });

  test('a device that matchers name is the inside', () => {
    const { up } = routes(shaper({ wan: { up: TREE } }), ['wan0', 'guests0']);
    expect(up?.ifIndexIn).toBe(2);
  });
});

describe('stops of modules', () => {
  const module = (hooks: ModuleSpec['hooks']): ModuleSpec => ({
    ...{ name: 'm', run: 'user', priority: 100, hooks, interest: null, payload: false, kernelRules: {} },
  });
  const stops = (
    hooks: ModuleSpec['hooks'],
    direction: 'up' | 'down',
    links: Parameters<typeof shaper>[0],
  ) => {
    const planned = routes({ ...shaper(links), modules: [module(hooks)] }, ['wan0']);
    const list: ShaperRoute[] = [];
    return addStops(list, planned, direction).map((r) => list[r]);
  };
  const whole = { nfqueue: 1, isWhole: true };

  test('are where the packet comes by, and classes are met once', () => {
    expect(stops(['prerouting', 'forward', 'postrouting'], 'up', { wan: { up: TREE } })).toEqual([
      { ...whole, ifIndexIn: 0xffff, ifIndexOut: 0, hook: 0, classStop: 0 },
      { ...whole, ifIndexIn: 0xffff, ifIndexOut: 1, hook: 2, classStop: 0 },
      { ...whole, ifIndexIn: 0xffff, ifIndexOut: 1, hook: 4, classStop: 0 },
    ]);
    expect(stops(['postrouting'], 'up', { wan: { up: TREE } })).toMatchObject([
      { nfqueue: 0 },
      { nfqueue: 1 },
    ]);
  });

  test('are there for packets without classes as well', () => {
    expect(stops(['forward'], 'down', { wan: { up: TREE } })).toEqual([
      { ...whole, ifIndexIn: 1, ifIndexOut: 0xffff, hook: 2, classStop: -1 },
    ]);
    expect(stops(['input'], 'down', { wan: { up: TREE } })).toEqual([]);
  });
});

test('the bottleneck is the first link; a direction it does not shape counts as fast as the other', () => {
  const spec = shaper({ wan: { up: TREE }, lan: { down: { rate: 5e6, burst: 3000 } } });
  expect(bottleneckOf(spec)).toEqual({
    upBytesPerSec: 1e6,
    downBytesPerSec: 1e6,
    shapesUp: true,
    shapesDown: false,
  });
  expect(() => bottleneckOf({ ...spec, links: [] })).toThrow(RangeError);
  const unlimited = { rate: UNLIMITED_BYTES_PER_SEC, burst: 1e12 };
  expect(bottleneckOf(shaper({ wan: { up: TREE, down: unlimited } }))).toEqual(bottleneckOf(spec));
  expect(routes(shaper({ wan: { up: TREE, down: unlimited } }), ['wan0'])).toMatchObject({
    down: { nfqueue: 0 },
    unlimited: { up: false, down: true },
  });
  expect(bottleneckOf(shaper({ wan: { up: unlimited } }))).toMatchObject({
    upBytesPerSec: 12.5e6,
    shapesUp: false,
  });
});

describe('ways', () => {
  const both: Bottleneck = { upBytesPerSec: 1e6, downBytesPerSec: 2e6, shapesUp: true, shapesDown: true };
  const up = { ifIndexIn: 9, ifIndexOut: 1, nfqueue: 0 };
  const down = { ifIndexIn: 1, ifIndexOut: 9, nfqueue: 1 };
  const wayFrom = (layout: Layout, from: number): number[] =>
    layout.hops.slice(from, layout.hops.indexOf(HOP_END, from) + 1);

  test('shaped both ways: shaper, propagation; flows with one delay share a line', () => {
    const layout = new Layout({ hosts: [IN, OUT] }, both, { up, down });
    const forth = layout.way('in', 'out', 5e6);
    const back = layout.way('out', 'in', 5e6);
    expect(layout.lines).toEqual([delayLine(5e6)]);
    expect(wayFrom(layout, forth)).toEqual([hopOfRoute(0), 0, HOP_END]);
    expect(wayFrom(layout, back)).toEqual([0, hopOfRoute(1), HOP_END]);
    expect(layout.way('in', 'out', 5e6)).toBe(forth);
    expect(layout.routes).toEqual([up, down]);
  });

  test('what nobody shapes runs at the bottleneck’s rate with a modem’s buffer; a line that is given stands as it is', () => {
    const layout = new Layout({ hosts: [IN, OUT] }, both, { up, down: null });
    expect(layout.lines).toEqual([{ ...delayLine(0), rateBytesPerSec: 2e6, limitBytes: 200_000 }]);
    const line = { ...delayLine(3), rateBytesPerSec: 7e6 };
    expect(new Layout({ hosts: [IN, OUT], line: { down: line } }, both, { up, down }).lines).toEqual([line]);
  });

  test('a direction that the shaper only counts passes it, and has a line all the same', () => {
    const layout = new Layout({ hosts: [IN, OUT] }, both, { up, down, unlimited: { up: false, down: true } });
    expect(layout.lines).toEqual([{ ...delayLine(0), rateBytesPerSec: 2e6, limitBytes: 200_000 }]);
    expect(wayFrom(layout, layout.way('out', 'in', 0))).toEqual([1, 0, hopOfRoute(1), HOP_END]);
  });

  test('access lines stand at both ends, one for each direction', () => {
    const access = { ...delayLine(1e6), rateBytesPerSec: 5e5 };
    const layout = new Layout({ hosts: [{ ...IN, access }, OUT] }, both, { up, down });
    expect(layout.lines).toEqual([access, access]);
    expect(wayFrom(layout, layout.way('in', 'out', 0))).toEqual([0, hopOfRoute(0), 2, HOP_END]);
    expect(wayFrom(layout, layout.way('out', 'in', 0))).toEqual([2, hopOfRoute(1), 1, HOP_END]);
  });

  test('unknown hosts and hosts on one side are refused', () => {
    const layout = new Layout({ hosts: [IN, { ...IN, name: 'neighbour' }] }, both, { up, down });
    expect(() => layout.way('in', 'nobody', 0)).toThrow(/nobody/);
    expect(() => layout.way('in', 'neighbour', 0)).toThrow(/one side/);
  });
});
