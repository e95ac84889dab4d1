import { expect, it } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { statusCommand } from '../../../../src/control/commands/status.ts';
import { Samples } from '../../../../src/control/samples.ts';
import type { StatusReport } from '../../../../src/control/status.ts';
import { createStats } from '../../../../src/core/packets/stats.ts';

let snapshots = 0;
const status = statusCommand(
  { version: '1', pid: 5, backend: 'nft', firstNfqueue: 65535, nfqueueCount: 1 },
  {
    snapshot: async () => {
      snapshots++;
      return {
        classes: [{ path: 'w/up', rateBytesPerSec: 1, ceilBytesPerSec: 1, parent: NONE }],
        classChanges: 0,
        takenNs: 3e9,
        socket: { truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 },
        warnings: [],
        stats: createStats(1),
      };
    },
    eachClasses: async () => [{ path: 'w/up', by: 'host', rateBytesPerSec: 125, fullest: [] }],
  },
  new Samples(),
);

it('replies with the report of a snapshot', async () => {
  const { status: report } = (await status({})) as { status: StatusReport };
  expect(report.uptimeSeconds).toBe(3);
  expect(report.classes).toMatchObject([{ path: 'w/up', each: { by: 'host', rateBitsPerSecond: 1000 } }]);
});

it('takes no arguments, and asks for no snapshot then', async () => {
  snapshots = 0;
  await expect(status({ class: 'w/up' })).rejects.toThrow('unknown argument "class"');
  expect(snapshots).toBe(0);
});
