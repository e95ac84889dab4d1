/** Output that a slow reader gets whole. output.slow.test.ts runs the program itself. */
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { drained, toleratesLostReader } from '../../../src/cli/output.ts';

test('drained: at once without output, else when all is taken or the stream has closed', async () => {
  const idle = new PassThrough();
  await drained(idle);
  const busy = new PassThrough({ highWaterMark: 1 });
  toleratesLostReader(busy);
  busy.write('x'.repeat(100));
  let isDrained = false;
  const waiting = drained(busy).then(() => {
    isDrained = true;
  });
  await sleep(10);
  expect(isDrained).toBe(false);
  busy.destroy(new Error('EPIPE'));
  await waiting;
});
