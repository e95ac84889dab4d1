import { expect, test } from 'vitest';
import { leastConnections, shareOf, TunnelController } from '../../../../src/algo/tunnel/controller.ts';

function run(controller: TunnelController, capacity: number, foreign: number, periods: number): number[] {
  return Array.from({ length: periods }, () =>
    controller.step(shareOf(capacity, controller.connections, foreign), true),
  );
}

test('invariants 1 and 2: by the model m moves by +2 or -1 and ends near the least', () => {
  for (const foreign of [1, 2, 4, 8, 16, 30]) {
    for (const start of [1, 5, 40]) {
      const controller = new TunnelController({ target: 8, connectionsMax: 40 }, start);
      const path = [start, ...run(controller, 20, foreign, 100)];
      path.slice(1).forEach((m, i) => {
        expect(m - (path[i] as number)).toBeLessThanOrEqual(2);
        expect(m - (path[i] as number)).toBeGreaterThanOrEqual(-1);
      });
      const end = controller.connections;
      const least = leastConnections(8, 20, foreign, 40);
      expect(shareOf(20, end, foreign)).toBeGreaterThanOrEqual(8 * 0.95);
      expect(Math.abs(end - least)).toBeLessThanOrEqual(Math.ceil(least * 0.1));
      expect(path.slice(-10)).toEqual(Array.from({ length: 10 }, () => end));
      expect(controller.isUnreachable).toBe(false);
    }
  }
});

test('m falls again when the others leave', () => {
  const controller = new TunnelController({ target: 8, connectionsMax: 40 });
  run(controller, 20, 8, 20);
  expect(controller.connections).toBe(5);
  run(controller, 20, 1, 20);
  expect(controller.connections).toBe(1);
});

test('a trial with one connection less is taken back if it falls short, and comes ever more rarely', () => {
  const controller = new TunnelController({ target: 4, connectionsMax: 40 }, 2);
  const path = run(controller, 10, 2, 400);
  const trials = path.flatMap((m, i) => (m === 1 ? [i] : []));
  expect(trials.slice(1).map((at, i) => at - (trials[i] as number))).toEqual([33, 65, 129]);
  expect(new Set(path)).toEqual(new Set([1, 2]));
});

test('invariant 3: a period without demand says nothing, unless the goodput is above the target', () => {
  const controller = new TunnelController({ target: 8, connectionsMax: 40 }, 5);
  for (let period = 0; period < 100; period++) controller.step(0.5, false);
  expect([controller.connections, controller.isUnreachable]).toEqual([5, false]);
  controller.step(16, false);
  expect(controller.connections).toBe(4);
});

test('a target beyond the bottleneck opens few connections, and is told; it winds nothing up', () => {
  const controller = new TunnelController({ target: 30, connectionsMax: 64 });
  const path = run(controller, 20, 0, 300);
  expect(Math.max(...path)).toBeLessThan(20);
  expect(controller.isUnreachable).toBe(true);
  controller.step(30, true);
  expect(controller.isUnreachable).toBe(false);
});

test('no gain once is chance, as when others come meanwhile; twice in a row it is told', () => {
  const controller = new TunnelController({ target: 8, connectionsMax: 64 }, 4);
  controller.step(7, true);
  expect(controller.connections).toBe(5);
  controller.step(6, true);
  expect([controller.connections, controller.isUnreachable]).toEqual([5, false]);
  const more = [6, 6, 6, 6].map((goodput) => {
    const connections = controller.step(goodput, true);
    return [connections, controller.isUnreachable];
  });
  expect(more).toEqual([
    [5, false],
    [7, false],
    [7, true],
    [7, true],
  ]);
});

test('at the maximum a missed target is told', () => {
  const controller = new TunnelController({ target: 8, connectionsMax: 3 });
  const path = run(controller, 20, 8, 10);
  expect([path.at(-1), controller.isUnreachable]).toEqual([3, true]);
});

test('nothing came through although there was demand: two connections more each time', () => {
  const controller = new TunnelController({ target: 8, connectionsMax: 9 });
  expect([controller.step(0, true), controller.step(0, true)]).toEqual([3, 5]);
});
