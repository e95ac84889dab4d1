import { expect, test } from 'vitest';
import { Engine } from '../../src/core/engine.ts';
import { repeat, shaper, up } from '../sim/world.ts';
import { runUntil } from './driver.ts';
import { SimPort } from './sim-port.ts';

/** Notes every instant at which the engine is run. */
class ClockedEngine extends Engine {
  readonly instants: number[] = [];

  override runBatch(...[port, nowNs]: Parameters<Engine['runBatch']>): number {
    this.instants.push(nowNs);
    return super.runBatch(port, nowNs);
  }
}

function start(rate: number): { engine: ClockedEngine; port: SimPort } {
  const engine = new ClockedEngine(shaper({ wan: { up: { rate, burst: 100 } } }), {
    seed: 1,
    releaseSlackNs: 0,
  });
  engine.intake.setDeviceIndex('wan0', 1);
  return { engine, port: new SimPort({ keepTrace: true }) };
}

test('the engine runs at every arrival and when it asked to be woken, on whole nanoseconds', () => {
  // 3 B a nanosecond: 100 B take 33.33 ns.
  const { engine, port } = start(3e9);
  port.inject([...repeat(3, 0, (t) => up(t, 100), 10), up(50, 100)]);
  runUntil(engine, port, 1000);
  expect(engine.instants).toEqual([10, 44, 50, 77, 110]);
  expect(port.trace.map((v) => v.timeNs)).toEqual([10, 44, 77, 110]);
  expect(port.nowNs).toBe(1000);
});

test('late timers delay what was asked for, not arrivals', () => {
  const { engine, port } = start(1e9);
  port.inject([...repeat(2, 0, (t) => up(t, 100), 10), up(60, 100)]);
  runUntil(engine, port, 1000, 70);
  // The second is due at 110, the third, by the instants that count, at 210.
  expect(engine.instants).toEqual([10, 60, 180, 280]);
});

test('what lies beyond the end waits for the next call', () => {
  const { engine, port } = start(1e9);
  port.inject(repeat(4, 0, (t) => up(t, 100)));
  runUntil(engine, port, 150);
  expect(port.trace.map((v) => v.timeNs)).toEqual([0, 100]);
  runUntil(engine, port, 199);
  expect([port.trace.length, port.nowNs]).toEqual([2, 199]);
  runUntil(engine, port, 200);
  expect(port.trace.length).toBe(3);
  runUntil(engine, port, 200);
  expect(port.trace.length).toBe(3);
});

test('more packets than a batch holds at one instant are all handled at that instant', () => {
  const { engine, port } = start(1e15);
  port.inject(repeat(1000, 0, (t) => up(t, 1), 7));
  runUntil(engine, port, 7);
  expect(port.trace.length).toBe(1000);
  expect(new Set(engine.instants)).toEqual(new Set([7]));
});
