import { describe, expect, it } from 'vitest';
import { NONE } from '../../../src/base/none.ts';
import { type ClassLabel, SnapshotReader, SnapshotWriter } from '../../../src/control/snapshot.ts';
import { createStats, TOTAL } from '../../../src/core/packets/stats.ts';

const SOCKET = { truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 };

function label(path: string, parent: number): ClassLabel {
  return { path, parent, rateBytesPerSec: 1, ceilBytesPerSec: 2, isPaced: false };
}

/** A source whose classes the test changes. */
function setUp() {
  const source = {
    generation: 0,
    classes: [label('w/up', NONE), label('w/up/a', 0)],
    stats: createStats(2),
    flows: { buffer: new SharedArrayBuffer(0), classChanges: 5 },
    nowNs: () => 7,
    nfqueues: () => ({ open: [], closedDrops: { queueFull: 0, socketFull: 0 } }),
    socketCounters: () => SOCKET,
    warnings: ['w/up is silent'],
    eachClasses: () => [],
    inspect: () => ({ atNs: 0, classes: [], each: [], limits: [], owners: [], devices: [] }),
    trace: () => null,
    hosts: { buffer: new SharedArrayBuffer(0) },
    updateHosts: () => undefined,
    updateSubjects: () => undefined,
  };
  return { source, writer: new SnapshotWriter(source), reader: new SnapshotReader() };
}

describe('a snapshot', () => {
  it('shows sums over children and does not change any more', () => {
    const { source, writer, reader } = setUp();
    source.stats.sentPackets.set([1, 20]);
    source.stats.totals[TOTAL.receivedPackets] = 21;
    const snapshot = reader.read(writer.take());
    source.stats.sentPackets.set([2, 30]);
    reader.read(writer.take());
    expect([...snapshot.stats.sentPackets]).toEqual([21, 20]);
    expect(snapshot.stats.totals[TOTAL.receivedPackets]).toBe(21);
    expect(snapshot).toMatchObject({ takenNs: 7, classChanges: 5, socket: SOCKET, classes: source.classes });
    expect(snapshot.warnings).toEqual(['w/up is silent']);
    expect([...source.stats.sentPackets]).toEqual([2, 30]);
  });

  it('brings the layout of its generation with it, once', () => {
    const { source, writer, reader } = setUp();
    expect(reader.read(writer.take()).classes).toHaveLength(2);
    expect(writer.take().layout).toBeNull();
    source.generation = 1;
    source.classes = [label('w/up', NONE), label('w/up/a', 0), label('w/up/b', 0)];
    source.stats = createStats(3);
    source.stats.sentPackets.set([0, 5, 6]);
    const { classes, stats } = reader.read(writer.take());
    expect(classes.map(({ path }, c) => [path, stats.sentPackets[c]])).toEqual([
      ['w/up', 11],
      ['w/up/a', 5],
      ['w/up/b', 6],
    ]);
    expect(writer.take().layout).toBeNull();
  });

  it('takes other memory only for another number of classes', () => {
    const { source, writer } = setUp();
    const first = writer.take().layout!;
    source.generation = 1;
    source.classes = [label('w/up', NONE), label('w/up/b', 0)];
    const second = writer.take().layout!;
    expect(second.memory).toBe(first.memory);
    expect(second.classes[1]!.path).toBe('w/up/b');
    source.generation = 2;
    source.classes = [label('w/up', NONE)];
    source.stats = createStats(1);
    expect(writer.take().layout!.memory.byteLength).toBeLessThan(first.memory.byteLength);
  });

  it('is never read by classes of another generation', () => {
    const { source, writer, reader } = setUp();
    reader.read(writer.take());
    source.generation = 1;
    expect(() => reader.read({ ...writer.take(), layout: null })).toThrow('layout');
  });

  it('is refused where classes and rows differ', () => {
    const { source, writer } = setUp();
    source.stats = createStats(3);
    expect(() => writer.take()).toThrow('row');
  });
});
