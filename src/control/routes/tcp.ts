/** The route that shows the segments of TCP connections as they pass. */
import { TCP_SECONDS_MAX } from '../../limits.ts';
import { eventRoute, type Route } from '../http/route.ts';
import { anyObject, integer, optional, text } from '../http/schema.ts';
import type { TcpCommand } from '../tcp/tcp.ts';

export interface TcpCommands {
  readonly tcp: TcpCommand;
}

const SECONDS = 10;
const EVENT = [
  'An event by its `type`.',
  '`begin`: subject, startedAt, seconds.',
  '`connection`: its number, and both of its flows, which `half` 0 and 1 of a segment name.',
  '`segments`: lists of the same length, one for each quantity; the first one has the number `first`.',
  '`drops`: numbers of segments that were dropped here, and why.',
  '`state`, every second, and `end` at last: total, connections, shareBitsPerSecond, limitedBy, ended, line.',
].join(' ');

export function tcpRoutes({ tcp }: TcpCommands): Route[] {
  return [
    eventRoute({
      path: '/v1/tcp',
      summary: 'The TCP segments of a connection or a class as they pass, one subject at a time',
      query: {
        subject: text('An address, PROTO SRC:PORT DST:PORT, or the path of a class'),
        seconds: optional(integer(`For how long; ${SECONDS} without it`, { min: 1, max: TCP_SECONDS_MAX })),
      },
      event: anyObject(EVENT),
      open: ({ query }, { send, isBehind, end }) =>
        tcp(query.subject, query.seconds ?? SECONDS, {
          tell: (event) => send({ type: event.type, data: event }),
          isBehind,
          end,
        }),
    }),
  ];
}
