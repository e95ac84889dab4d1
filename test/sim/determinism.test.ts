/** Same seed, same run: in virtual time, and through the live loop. */
import { expect, test } from 'vitest';
import { Engine } from '../../src/core/engine.ts';
import { Courtesy } from '../../src/io/nfqueue/courtesy.ts';
import type { NfqueuePort } from '../../src/io/nfqueue/nfqueue.ts';
import { startReactor } from '../../src/io/nfqueue/reactor.ts';
import type { RedSpec, ShaperSpec } from '../../src/spec/spec.ts';
import { runUntil } from '../port/driver.ts';
import { type SimArrival, SimPort } from '../port/sim-port.ts';
import { type EachInput, MS, repeat, SECOND, shaper, udp, up } from './world.ts';

const to = (dport: number) => [{ dport: [{ from: dport, to: dport }] }];
const RED: RedSpec = {
  adaptive: false,
  minBytes: 5000,
  maxBytes: 15_000,
  probability: 0.1,
  weight: 0.02,
  gentle: true,
  byteMode: false,
  meanPacketBytes: 1000,
};
const EACH: EachInput = { by: 'flow', rateBytesPerSec: 10_000, burstBytes: 3000, exceed: 'delay' };

function spec(red: RedSpec | null): ShaperSpec {
  const leaves = [
    { name: 'red', match: to(1), limitBytes: 30_000, ...(red ? { red } : {}) },
    { name: 'each', match: to(2), each: EACH, limitPackets: 50 },
  ];
  const police = { rateBytesPerSec: 100_000, burstBytes: 10_000 };
  return shaper({
    lan: { down: { rate: 1e6, burst: 1e4, police } },
    wan: { up: { rate: 125_000, burst: 3000, leaves } },
  });
}

const ARRIVALS = repeat(4000, MS, (t, n) =>
  up(t + ((n * 7919) % 1000), 64 + ((n * 613) % 1400), {
    shape: udp(n % 50, { dport: n % 3 }),
    ifIndexIn: n % 5 === 0 ? 1 : 99,
    ifIndexOut: 2,
  }),
);

/** Everything is answered by then. */
const END_NS = 60 * SECOND;

function newEngine(seed: number, red: RedSpec | null = RED): Engine {
  const engine = new Engine(spec(red), { seed });
  for (const [i, device] of engine.intake.devices.entries()) engine.intake.setDeviceIndex(device, i + 1);
  return engine;
}

function run(seed: number, red: RedSpec | null = RED): { hash: string; answered: number } {
  const port = new SimPort({ keepTrace: true });
  port.inject(ARRIVALS);
  runUntil(newEngine(seed, red), port, END_NS);
  return { hash: port.traceHash, answered: port.trace.length };
}

test('the same seed gives the same trace, another seed another one', () => {
  expect(run(1).answered).toBe(4000);
  const traces = [1, 1, 2, 3].map((seed) => run(seed).hash);
  expect(traces[1]).toBe(traces[0]);
  expect(new Set(traces).size).toBe(3);
});

test('without chance in the configuration the seed changes nothing: hash keys decide nothing', () => {
  expect(new Set([1, 2, 3].map((seed) => run(seed, null).hash)).size).toBe(1);
});

test('the trace of seed 1 is this one, on every machine', () => {
  // Changes when a rule of the core changes: then look at why, and write the new one down.
  expect(run(1).hash).toBe('6ae8d39f');
  expect(run(1, null).hash).toBe('ba36c05b');
});

test('a trace hash tells apart what, when and to whom', () => {
  const answer = (timeNs: number, lengthBytes: number, more: Partial<SimArrival> = {}): string => {
    const port = new SimPort({ keepTrace: false });
    port.inject([up(timeNs, lengthBytes, { ifIndexOut: 2, ...more })]);
    runUntil(newEngine(1), port, SECOND);
    return port.traceHash;
  };
  const base = answer(0, 100);
  expect(answer(0, 100)).toBe(base);
  for (const other of [answer(1, 100), answer(2 ** 32, 100), answer(0, 100, { nfqueue: 1 })])
    expect(other).not.toBe(base);
});

/** The live port's surface over a pretended kernel: what the reactor sees of io/nfqueue/nfqueue.ts. */
function livePort(inner: SimPort, onReady: NfqueuePort['onReady']): NfqueuePort {
  return {
    batch: inner.batch,
    slab: inner.slab,
    editOffset: inner.editOffset,
    get failureRows() {
      return inner.failureRows;
    },
    drain: () => inner.drain(),
    send: (count) => inner.send(count),
    arm: (dueNs) => inner.arm(dueNs),
    nowNs: () => inner.nowNs,
    get visitNs() {
      return inner.nowNs;
    },
    onReady,
    onLinks: () => {},
    granted: { gso: [false], rcvbufBytes: 0 },
    open: [0],
    setUp: () => {},
    closeNfqueue: () => {},
    counters: () => ({ enobufs: 0, truncated: 0, malformed: 0, verdictErrors: 0, sendErrors: 0 }),
    close: () => {},
  };
}

/** Wakes whenever packets come or the port is due. */
function drive(inner: SimPort, wake: () => void): void {
  for (;;) {
    const nextNs = Math.max(inner.nowNs, Math.min(inner.nextArrivalNs(), Math.ceil(inner.armedNs)));
    if (nextNs > END_NS) return;
    inner.nowNs = nextNs;
    wake();
  }
}

test('the live loop, woken at the same instants, gives the same trace as the virtual clock', () => {
  const inner = new SimPort({ keepTrace: false });
  inner.inject(ARRIVALS);
  let wake = (): void => {};
  const port = livePort(inner, (callback) => {
    wake = callback;
  });
  startReactor(port, newEngine(1));
  drive(inner, () => wake());
  expect(inner.traceHash).toBe(run(1).hash);
});

test('the live loop gives the first place back while superpackets press, and takes it again', () => {
  const inner = new SimPort({ keepTrace: false });
  // For 0.2 s 48 kB every 50 us, then small packets.
  inner.inject(repeat(4000, 0.05 * MS, (t) => up(t, 48_000, { ifIndexOut: 2 })));
  inner.inject(repeat(200, MS, (t) => up(t, 100, { ifIndexOut: 2 }), 0.2 * SECOND));
  let wake = (): void => {};
  const port = livePort(inner, (callback) => {
    wake = callback;
  });
  const asked: boolean[] = [];
  startReactor(port, newEngine(1), new Courtesy((first) => asked.push(first)));
  drive(inner, () => wake());
  expect(asked).toEqual([false, true]);
});
