import { expect, it } from 'vitest';
import { moduleLogLine } from '../../../src/modules/log-line.ts';

it.each([
  [[{ packets: 1 }, 'so far'], { packets: 1 }, 'so far'],
  [['so far'], {}, 'so far'],
  [[{ packets: 1 }], { packets: 1 }, ''],
  [[null, 'so far'], {}, 'so far'],
  [[5], {}, '5'],
  [[{}, { a: 1 }], {}, '{"a":1}'],
  // Each key stands once in the line.
  [
    [{ level: 1, time: 2, pid: 3, msg: 'm', module: 'x', hostname: 'h', times: 4 }, 'so far'],
    { level_: 1, time_: 2, pid_: 3, msg_: 'm', module_: 'x', hostname_: 'h', times: 4 },
    'so far',
  ],
])('%j', (call, fields, message) => {
  const [first, second] = call as [unknown, unknown];
  expect(moduleLogLine(first, second)).toEqual({ fields, message });
});

it('an error is told with its stack', () => {
  const error = new Error('no luck');
  const fields = { error: 'no luck', stack: error.stack };
  expect(moduleLogLine(error, undefined)).toEqual({ fields, message: 'no luck' });
  expect(moduleLogLine(error, 'the ceil stays')).toEqual({ fields, message: 'the ceil stays' });
});
