/** How many batches a wake-up handles, and at which instants. */
import { expect, test } from 'vitest';
import type { Engine } from '../../../../src/core/engine.ts';
import { TOTAL } from '../../../../src/core/packets/stats.ts';
import type { Courtesy } from '../../../../src/io/nfqueue/courtesy.ts';
import type { NfqueuePort } from '../../../../src/io/nfqueue/nfqueue.ts';
import { finishReactor, startReactor } from '../../../../src/io/nfqueue/reactor.ts';
import { ARRIVAL_ROWS, BATCHES_PER_WAKEUP_MAX } from '../../../../src/limits.ts';
import { shaper, World } from '../../../sim/world.ts';

/** An engine whose batches have these numbers of rows, then none. The clock goes on by 1 ns a reading. */
function setUp(rows: number[]): {
  wake: () => void;
  port: NfqueuePort;
  engine: Engine;
  instants: number[];
  armed: number[];
} {
  const { engine } = new World(shaper({ wan: { up: { rate: 1, burst: 1 } } }));
  const instants: number[] = [];
  const armed: number[] = [];
  engine.runBatch = (_, nowNs) => {
    instants.push(nowNs);
    return rows.shift() ?? 0;
  };
  let clockNs = 100;
  let wake = (): void => {};
  const port = {
    nowNs: () => clockNs++,
    get visitNs() {
      return clockNs++;
    },
    arm: (dueNs: number) => armed.push(dueNs),
    onReady: (callback: () => void) => {
      wake = callback;
    },
  } as unknown as NfqueuePort;
  return { wake: () => wake(), port, engine, instants, armed };
}

test('the first batch is asked for at once', () => {
  const { port, engine, armed } = setUp([]);
  startReactor(port, engine);
  expect(armed).toEqual([100]);
});

test('a full batch is followed by another, each at its own instant; a wake-up has a bounded number', () => {
  const full = new Array(BATCHES_PER_WAKEUP_MAX + 2).fill(ARRIVAL_ROWS);
  const { wake, port, engine, instants } = setUp([...full, ARRIVAL_ROWS - 1, ARRIVAL_ROWS]);
  startReactor(port, engine);
  wake();
  expect(instants).toEqual(Array.from({ length: BATCHES_PER_WAKEUP_MAX }, (_, i) => 101 + i));
  wake();
  expect(instants.length).toBe(BATCHES_PER_WAKEUP_MAX + 3);
  wake();
  expect(instants.length).toBe(BATCHES_PER_WAKEUP_MAX + 5);
});

test('courtesy sees the totals before the batch, once a wake-up', () => {
  const { wake, port, engine } = setUp([ARRIVAL_ROWS, 3]);
  const looks: number[][] = [];
  const courtesy = { look: (...values: number[]) => looks.push(values) } as unknown as Courtesy;
  startReactor(port, engine, courtesy);
  wake();
  wake();
  expect(looks).toEqual([
    [101, 0, 0],
    [103, 0, 0],
  ]);
});

test('the watch for lost packets hears of wake-ups after which packets wait, and of refused verdicts', () => {
  const { wake, port, engine } = setUp([]);
  const told: string[] = [];
  startReactor(port, engine, undefined, { watch: () => told.push('wait'), look: () => told.push('lost') });
  const { totals } = engine.stats;
  let onBatch = (): void => {};
  engine.runBatch = () => {
    onBatch();
    return 1;
  };
  wake();
  expect(told).toEqual([]);
  totals[TOTAL.heldPackets] = 2;
  wake();
  expect(told.splice(0)).toEqual(['wait']);
  totals[TOTAL.heldPackets] = 0;
  onBatch = () => {
    totals[TOTAL.lostPackets]! += 1;
  };
  wake();
  expect(told).toEqual(['lost']);
});

test('the end accepts at the present instant', () => {
  const { port, engine } = setUp([]);
  const ends: unknown[] = [];
  engine.releaseAll = (...values) => ends.push(values);
  finishReactor(port, engine);
  expect(ends).toEqual([[port, 100]]);
});
