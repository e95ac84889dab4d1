/** Verdict rows: which answers are joined, in which order they are written, what marks they carry. */
import { expect, test } from 'vitest';
import { Engine } from '../../../../src/core/engine.ts';
import { TOTAL } from '../../../../src/core/packets/stats.ts';
import { ARRIVAL_ROWS } from '../../../../src/limits.ts';
import {
  NF_ACCEPT,
  NF_DROP,
  NF_INET_LOCAL_OUT,
  NF_REPEAT,
  VERDICT_SET_MARK,
  VERDICT_UP_TO,
} from '../../../../src/packet/batch.ts';
import { MARK_ASKS, markBits } from '../../../../src/spec/mark-codes.ts';
import { planQueues } from '../../../../src/spec/queue-plan.ts';
import { type SimArrival, SimPort } from '../../../port/sim-port.ts';
import { repeat, SECOND, shaper, udp, up, World } from '../../../sim/world.ts';

const ACCEPT = NF_ACCEPT | VERDICT_SET_MARK;
const ACCEPT_UP_TO = ACCEPT | VERDICT_UP_TO;
const MASK = 0xff000000;
/** Packets to port 1 wait for ever, to port 2 are dropped, others pass. */
const leaves = [
  { name: 'hold', match: [{ dport: [{ from: 1, to: 1 }] }], ceil: 1e-6, burst: 1 },
  { name: 'drop', match: [{ dport: [{ from: 2, to: 2 }] }], police: { rateBytesPerSec: 1, burstBytes: 1 } },
];

function world(): World {
  const w = new World(
    shaper({ wan: { up: { rate: 1e9, burst: 1e9, leaves } } }, { count: 2, markMask: MASK }),
  );
  // The first packet of `hold` leaves in debt; every later one waits.
  w.inject([packet('hold')]);
  w.run(0);
  w.port.rows.length = 0;
  return w;
}

function packet(kind: 'hold' | 'drop' | 'pass', more: Partial<SimArrival> = {}): SimArrival {
  return up(0, 100, { shape: udp(1, { dport: { hold: 1, drop: 2, pass: 3 }[kind] }), ...more });
}

/** Rows written for a batch of these packets: "verdict id", ids counted from 1 after the preparation. */
function rowsOf(kinds: readonly ('hold' | 'drop' | 'pass')[]): string[] {
  const w = world();
  w.inject(kinds.map((kind) => packet(kind)));
  w.run(0);
  expect(w.totals.lostPackets).toBe(0);
  return textOf(w);
}

function textOf(w: World): string[] {
  const names: Record<number, string> = { [ACCEPT]: 'accept', [ACCEPT_UP_TO]: 'up to', [NF_DROP]: 'drop' };
  return w.port.rows.map((row) => `${names[row.verdict] ?? row.verdict} ${row.packetId - 1}`);
}

test('packets accepted in a row become one row', () => {
  expect(rowsOf(['pass', 'pass', 'pass'])).toEqual(['up to 3']);
});

test('a single packet is answered by its own id only', () => {
  expect(rowsOf(['pass'])).toEqual(['accept 1']);
});

test('the example of the header: drops between are answered before, what follows a held packet by itself', () => {
  expect(rowsOf(['pass', 'drop', 'pass', 'hold', 'pass'])).toEqual(['drop 2', 'up to 3', 'accept 5']);
});

test('nothing is joined while an older packet waits', () => {
  expect(rowsOf(['hold', 'pass', 'pass'])).toEqual(['accept 2', 'accept 3']);
});

test('a packet that waits in one queue does not keep those of another from being joined', () => {
  const w = world();
  w.inject([packet('hold'), ...repeat(3, 0, () => packet('pass', { nfqueue: 1 }))]);
  w.run(0);
  expect(w.port.rows).toEqual([{ timeNs: 0, nfqueue: 1, packetId: 3, verdict: ACCEPT_UP_TO, mark: 0 }]);
});

test('a run is cut where the mark changes, for a joined answer sets one mark', () => {
  const w = world();
  w.inject([1, 1, 2, 2, 2].map((mark) => packet('pass', { mark })));
  w.run(0);
  expect(w.port.rows.map(({ packetId, verdict, mark }) => [packetId - 1, verdict, mark])).toEqual([
    [2, ACCEPT_UP_TO, 1],
    [5, ACCEPT_UP_TO, 2],
  ]);
});

test('our bits are cleared from the mark and all others kept', () => {
  const w = world();
  w.inject([packet('pass', { mark: 0xa5123456 }), packet('drop', { mark: 0xa5123456 })]);
  w.run(0);
  expect(w.port.rows.map(({ verdict, mark }) => [verdict, mark])).toEqual([
    [NF_DROP, 0],
    [ACCEPT, 0x123456],
  ]);
  const low = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e9 } } }, { markMask: 0x00ff0000 }));
  low.inject([packet('pass', { mark: 0xa5123456 })]);
  low.run(0);
  expect(low.port.rows.map(({ mark }) => mark)).toEqual([0xa5003456]);
});

test('at local output no mark is set, for a changed one would route the packet again', () => {
  const w = world();
  const local = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0, mark: 0xa5123456 };
  w.inject([packet('pass', local), packet('pass', local), packet('pass', { mark: 0x123456 })]);
  w.run(0);
  expect(w.port.rows.map(({ packetId, verdict }) => [packetId - 1, verdict])).toEqual([
    [2, NF_ACCEPT | VERDICT_UP_TO],
    [3, ACCEPT],
  ]);
});

test('where rules share their chains, these run again, and see that the packet has been here', () => {
  const spec = shaper({ wan: { up: { rate: 1e9, burst: 1e9 } } }, { markMask: MASK });
  const w = new World(spec, { plan: { ...planQueues(spec), sharesChains: true } });
  const local = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0, mark: 0x01000005 };
  w.inject([packet('pass', { mark: 0x01000005 }), packet('pass', local)]);
  w.run(0);
  const REPEAT = NF_REPEAT | VERDICT_SET_MARK;
  expect(w.port.rows.map(({ verdict, mark }) => [verdict, mark])).toEqual([
    [REPEAT, 5],
    [REPEAT, markBits(MASK, MARK_ASKS) + 5],
  ]);
  expect(w.totals.acceptedPackets).toBe(2);
});

test('all rows of a batch go out in one send', () => {
  const w = new World(shaper({ wan: { up: { rate: 1000, burst: 1000 } } }));
  w.inject(repeat(ARRIVAL_ROWS, 0, () => packet('pass')));
  w.run(0);
  // Ten by the burst, in one row; then those that waited, one by one.
  expect([w.port.sends, w.port.verdictRows]).toEqual([1, 1]);
  w.engine.runBatch(w.port, 100 * SECOND);
  expect([w.port.sends, w.port.verdictRows]).toEqual([2, 1 + ARRIVAL_ROWS - 10]);
});

test('more rows than the columns have are sent in several calls, and none is lost', () => {
  const w = new World(shaper({ wan: { up: { rate: 1000, burst: 1000 } } }));
  w.inject(repeat(5000, 0, () => packet('pass')));
  w.run(0);
  w.engine.runBatch(w.port, 1e4 * SECOND);
  expect(w.totals).toMatchObject({ acceptedPackets: 5000, heldPackets: 0, lostPackets: 0 });
  expect(w.port.heldPackets).toBe(0);
});

test('a packet is answered at the port that brought it, whichever port runs when it leaves', () => {
  const spec = shaper({ wan: { up: { rate: 1000, burst: 1000 } } }, { count: 2 });
  const engine = new Engine(spec, { seed: 1 });
  for (const device of engine.intake.devices) engine.intake.setDeviceIndex(device, 7);
  const ports = [0, 1].map((nfqueue) => {
    const port = new SimPort({ keepTrace: true });
    const waiting = repeat(3, 0, () => up(0, 1000, { shape: udp(1), ifIndexOut: 7, nfqueue }));
    port.inject([...waiting, up(SECOND, 1000, { shape: udp(1), ifIndexOut: 7, nfqueue })]);
    engine.runBatch(port, 0);
    return port;
  });
  // Only the first port runs again: 1000 bytes a second let three packets of the first NFQUEUE and one of the
  // second go.
  for (const s of [1, 2, 3]) engine.runBatch(ports[0]!, s * SECOND);
  expect(ports.map((port) => port.trace.map(({ nfqueue, packetId }) => [nfqueue, packetId]))).toEqual([
    [
      [0, 1],
      [0, 2],
      [0, 3],
    ],
    [[1, 1]],
  ]);
  ports[1]!.forgetHeld();
  engine.runBatch(ports[0]!, 5 * SECOND);
  engine.runBatch(ports[1]!, 5 * SECOND);
  expect(engine.stats.totals[TOTAL.lostPackets]).toBe(2);
});
