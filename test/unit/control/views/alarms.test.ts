import { expect, it } from 'vitest';
import { Alarms } from '../../../../src/control/views/alarms.ts';
import { TOTAL } from '../../../../src/core/packets/stats.ts';
import { NO_DROPS, sample, snapshotOf } from '../sample.ts';

function setUp() {
  const heard: [string, object][] = [];
  const alarms = new Alarms((type, data) => void heard.push([type, data]));
  const stats = sample();
  let second = 0;
  const look = (kernel = NO_DROPS): void =>
    alarms.look(snapshotOf(stats, { takenNs: ++second * 1e9 }), kernel);
  look();
  return { heard, stats, look };
}

it('a class that begins and ceases to drop is told, those around it are not', () => {
  const { heard, stats, look } = setUp();
  stats.dropAqm[1]! += 3;
  look();
  for (let n = 0; n < 12; n++) look();
  expect(heard).toEqual([
    ['drops', { path: 'wan/up/bulk', state: 'began', packets: 3 }],
    ['drops', { path: 'wan/up/bulk', state: 'ceased', packets: 3, seconds: 0 }],
  ]);
});

it('a policer of an inner class drops itself', () => {
  const { heard, stats, look } = setUp();
  stats.dropPolice[0]! += 1;
  look();
  expect(heard).toEqual([['drops', { path: 'wan/up', state: 'began', packets: 1 }]]);
});

it('bounds that are reached, of ours and of the kernel', () => {
  const { heard, stats, look } = setUp();
  stats.totals[TOTAL.heldFull]! += 2;
  look({ queueFull: 5, socketFull: 0 });
  expect(heard.map(([type, data]) => [type, data])).toMatchObject([
    [
      'overload',
      { what: 'heldFull', state: 'began', count: 2, message: expect.stringContaining('undelayed') },
    ],
    ['overload', { what: 'queueFull', state: 'began', count: 5 }],
  ]);
});
