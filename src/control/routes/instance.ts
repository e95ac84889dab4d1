/** Routes of the instance as a whole. */
import type { StopReply } from '../commands/stop.ts';
import { type Route, route } from '../http/route.ts';
import { integer, object } from '../http/schema.ts';
import type { StatusReport } from '../status.ts';
import { STATUS } from './status-schema.ts';

export interface InstanceCommands {
  readonly status: () => Promise<StatusReport>;
  readonly stop: () => Promise<StopReply>;
}

export function instanceRoutes({ status, stop }: InstanceCommands): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/status',
      summary: 'The counters of this moment',
      answer: STATUS,
      handle: status,
    }),
    route({
      method: 'POST',
      path: '/v1/stop',
      summary: 'Ends the instance in an orderly way, as SIGTERM does',
      answer: object('Who ends', {
        process: object('The process whose end may be waited for', {
          pid: integer('Its id, as it sees itself'),
          startTicks: integer('Clock ticks from the start of the machine to its own'),
        }),
      }),
      handle: stop,
    }),
  ];
}
