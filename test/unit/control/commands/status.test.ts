import { expect, it } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { statusCommand } from '../../../../src/control/commands/status.ts';
import { Samples } from '../../../../src/control/samples.ts';
import { createStats } from '../../../../src/core/packets/stats.ts';

const status = statusCommand(
  { version: '1', pid: 5, backend: 'nft' },
  {
    snapshot: async () => ({
      generation: 7,
      classes: [{ path: 'w/up', rateBytesPerSec: 1, ceilBytesPerSec: 1, isPaced: false, parent: NONE }],
      classChanges: 0,
      takenNs: 3e9,
      nfqueues: { open: [], closedDrops: { queueFull: 0, socketFull: 0 } },
      socket: { truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 },
      warnings: [],
      stats: createStats(1),
    }),
    eachClasses: async () => [{ path: 'w/up', by: 'host', rateBytesPerSec: 125, fullest: [] }],
  },
  new Samples(),
  { scheduled: () => new Map([['w/up', { ceil: '1mbit' }]]), warnings: () => [] },
);

it('replies with the report of a snapshot', async () => {
  const report = await status();
  expect([report.uptimeSeconds, report.generation]).toEqual([3, 7]);
  expect(report.classes).toMatchObject([
    { path: 'w/up', scheduled: { ceil: '1mbit' }, each: { by: 'host', rateBitsPerSecond: 1000 } },
  ]);
});
