/** Follows a stream of events of a running instance over its control socket. */
import { request } from 'node:http';
import { ClientError, explainFailure, refusal } from '../client/client.ts';
import { CONTROL_HEARTBEAT_MS } from '../limits.ts';

/** An instance that hangs sends no comments any more. */
const SILENCE_MS_MAX = 3 * CONTROL_HEARTBEAT_MS;

/**
 * Calls `onEvent` with the JSON text of every event of `path` after `lastEventId`; without it with those from
 * now on. Resolves when the stream ends, in whatever way. Rejects with ClientError.
 */
export function follow(
  socketPath: string,
  path: string,
  lastEventId: string | undefined,
  onEvent: (json: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isSilent = false;
    const headers = { Host: 'shaper', ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }) };
    const sent = request({ socketPath, path, headers }, (answer) => {
      answer.setEncoding('utf8');
      let text = '';
      answer.on('data', (chunk: string) => {
        text += chunk;
        if (answer.statusCode === 200) text = passEvents(text, onEvent);
      });
      answer.once('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(refusal(socketPath, answer.statusCode ?? 0, text));
      });
      answer.once('error', (error) => {
        const cause = explainFailure(socketPath, error);
        if (answer.statusCode === 200 && !isSilent) resolve();
        else reject(cause);
      });
    });
    sent.setTimeout(SILENCE_MS_MAX, () => {
      isSilent = true;
      const message = `nothing came from ${socketPath} for ${SILENCE_MS_MAX / 1000} s`;
      sent.destroy(new ClientError('failed', message));
    });
    sent.once('error', (error) => reject(explainFailure(socketPath, error)));
    sent.end();
  });
}

/** Takes whole events from the beginning of the text, and returns what remains. */
function passEvents(text: string, onEvent: (json: string) => void): string {
  const events = text.split('\n\n');
  const rest = events.pop()!;
  for (const event of events) {
    const data = event.split('\n').filter((line) => line.startsWith('data: '));
    if (data.length > 0) onEvent(data.map((line) => line.slice('data: '.length)).join('\n'));
  }
  return rest;
}
