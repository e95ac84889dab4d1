import { expect, it } from 'vitest';
import { stopCommand } from '../../../../src/control/commands/stop.ts';

let requests = 0;
const stop = stopCommand({ pid: 5, startTicks: 6 }, () => {
  requests++;
});

it('asks for the stop and names the process', async () => {
  requests = 0;
  expect(await stop()).toEqual({ process: { pid: 5, startTicks: 6 } });
  expect(requests).toBe(1);
});
