/** What an engine tells of itself; what it decides is tested in test/sim and test/property. */
import { expect, test } from 'vitest';
import { Engine } from '../../../src/core/engine.ts';
import { TOTAL } from '../../../src/core/packets/stats.ts';
import { SimPort } from '../../port/sim-port.ts';
import { MS, repeat, SECOND, shaper, udp, up } from '../../sim/world.ts';

const SPEC = shaper({ wan: { up: { rate: 1000, burst: 1000 } } });

function bench() {
  const engine = new Engine(SPEC, { seed: 1 });
  for (const device of engine.intake.devices) engine.intake.setDeviceIndex(device, 7);
  return { engine, port: new SimPort({ keepTrace: true }) };
}

const packets = (count: number, ifIndexOut: number) =>
  repeat(count, 0, () => up(0, 1000, { shape: udp(1), ifIndexOut }));

test('a packet of a device without classes is accepted at once and counted', () => {
  const { engine, port } = bench();
  port.inject(packets(5, 8));
  expect(engine.runBatch(port, 0)).toBe(5);
  expect([port.trace.length, engine.stats.totals[TOTAL.unmatchedPackets]]).toEqual([5, 5]);
});

test('the port is armed for the next packet that is due, and for ever when none waits', () => {
  const { engine, port } = bench();
  port.inject(packets(2, 7));
  engine.runBatch(port, 0);
  // The burst pays for the first packet, a second of the rate for the second.
  expect([port.armedNs, engine.nextDueNs()]).toEqual([SECOND, SECOND]);
  engine.runBatch(port, SECOND);
  expect([port.trace.length, port.armedNs]).toEqual([2, Number.POSITIVE_INFINITY]);
});

test('packets due within the slack leave together', () => {
  const { port } = bench();
  const engine = new Engine(SPEC, { seed: 1, releaseSlackNs: MS });
  for (const device of engine.intake.devices) engine.intake.setDeviceIndex(device, 7);
  port.inject(packets(2, 7));
  engine.runBatch(port, 0);
  engine.runBatch(port, SECOND - 2 * MS);
  expect(port.trace.length).toBe(1);
  engine.runBatch(port, SECOND - MS);
  expect(port.trace.length).toBe(2);
});
