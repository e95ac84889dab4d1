import { describe, expect, it } from 'vitest';
import { NONE } from '../../../src/base/none.ts';
import type { ControlStart } from '../../../src/control/messages.ts';
import type { StatusReport } from '../../../src/control/status.ts';
import { createStatusHandler } from '../../../src/control/status-handler.ts';
import { statsBytes, statsOver, TOTAL } from '../../../src/core/packets/stats.ts';

function setUp() {
  const start: ControlStart = {
    socketPath: '/unused',
    snapshot: new SharedArrayBuffer(statsBytes(1)),
    subject: {
      version: '1',
      backend: 'nft',
      firstQueue: 65535,
      queueCount: 1,
      classes: [{ path: 'w/up', rateBytesPerSec: 1, ceilBytesPerSec: 1, parent: NONE }],
    },
  };
  const stats = statsOver(start.snapshot, 1);
  let asked = 0;
  const handler = createStatusHandler(start, () => {
    asked++;
  });
  /** The packet thread's part: writes a snapshot that can be told from the others. */
  const take = (n: number): void => {
    stats.totals[TOTAL.receivedPackets] = n;
    handler.snapshotTaken();
  };
  const ask = async (): Promise<number> => {
    const { status } = (await handler.handle({ command: 'status' })) as { status: StatusReport };
    return status.totals.received.packets;
  };
  return { handler, ask, take, asked: () => asked };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe('status requests', () => {
  it('each asks for a snapshot of its own moment', async () => {
    const { ask, take, asked } = setUp();
    const first = ask();
    take(1);
    expect(await first).toBe(1);
    const second = ask();
    take(2);
    expect(await second).toBe(2);
    expect(asked()).toBe(2);
  });

  it('those that come while one is under way share the next: never an older moment, never two at once', async () => {
    const { ask, take, asked } = setUp();
    const first = ask();
    const later = [ask(), ask(), ask()];
    await turn();
    expect(asked()).toBe(1);
    take(1);
    expect(await first).toBe(1);
    await turn();
    expect(asked()).toBe(2);
    take(2);
    expect(await Promise.all(later)).toEqual([2, 2, 2]);
    const last = ask();
    await turn();
    expect(asked()).toBe(3);
    take(3);
    expect(await last).toBe(3);
  });

  it('other commands are unknown', async () => {
    const { handler, asked } = setUp();
    await expect(handler.handle({ command: 'set' })).rejects.toThrow('unknown command "set"');
    await expect(handler.handle({})).rejects.toThrow('unknown command');
    expect(asked()).toBe(0);
  });
});
