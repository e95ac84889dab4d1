import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTROL_EVENT_BYTES_MAX, CONTROL_EVENT_STREAMS_MAX } from '../../../../src/limits.ts';
import { type Bed, eventually, startBed } from './bed.ts';

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

const GET_EVENTS = 'GET /v1/events HTTP/1.1\r\nHost: shaper\r\n\r\n';

describe('a stream of events', () => {
  it('begins at once and has id, type and data of each event', async () => {
    const client = bed.client(GET_EVENTS);
    const head = await client.until('events follow');
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(head).toMatch(/content-type: text\/event-stream/i);
    const [sink] = bed.sinks;
    sink!.send({ id: '7', type: 'change', data: { path: 'wan/up', text: 'a\nb' } });
    sink!.send({ type: 'drops', data: {} });
    const received = await client.until('event: drops\ndata: {}\n\n');
    expect(received).toContain('id: 7\nevent: change\ndata: {"path":"wan/up","text":"a\\nb"}\n\n');
  });

  it('knows what the client has seen', async () => {
    const headers = 'Host: x\r\nLast-Event-ID: 41\r\n\r\n';
    await bed.client(`GET /v1/events HTTP/1.1\r\n${headers}`).until('events follow');
    expect([...bed.sinks].map(({ lastEventId }) => lastEventId)).toEqual(['41']);
  });

  it('of HTTP/1.0 ends with the connection', async () => {
    const client = bed.client('GET /v1/events HTTP/1.0\r\n\r\n');
    await client.until('events follow');
    const [sink] = bed.sinks;
    sink!.send({ type: 'last', data: {} });
    sink!.end();
    expect(await client.closed()).toMatch(/\r\n\r\n: events follow\n\nevent: last\ndata: \{\}\n\n$/);
    await eventually(() => bed.sinks.size).toBe(0);
  });

  it('a wrong query is refused before it begins', async () => {
    const received = await bed.client('GET /v1/events?after=x HTTP/1.1\r\nHost: x\r\n\r\n').until(/\}\}\n$/);
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(bed.sinks.size).toBe(0);
  });

  it.each(['destroy', 'end'] as const)('is over when its client goes (%s)', async (how) => {
    const client = bed.client(GET_EVENTS);
    await client.until('events follow');
    expect(bed.sinks.size).toBe(1);
    client.socket[how]();
    await eventually(() => bed.sinks.size).toBe(0);
  });

  it('of a client that does not read is cut beyond a bound, and others get all events', async () => {
    const idle = bed.client(GET_EVENTS);
    await idle.until('events follow');
    idle.socket.pause();
    const reader = bed.client(GET_EVENTS);
    await reader.until('events follow');
    const block = 'x'.repeat(1000);
    let sent = 0;
    let wasBehind = 0;
    // The kernel keeps some as well.
    while (bed.sinks.size === 2 && sent < 10 * CONTROL_EVENT_BYTES_MAX) {
      for (const sink of bed.sinks) sink.send({ id: String(sent), type: 'x', data: { block } });
      for (const sink of bed.sinks) if (sink.isBehind()) wasBehind++;
      sent += block.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bed.sinks.size).toBe(1);
    expect(sent).toBeGreaterThan(CONTROL_EVENT_BYTES_MAX);
    expect(wasBehind, 'it was known to be behind before it was cut').toBeGreaterThan(100);
    expect([...bed.sinks].map((sink) => sink.isBehind())).toEqual([false]);
    await reader.until(`id: ${sent - block.length}\n`);
    const count = reader.text().match(/^event: x$/gm)?.length;
    expect(count).toBe(sent / block.length);
  });

  it('one too many is refused, and there is room again when one ends', async () => {
    const all = Array.from({ length: CONTROL_EVENT_STREAMS_MAX }, () => bed.client(GET_EVENTS));
    for (const client of all) await client.until('events follow');
    const refused = await bed.client(GET_EVENTS).until(/\}\}\n$/);
    expect(refused).toMatch(/^HTTP\/1\.1 503 /);
    expect(bed.sinks.size).toBe(CONTROL_EVENT_STREAMS_MAX);
    all[0]!.socket.destroy();
    await eventually(() => bed.sinks.size).toBe(CONTROL_EVENT_STREAMS_MAX - 1);
    expect(await bed.client(GET_EVENTS).until('events follow')).toContain('200');
  });
});
