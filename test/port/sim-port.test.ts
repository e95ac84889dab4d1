/** The pretended kernel is as strict as the real one. */
import { expect, test } from 'vitest';
import { ARRIVAL_ROWS, FAILURE_ROWS } from '../../src/limits.ts';
import { NF_ACCEPT, NF_DROP, VERDICT_UP_TO } from '../../src/packet/batch.ts';
import { repeat, up } from '../sim/world.ts';
import { SimPort } from './sim-port.ts';

const ENOENT = 2;

/** A port that has presented `count` packets of one queue. */
function portWith(count: number, nfqueue = 0): SimPort {
  const port = new SimPort({ keepTrace: true });
  port.inject(repeat(count, 0, (t) => up(t, 100, { nfqueue })));
  while (port.drain() > 0) {
    // All of them.
  }
  return port;
}

function give(
  port: SimPort,
  rows: readonly { id: number; verdict: number; nfqueue?: number; tag?: number }[],
): void {
  const { packetId, verdict, nfqueue, tag } = port.batch.verdicts;
  for (const [row, v] of rows.entries()) {
    packetId[row] = v.id;
    verdict[row] = v.verdict;
    nfqueue[row] = v.nfqueue ?? 0;
    tag[row] = v.tag ?? 0;
  }
  port.send(rows.length);
}

const decided = (port: SimPort): string[] => port.trace.map((v) => `${v.verdict}:${v.nfqueue}:${v.packetId}`);

test('a packet has one verdict; a second one is refused with its tag', () => {
  const port = portWith(2);
  give(port, [
    { id: 1, verdict: NF_DROP, tag: 5 },
    { id: 1, verdict: NF_ACCEPT, tag: 6 },
    { id: 9, verdict: NF_ACCEPT, tag: 7 },
  ]);
  expect(decided(port)).toEqual(['0:0:1']);
  expect(port.heldPackets).toBe(1);
  expect(port.failureRows).toBe(0);
  port.drain();
  expect(port.failureRows).toBe(2);
  expect([...port.batch.failures.tag.subarray(0, 2)]).toEqual([6, 7]);
  expect([...port.batch.failures.errorNumber.subarray(0, 2)]).toEqual([ENOENT, ENOENT]);
  port.drain();
  expect(port.failureRows).toBe(0);
});

test('"up to" counts for everything older of its NFQUEUE, in order, and is refused when there is nothing', () => {
  const port = portWith(5);
  port.inject([up(0, 100, { nfqueue: 1 })]);
  port.drain();
  give(port, [
    { id: 2, verdict: NF_DROP },
    { id: 4, verdict: NF_ACCEPT | VERDICT_UP_TO },
    { id: 4, verdict: NF_ACCEPT | VERDICT_UP_TO, tag: 8 },
  ]);
  expect(decided(port)).toEqual(['0:0:2', '1:0:1', '1:0:3', '1:0:4']);
  expect(port.heldPackets).toBe(2);
  port.drain();
  expect([port.failureRows, port.batch.failures.tag[0]]).toEqual([1, 8]);
});

test('what the kernel forgot is refused, and ids go on growing', () => {
  const port = portWith(3);
  port.forgetHeld();
  expect(port.heldPackets).toBe(0);
  port.inject([up(0, 100)]);
  port.drain();
  expect(port.batch.arrivals.packetId[0]).toBe(4);
  give(port, [{ id: 1, verdict: NF_ACCEPT, tag: 1 }]);
  port.drain();
  expect(port.failureRows).toBe(1);
});

test('ids are counted per queue', () => {
  const port = new SimPort({ keepTrace: true });
  port.inject([0, 3, 0, 3].map((nfqueue) => up(0, 100, { nfqueue })));
  port.drain();
  expect([...port.batch.arrivals.packetId.subarray(0, 4)]).toEqual([1, 1, 2, 2]);
  expect([...port.batch.arrivals.nfqueue.subarray(0, 4)]).toEqual([0, 3, 0, 3]);
});

test('a drain gives one batch of what has come by now', () => {
  const port = new SimPort({ keepTrace: false });
  port.inject(repeat(ARRIVAL_ROWS + 10, 0, (t) => up(t, 100)));
  port.inject([up(5, 100)]);
  expect([port.drain(), port.drain(), port.drain()]).toEqual([ARRIVAL_ROWS, 10, 0]);
  expect(port.nextArrivalNs()).toBe(5);
  port.nowNs = 5;
  expect([port.drain(), port.nextArrivalNs()]).toEqual([1, Number.POSITIVE_INFINITY]);
});

test('refusals beyond a batch of them come with the next drains', () => {
  const port = portWith(0);
  const rows = Array.from({ length: FAILURE_ROWS + 3 }, (_, i) => ({ id: 1, verdict: NF_ACCEPT, tag: i }));
  give(port, rows);
  port.drain();
  expect(port.failureRows).toBe(FAILURE_ROWS);
  port.drain();
  expect([port.failureRows, port.batch.failures.tag[2]]).toEqual([3, FAILURE_ROWS + 2]);
});

test('a long list of arrivals is read to its end, in order', () => {
  const port = new SimPort({ keepTrace: false });
  const COUNT = 70_000;
  port.inject(repeat(COUNT, 0, (t, n) => up(t, n + 1)));
  let expected = 1;
  for (let rows = port.drain(); rows > 0; rows = port.drain())
    for (let row = 0; row < rows; row++) if (port.batch.arrivals.lengthBytes[row] === expected) expected++;
  expect(expected).toBe(COUNT + 1);
});

test('the hash does not depend on keeping the trace', () => {
  const hashes = [true, false].map((keepTrace) => {
    const port = new SimPort({ keepTrace });
    port.inject([up(0, 100)]);
    port.drain();
    give(port, [{ id: 1, verdict: NF_ACCEPT }]);
    expect(port.trace.length).toBe(keepTrace ? 1 : 0);
    return port.traceHash;
  });
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[0]).not.toBe(portWith(0).traceHash);
});

/** Gives packet 1 the verdict with these new bytes at the start of the edit area. */
function giveWith(port: SimPort, bytes: readonly number[], verdict = NF_ACCEPT): void {
  const { payloadOffset, payloadBytes } = port.batch.verdicts;
  port.slab.set(bytes, port.editOffset);
  payloadOffset[0] = port.editOffset;
  payloadBytes[0] = bytes.length;
  give(port, [{ id: 1, verdict }]);
}

const NEW_BYTES = [0x45, 0, 0, 21, ...new Array(17).fill(9)];

test('copies as much as the NFQUEUE asks for, and zeros for what the packet does not say', () => {
  const port = new SimPort({ keepTrace: true, copyBytes: [1500, 40] });
  port.slab.fill(0xee);
  port.inject([0, 1].map((nfqueue) => up(0, 1000, { nfqueue })));
  port.drain();
  const { copiedBytes, slabOffset } = port.batch.arrivals;
  expect([...copiedBytes.subarray(0, 2)]).toEqual([1000, 40]);
  expect(new Set(port.slab.subarray(slabOffset[0]! + 100, slabOffset[0]! + 1000))).toEqual(new Set([0]));
  expect(port.slab[slabOffset[0]! + 1000]).toBe(0xee);
});

test('new bytes come into trace and hash', () => {
  const ports = [NEW_BYTES, [...NEW_BYTES.slice(0, -1), 8]].map((bytes) => {
    const port = portWith(1);
    giveWith(port, bytes);
    return port;
  });
  expect([...ports[0]!.trace[0]!.payload!]).toEqual(NEW_BYTES);
  expect(ports[0]!.traceHash).not.toBe(ports[1]!.traceHash);
});

test('new bytes for a late packet are refused like any verdict', () => {
  const port = portWith(1);
  port.forgetHeld();
  giveWith(port, NEW_BYTES);
  port.drain();
  expect([port.trace.length, port.failureRows]).toEqual([0, 1]);
});

test.each<[string, readonly number[], number, number]>([
  ['copied whole', NEW_BYTES, NF_ACCEPT, 1000],
  ['accepted', NEW_BYTES, NF_DROP, 100],
  ['accepted', NEW_BYTES, NF_ACCEPT | VERDICT_UP_TO, 100],
  ['says their length', NEW_BYTES.slice(0, -1), NF_ACCEPT, 100],
  ['says their length', [0x60, 0, 0, 0, 0, 7, ...new Array(40).fill(0)], NF_ACCEPT, 100],
])('new bytes that are wrong are an error of the caller: %s', (message, bytes, verdict, lengthBytes) => {
  const port = new SimPort({ keepTrace: true });
  port.inject([up(0, lengthBytes)]);
  port.drain();
  expect(() => giveWith(port, bytes, verdict)).toThrow(message);
});
