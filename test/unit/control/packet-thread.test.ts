import { describe, expect, it } from 'vitest';
import { NONE } from '../../../src/base/none.ts';
import type { ApplyRequest, FromControlThread } from '../../../src/control/messages.ts';
import { PacketThread } from '../../../src/control/packet-thread.ts';
import { SnapshotWriter } from '../../../src/control/snapshot.ts';
import { createFlowMemory } from '../../../src/core/flows/flow-layout.ts';
import { FlowReader } from '../../../src/core/flows/flow-reader.ts';
import { createStats } from '../../../src/core/packets/stats.ts';

const NO_FLOWS = new FlowReader(createFlowMemory(16).buffer);

function setUp() {
  const asked: number[] = [];
  let nowNs = 0;
  const writer = new SnapshotWriter({
    generation: 0,
    classes: [{ path: 'w/up', rateBytesPerSec: 1, ceilBytesPerSec: 1, isPaced: false, parent: NONE }],
    stats: createStats(1),
    flows: { buffer: createFlowMemory(16).buffer, classChanges: 0 },
    nowNs: () => nowNs,
    nfqueues: () => ({ open: [], closedDrops: { queueFull: 0, socketFull: 0 } }),
    socketCounters: () => ({ truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 }),
    warnings: [],
    eachClasses: () => [],
    inspect: () => ({ atNs: 0, classes: [], each: [], limits: [], owners: [], devices: [] }),
    trace: () => null,
    hosts: { buffer: new SharedArrayBuffer(0) },
    updateHosts: () => undefined,
    updateSubjects: () => undefined,
  });
  const thread = new PacketThread((message) => {
    if (message.type === 'snapshot') asked.push(message.id);
  }, NO_FLOWS);
  /** The packet thread's part: answers the last question with the instant `atNs`. */
  const take = (atNs: number): void => {
    nowNs = atNs;
    thread.answered({ type: 'snapshot', id: asked.at(-1)!, answer: writer.take() });
  };
  const ask = async (): Promise<number> => (await thread.snapshot()).takenNs;
  return { thread, asked, ask, take, writer };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

describe('questions to the packet thread', () => {
  it('each asks for a snapshot of its own moment, by an id of its own', async () => {
    const { ask, take, asked } = setUp();
    const first = ask();
    take(1);
    expect(await first).toBe(1);
    const second = ask();
    take(2);
    expect(await second).toBe(2);
    expect(asked).toEqual([1, 2]);
  });

  it('those that come while one is under way share the next: never an older moment, never two at once', async () => {
    const { ask, take, asked } = setUp();
    const first = ask();
    const later = [ask(), ask(), ask()];
    await turn();
    expect(asked).toHaveLength(1);
    take(1);
    expect(await first).toBe(1);
    await turn();
    expect(asked).toHaveLength(2);
    take(2);
    expect(await Promise.all(later)).toEqual([2, 2, 2]);
    const last = ask();
    await turn();
    expect(asked).toHaveLength(3);
    take(3);
    expect(await last).toBe(3);
  });

  it('a caller that asks again at once shares the snapshot that others wait for', async () => {
    const { thread, take, asked } = setUp();
    const twice = thread.snapshot().then(() => thread.snapshot());
    const other = thread.snapshot();
    take(1);
    await turn();
    expect(asked).toHaveLength(2);
    take(2);
    expect((await Promise.all([twice, other])).map(({ takenNs }) => takenNs)).toEqual([2, 2]);
  });

  it('one whose answer cannot be read fails alone', async () => {
    const { thread, ask, take, asked, writer } = setUp();
    const first = ask();
    const second = ask();
    const taken = writer.take();
    thread.answered({ type: 'snapshot', id: asked[0]!, answer: { ...taken, generation: 5 } });
    await expect(first).rejects.toThrow('layout');
    await turn();
    thread.answered({ type: 'snapshot', id: asked[1]!, answer: taken });
    expect(await second).toBe(0);
    const third = ask();
    take(3);
    expect(await third).toBe(3);
  });

  it('buckets are a question of their own, beside a snapshot that is under way', async () => {
    const told: FromControlThread[] = [];
    const thread = new PacketThread((message) => told.push(message), NO_FLOWS);
    const snapshot = thread.snapshot();
    const buckets = thread.eachClasses();
    expect(told.map(({ type }) => type)).toEqual(['snapshot', 'each']);
    const answer = [{ path: 'w/up', by: 'host' as const, rateBytesPerSec: 1, fullest: [] }];
    thread.answered({ type: 'each', id: 2, answer });
    expect(await buckets).toBe(answer);
    thread.answered({ type: 'snapshot', id: 1, answer: setUp().writer.take() });
    expect((await snapshot).takenNs).toBe(0);
  });

  it.each([
    ['restart', 409, 'control.socket', 'stays as it is', 'control.socket: stays as it is'],
    ['failed', 503, 'wan', 'link wan has no device', 'link wan has no device'],
    ['stopping', 503, '', 'the instance stops', 'the instance stops'],
  ] as const)('a refusal (%s) says what it is about', async (code, status, where, message, told) => {
    const { thread } = setUp();
    const applied = thread.apply({} as ApplyRequest);
    thread.answered({
      type: 'apply',
      id: 1,
      answer: { applied: { ok: false, code, where, message, hint: 'h' }, tookMs: 1 },
    });
    await expect(applied).rejects.toMatchObject({ status, code, where, message: told, hint: 'h' });
  });

  it('an answer to no question is a fault', () => {
    const { thread, writer } = setUp();
    expect(() => thread.answered({ type: 'snapshot', id: 1, answer: writer.take() })).toThrow('answer 1');
  });
});
