/**
 * Streams of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). What a
 * client has not read is kept within a bound, beyond which its connection is cut. Comments that come
 * regularly find clients that have vanished.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CONTROL_EVENT_BYTES_MAX, CONTROL_EVENT_STREAMS_MAX, CONTROL_HEARTBEAT_MS } from '../../limits.ts';
import { ApiError } from '../api-error.ts';
import type { EventSink, ServerEvent } from './route.ts';

/** A client that has not read so much is behind. */
const BEHIND_BYTES = CONTROL_EVENT_BYTES_MAX / 4;

export class EventStreams {
  private open = 0;

  /**
   * Begins a stream; `subscribe` returns the function that ends it.
   * @throws ApiError
   */
  start(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    subscribe: (sink: EventSink) => () => void,
  ): void {
    if (this.open >= CONTROL_EVENT_STREAMS_MAX) {
      const message = `${CONTROL_EVENT_STREAMS_MAX} clients follow the events already`;
      throw new ApiError(503, 'busy', message, '', 'end one of them');
    }
    // Its client has gone before it began, so nothing would end it.
    if (incoming.socket.destroyed) return;
    const write = (text: string): void => {
      if (outgoing.destroyed || outgoing.writableEnded) return;
      outgoing.write(text);
      // Who made a change is answered after those who watch have been told: Node would write this one later.
      incoming.socket.uncork();
      if (outgoing.writableLength > CONTROL_EVENT_BYTES_MAX) outgoing.destroy();
    };
    const lastEventId = incoming.headers['last-event-id'];
    let early = '';
    let isBegun = false;
    const unsubscribe = subscribe({
      lastEventId: typeof lastEventId === 'string' ? lastEventId : null,
      send: (event) => {
        if (isBegun) write(eventText(event));
        else early += eventText(event);
      },
      isBehind: () => outgoing.writableLength > BEHIND_BYTES,
      end: () => outgoing.end(),
    });
    isBegun = true;
    outgoing.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    this.open++;
    write(`: ${HELLO}\n\n${early}`);
    const heartbeat = setInterval(() => write(': still here\n\n'), CONTROL_HEARTBEAT_MS);
    // A client that has closed its side may be gone. One that wants events keeps it open.
    const onEnd = (): void => void outgoing.destroy();
    incoming.socket.once('end', onEnd);
    outgoing.once('close', () => {
      this.open--;
      clearInterval(heartbeat);
      incoming.socket.off('end', onEnd);
      unsubscribe();
    });
  }
}

/** Sends the headers at once, so that the client knows that it is served. */
const HELLO = 'events follow';

function eventText({ id, type, data }: ServerEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
