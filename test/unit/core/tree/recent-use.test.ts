import { expect, test } from 'vitest';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { createStats } from '../../../../src/core/packets/stats.ts';
import { RecentUse } from '../../../../src/core/tree/recent-use.ts';
import { type LinkInput, MS, SECOND, shaper } from '../../../sim/world.ts';

const [ROOT, INNER, LEAF] = [0, 1, 2];

function setUp(link: Partial<LinkInput> = {}) {
  const leaves = [{ name: 'inner', classes: [{ name: 'leaf' }] }];
  const classes = listClasses(shaper({ wan: { up: { rate: 1000, burst: 1000, leaves }, ...link } }));
  const stats = createStats(classes.length);
  const use = new RecentUse(classes, stats, true);
  const send = (packets: number, bytes: number): void => {
    stats.sentPackets[LEAF] += packets;
    stats.sentBytes[LEAF] += bytes;
  };
  return { use, send };
}

test('use is what was sent in the ten ticks before, in the class and around it', () => {
  const { use, send } = setUp();
  use.advance(5 * MS);
  expect(use.nextNs).toBe(100 * MS);
  send(1, 300);
  use.advance(100 * MS);
  expect([use.bytesPerSec[LEAF], use.bytesPerSec[INNER], use.bytesPerSec[ROOT]]).toEqual([300, 300, 300]);
  send(2, 500);
  // A batch at 730 ms: its packets of before were sent in the second tick.
  use.advance(730 * MS);
  expect([use.bytesPerSec[LEAF], use.nextNs]).toEqual([800, 800 * MS]);
  use.advance(1099 * MS);
  expect(use.bytesPerSec[LEAF]).toBe(800);
  use.advance(1100 * MS);
  expect(use.bytesPerSec[LEAF]).toBe(500);
  use.advance(1200 * MS);
  expect(use.bytesPerSec[LEAF]).toBe(0);
});

test('whoever was silent for more than a second has used nothing', () => {
  const { use, send } = setUp();
  use.advance(0);
  send(1, 300);
  use.advance(17 * SECOND);
  expect([use.bytesPerSec[LEAF], use.nextNs]).toEqual([0, 17_100 * MS]);
  for (let n = 1; n < 20; n++) {
    use.advance(use.nextNs);
    expect(use.bytesPerSec[LEAF]).toBe(0);
  }
});

test('a packet that was lost after all counts no more', () => {
  const { use, send } = setUp();
  use.advance(0);
  send(1, 300);
  use.advance(100 * MS);
  send(-1, -300);
  use.advance(200 * MS);
  expect(use.bytesPerSec[LEAF]).toBe(0);
});

test('packets count as on the wire', () => {
  const { use, send } = setUp({ overheadBytes: 40 });
  use.advance(0);
  send(10, 600);
  use.advance(100 * MS);
  expect(use.bytesPerSec[ROOT]).toBe(1000);
});

test('where nobody asks there is no tick', () => {
  const classes = listClasses(shaper({ wan: { up: { rate: 1000, burst: 1000 } } }));
  expect(new RecentUse(classes, createStats(classes.length), false).nextNs).toBe(Number.POSITIVE_INFINITY);
});
