/** Which colours packets get from the meters on their way, and that WRED goes by them. */
import { expect, test } from 'vitest';
import { GREEN, RED, YELLOW } from '../../../../src/algo/buckets/markers.ts';
import { Meters } from '../../../../src/core/admission/meters.ts';
import { type ClassInfo, listClasses } from '../../../../src/core/classes/classes.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import type { MeterSpec, WredSpec } from '../../../../src/spec/spec.ts';
import { type ClassInput, SECOND, shaper, type TreeInput, up, World } from '../../../sim/world.ts';

const srtcm = (committedBytes: number, excessBytes: number, aware = false): MeterSpec => ({
  kind: 'single-rate',
  committedBytesPerSec: 1000,
  committedBytes,
  excessBytesPerSec: 0,
  excessBytes,
  aware,
});

function classesOf(root: Partial<TreeInput>, ...leaves: ClassInput[]): readonly ClassInfo[] {
  return listClasses(shaper({ wan: { up: { rate: 1e6, burst: 1e4, leaves, ...root } } }));
}

/** Colours of packets of 1000 B with these code points that come to the class at once, or `gapNs` apart. */
function colours(classes: readonly ClassInfo[], name: string, dscps: readonly number[], gapNs = 0): number[] {
  const held = new HeldTable(300);
  const meters = new Meters(classes, held);
  const leaf = classes.findIndex(({ path }) => path.endsWith(name));
  return dscps.map((dscp, n) => {
    const h = held.take();
    held.leaf[h] = leaf;
    held.setDscp(h, dscp);
    held.lengthBytes[h] = 1000;
    held.setColour(h, 99);
    meters.measure(h, n * gapNs);
    return held.colour(h);
  });
}

const BE = [0, 0, 0, 0];
const [AF11, AF12, AF13, EF] = [10, 12, 14, 46];

test('a class without a meter on its way has green packets', () => {
  const classes = classesOf({}, { name: 'a', meter: srtcm(1000, 1000) }, { name: 'b' });
  expect(colours(classes, 'up/b', [AF13, 0])).toEqual([GREEN, GREEN]);
});

test('what the meter finds, and what it is worth after a pause', () => {
  const classes = classesOf({}, { name: 'a', meter: srtcm(1000, 2000) });
  expect(colours(classes, 'up/a', BE)).toEqual([GREEN, YELLOW, YELLOW, RED]);
  expect(colours(classes, 'up/a', BE, SECOND)).toEqual([GREEN, GREEN, GREEN, GREEN]);
});

test('the meter of the direction counts for its classes', () => {
  const classes = classesOf({ meter: srtcm(1000, 1000) }, { name: 'a' }, { name: 'b' });
  expect(colours(classes, 'up/b', BE)).toEqual([GREEN, YELLOW, RED, RED]);
});

test('a blind meter judges anew, an aware one makes nothing better', () => {
  const outer = { meter: srtcm(1000, 1000) };
  expect(colours(classesOf(outer, { name: 'a', meter: srtcm(4000, 0) }), 'up/a', BE)).toEqual([
    ...[GREEN, GREEN, GREEN, GREEN],
  ]);
  expect(colours(classesOf(outer, { name: 'a', meter: srtcm(4000, 4000, true) }), 'up/a', BE)).toEqual([
    ...[GREEN, YELLOW, RED, RED],
  ]);
});

test('an aware meter with none above it starts from the drop precedence', () => {
  const points = [AF13, AF12, AF11, EF, AF12];
  expect(colours(classesOf({}, { name: 'a', meter: srtcm(9000, 9000, true) }), 'up/a', points)).toEqual([
    ...[RED, YELLOW, GREEN, GREEN, YELLOW],
  ]);
  expect(colours(classesOf({}, { name: 'a', meter: srtcm(9000, 9000) }), 'up/a', points)).toEqual([
    ...[GREEN, GREEN, GREEN, GREEN, GREEN],
  ]);
});

const profile = (list: number[], minBytes: number): WredSpec['profiles'][number] => ({
  ...{ dscp: [], colours: list, minBytes, maxBytes: minBytes + 1, probability: 1 },
});

test('WRED goes by colour: red packets are dropped while yellow and green ones pass', () => {
  const wred: WredSpec = {
    ...{ weight: 1, gentle: false, meanPacketBytes: 1000 },
    profiles: [profile([RED], 1), profile([YELLOW], 4999), profile([], 1e6)],
  };
  const leaf = { meter: srtcm(3000, 4000), queue: { aqm: { kind: 'wred', wred } } } as const;
  const world = new World(
    shaper({ wan: { up: { rate: 1, burst: 1, leaves: [{ name: 'default', ...leaf }] } } }),
  );
  world.inject(Array.from({ length: 10 }, () => up(0, 1000)));
  world.run(0);
  // Three green ones, of which one leaves, four yellow ones, the last of which finds 5000 bytes, three red
  // ones.
  const { sent, backlog, drops } = world.classOf('wan/up/default');
  expect([sent, backlog, drops[1]]).toEqual([1, 5, 4]);
});
