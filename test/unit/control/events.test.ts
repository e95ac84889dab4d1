import { expect, it } from 'vitest';
import { type ControlEvent, Events } from '../../../src/control/events.ts';
import { EVENTS_KEPT } from '../../../src/limits.ts';

function setUp(atMs = 5000) {
  const events = new Events(() => atMs);
  const heard: ControlEvent[] = [];
  return { events, heard, listen: (event: ControlEvent) => void heard.push(event) };
}

it('who listens hears all that follows, until it ends', () => {
  const { events, heard, listen } = setUp();
  events.emit('change', { n: 1 });
  const end = events.subscribe(listen);
  events.emit('lease', { n: 2 });
  end();
  events.emit('reload', { n: 3 });
  expect(heard).toEqual([{ id: 5_000_002, type: 'lease', atMs: 5000, data: { n: 2 } }]);
});

it('who has heard some hears the rest: nothing twice, nothing left out', () => {
  const { events, heard, listen } = setUp();
  for (let n = 1; n <= 5; n++) events.emit('change', { n });
  events.subscribe(listen, 5_000_003);
  events.emit('change', { n: 6 });
  expect(heard.map(({ id }) => id - 5_000_000)).toEqual([4, 5, 6]);
});

it('who heard an earlier run hears that some is lost, and all of this one', () => {
  const { events, heard, listen } = setUp(6000);
  events.emit('change', {});
  events.subscribe(listen, 5_000_003);
  expect(heard).toMatchObject([
    { id: 6_000_000, type: 'gap', data: { after: 5_000_003, reason: 'restart' } },
    { id: 6_000_001, type: 'change' },
  ]);
});

it('keeps the last ones', () => {
  const { events, heard, listen } = setUp();
  for (let n = 0; n < EVENTS_KEPT + 5; n++) events.emit('change', { n });
  events.subscribe(listen, 0);
  expect(heard).toHaveLength(EVENTS_KEPT);
  expect(heard[0]!.data).toEqual({ n: 5 });
});

it('who asks for more than is kept hears that some is lost; who asks for all does not', () => {
  const { events, heard, listen } = setUp();
  for (let n = 0; n < EVENTS_KEPT + 5; n++) events.emit('change', { n });
  const first = 5_000_000;
  events.subscribe(listen, first + 4)();
  expect(heard[0]).toMatchObject({ id: first + 5, type: 'gap', data: { reason: 'forgotten' } });
  heard.splice(0);
  for (const after of [0, first + 5]) events.subscribe(listen, after)();
  expect(heard).toHaveLength(2 * EVENTS_KEPT);
  expect(heard.every(({ type }) => type === 'change')).toBe(true);
});
