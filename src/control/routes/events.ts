/** The stream of events. */
import type { ControlEvent, Events } from '../events.ts';
import { eventRoute, type Route } from '../http/route.ts';
import { anyObject } from '../http/schema.ts';

export interface EventCommands {
  readonly events: Events;
}

export function eventRoutes({ events }: EventCommands): Route[] {
  return [
    eventRoute({
      path: '/v1/events',
      summary: 'What happens, as it happens; after the header Last-Event-ID first what is kept since then',
      event: anyObject('An event: `id`, `type`, `at` (ISO 8601), and the keys of its type'),
      open: (_, { lastEventId, send }) =>
        events.subscribe(
          (event) => send({ id: String(event.id), type: event.type, data: eventData(event) }),
          lastEventId !== null && /^\d{1,16}$/.test(lastEventId) ? Number(lastEventId) : null,
        ),
    }),
  ];
}

function eventData({ id, type, atMs, data }: ControlEvent): object {
  return { id, type, at: new Date(atMs).toISOString(), ...data };
}
