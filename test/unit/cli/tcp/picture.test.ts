import { expect, it, test } from 'vitest';
import { carried, curvesOf, Gathering, gaps, inColumns, viewOf } from '../../../../src/cli/tcp/picture.ts';
import { TCP_SEGMENTS_SHOWN_MAX } from '../../../../src/limits.ts';
import { END, eventsOf, pictureOf, REPORT, ROWS, segmentsOf } from './fixture.ts';

it('is null before the first state, and has nothing beyond the last one until the end has come', () => {
  const gathering = new Gathering();
  const events = eventsOf();
  for (const event of events.slice(0, 3)) gathering.take(event);
  expect(gathering.picture()).toBeNull();
  for (const event of events.slice(3, -1)) gathering.take(event);
  const early = gathering.picture('enough')!;
  expect(early).toMatchObject({ seconds: 1, end: { ended: 'enough' } });
  expect(early.segments.map(({ atSeconds }) => atSeconds)).toEqual([0, 0.1, 0.2, 1]);
  expect(gathering.state).toMatchObject({ type: 'state', atSeconds: 1 });
  gathering.take(END);
  expect(gathering.picture()).toMatchObject({ subject: 'wan/up', seconds: 4 });
});

it('knows which segment was dropped', () => {
  const { segments } = pictureOf();
  expect(segments.map(({ dropped }) => dropped)).toEqual(ROWS.map((_, n) => (n === 3 ? 'tail' : null)));
});

it('counts segments for which it has no room', () => {
  const gathering = new Gathering();
  const many = segmentsOf(new Array(TCP_SEGMENTS_SHOWN_MAX + 7).fill(ROWS[2]));
  for (const event of [eventsOf()[0]!, many, END]) gathering.take(event);
  const { segments, end } = gathering.picture()!;
  expect(segments).toHaveLength(TCP_SEGMENTS_SHOWN_MAX);
  expect(end.total.untold).toBe(7);
});

test('columns of time have the last value or the greatest', () => {
  const { segments } = pictureOf();
  const bytes = ({ lengthBytes }: (typeof segments)[number]): number => lengthBytes;
  expect([...inColumns(segments, 4, 4, 'last', bytes)]).toEqual([1500, 52, 1500, 52]);
  expect([...inColumns(segments, 4, 4, 'max', bytes)]).toEqual([1500, 1500, 1500, 52]);
  expect([...inColumns(segments, 40, 4, 'max', bytes)]).toEqual([1500, Number.NaN, Number.NaN, Number.NaN]);
  const { NaN: no } = Number;
  expect([...carried(Float64Array.of(no, 1, no, 2, no))]).toEqual([no, 1, 1, 2, no]);
});

test('curves are those of the data and of its acknowledgements', () => {
  const picture = pictureOf();
  const { windowBefore, windowAfter, flightBytes, roundTripMilliseconds, isHalfTrip } = curvesOf(
    viewOf(picture, REPORT),
    4,
    4,
  );
  const { NaN: no } = Number;
  expect([...flightBytes]).toEqual([1448, 2896, 1448, 0]);
  expect([...windowBefore]).toEqual([no, 128_000, 128_000, 128_000]);
  expect([...windowAfter]).toEqual([no, 12_000, 12_000, 12_000]);
  expect([...roundTripMilliseconds]).toEqual([no, 20, no, 40]);
  expect(isHalfTrip).toBe(false);
});

test('of the half that is not known of a round trip, the other is shown', () => {
  const rows = ROWS.map(({ trip: _, ...row }) => row);
  const picture = pictureOf(eventsOf(END, rows));
  const view = viewOf(picture, REPORT);
  const curves = curvesOf(view, 4, 4);
  expect(curves.isHalfTrip).toBe(true);
  expect(gaps(view, curves)).toEqual([
    'The half of the round trip between here and the sender is not known.',
  ]);
});

test.each<[Partial<typeof REPORT>, string]>([
  [{ acksSeen: false }, 'Its acknowledgements do not come here: '],
  [{ dataSeen: false }, 'Its data does not come here: '],
])('says what cannot be known: %o', (more, text) => {
  const picture = pictureOf();
  const view = viewOf(picture, { ...REPORT, ...more });
  expect(gaps(view, curvesOf(view, 4, 4))).toEqual([expect.stringContaining(text)]);
});

test('says that the scale of windows is not known', () => {
  const rows = ROWS.map((row) => ({ ...row, window: [null, null] as const }));
  const view = viewOf(pictureOf(eventsOf(END, rows)), REPORT);
  expect(gaps(view, curvesOf(view, 4, 4))).toEqual([expect.stringContaining('beginning was not seen')]);
});
