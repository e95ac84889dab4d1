import { afterAll, expect, it } from 'vitest';
import { watch } from '../../../../src/cli/change/watch.ts';
import { type EventSink, eventRoute } from '../../../../src/control/http/route.ts';
import { anyObject } from '../../../../src/control/http/schema.ts';
import { startServer } from '../../../../src/control/server.ts';
import { configFiles, terminalOf } from '../helpers.ts';

const files = configFiles();
afterAll(() => files.remove());

/** An instance whose events a test sends. `after` has what each connection has seen already. */
async function setUp(name: string) {
  const socket = files.path(name);
  const after: (string | null)[] = [];
  const sinks: EventSink[] = [];
  const begin = () =>
    startServer(socket, [
      eventRoute({
        path: '/v1/events',
        summary: 'Events',
        event: anyObject('any'),
        open: (_, sink) => {
          after.push(sink.lastEventId);
          sinks.push(sink);
          return () => undefined;
        },
      }),
    ]);
  const send = (id: number): void =>
    sinks
      .at(-1)!
      .send({ id: String(id), type: 'device', data: { id, type: 'device', at: '', device: `d${id}` } });
  const connections = (count: number) => expect.poll(() => sinks.length, { timeout: 30_000 }).toBe(count);
  return { socket, after, sinks, begin, send, connections };
}

it('goes on behind the last event when its stream is cut, and ends with the instance', async () => {
  const { socket, after, sinks, begin, send, connections } = await setUp('cut.sock');
  const server = await begin();
  const { terminal, written } = terminalOf();
  const watching = watch({ socket }, terminal);
  await connections(1);
  send(4);
  await expect.poll(() => written.stdout, { timeout: 30_000 }).toContain('"d4"');
  sinks[0]!.end();
  await connections(2);
  send(5);
  await expect.poll(() => written.stdout, { timeout: 30_000 }).toContain('"d5"');
  await server.close();
  expect(await watching).toBe(0);
  expect(after).toEqual([null, '4']);
  expect(written.stdout.trim().split('\n')).toHaveLength(2);
});

it('without an instance it fails, unless it shall wait for one', async () => {
  const { socket, begin, connections } = await setUp('late.sock');
  const { terminal } = terminalOf();
  await expect(watch({ socket }, terminal)).rejects.toMatchObject({ code: 'absent' });
  const end = watch({ socket, retry: true }, terminal).catch((error: unknown) => error);
  const first = await begin();
  await connections(1);
  await first.close();
  const second = await begin();
  await connections(2);
  await second.close();
  // Something that is no shaper ends it.
  const other = await startServer(socket, []);
  expect(await end).toMatchObject({ code: 'refused' });
  await other.close();
});
