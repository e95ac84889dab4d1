/** Which addon is loaded, and that it shares the same memory layout. */
import { expect, test } from 'vitest';
import {
  AddonError,
  findAddon,
  findDifference,
  loadAddon,
  type NativeOptions,
} from '../../../../src/io/nfqueue/addon.ts';
import { EDIT_BYTES, SLOT_BYTES } from '../../../../src/limits.ts';

const NOT_BUILT = 'the addon is not built (npm run build:native)';

test('SHAPER_ADDON goes first', () => {
  expect(findAddon({ SHAPER_ADDON: '/elsewhere.node' })).toBe('/elsewhere.node');
});

test('says what to do when nothing is built or the build is broken', () => {
  expect(() => loadAddon('/nonexistent/shaper.node')).toThrow(/Cannot find module/);
  expect(new AddonError('x').name).toBe('AddonError');
});

test('the first size or column that differs is named', ({ skip }) => {
  if (findAddon() === undefined) skip(NOT_BUILT);
  const { layout } = loadAddon();
  const { arrivals, verdicts } = layout;
  const differences = [
    layout,
    { ...layout, editBytes: 1 },
    { ...layout, arrivals: arrivals.with(2, 'uid') },
    { ...layout, arrivals: [...arrivals.slice(0, 7), arrivals[8]!, arrivals[7]!, ...arrivals.slice(9)] },
    { ...layout, verdicts: verdicts.slice(0, -1) },
    { ...layout, failures: [...layout.failures, 'time'] },
    { ...layout, counters: ['rows'] },
    { ...layout, visit: [] },
    {},
    undefined,
  ].map(findDifference);
  const built = 'the native addon was built';
  expect(differences).toEqual([
    undefined,
    `${built} for editBytes 1, the program has ${EDIT_BYTES}`,
    `${built} with column 2 of arrivals being uid, the program has hook`,
    `${built} with column 7 of arrivals being mark, the program has slabOffset`,
    `${built} with column 6 of verdicts being none, the program has payloadBytes`,
    `${built} with column 2 of failures being time, the program has none`,
    `${built} with column 0 of counters being rows, the program has failureRows`,
    `${built} with column 0 of visit being none, the program has isOn`,
    `${built} for arrivalRows undefined, the program has 256`,
    `${built} for arrivalRows undefined, the program has 256`,
  ]);
});

test('native code names the option that it refuses', ({ skip }) => {
  if (findAddon() === undefined) skip(NOT_BUILT);
  const { NativeQueue } = loadAddon();
  const good: NativeOptions = {
    ...{ firstQueue: 1, count: 1, lengthPackets: 1, receiveBufferBytes: 1000, slotBytes: SLOT_BYTES },
    slotBytesMost: 2 * SLOT_BYTES,
    ...{ timerLeewayNs: 0, copyBytes: Uint32Array.of(128), gso: Uint8Array.of(0) },
  };
  const wrong: [string, Partial<Record<keyof NativeOptions, unknown>>][] = [
    ['slotBytesMost must be', { slotBytes: 2 * SLOT_BYTES + 1 }],
    ['count must be a whole number from 1 to 65', { count: 66 }],
    ['count must be', { count: 1.5 }],
    ['firstQueue must be a whole number from 0 to 65535', { firstQueue: 65536 }],
    ['firstQueue must be', { firstQueue: -1 }],
    ['firstQueue must be', { firstQueue: Number.NaN }],
    ['firstQueue must be', { firstQueue: 1e20 }],
    ['firstQueue must be', { firstQueue: 1n }],
    ['firstQueue must be', { firstQueue: Symbol('1') }],
    ['lengthPackets must be', { lengthPackets: undefined }],
    ['receiveBufferBytes must be', { receiveBufferBytes: 2 ** 31 }],
    ['slotBytes must be', { slotBytes: 4096 }],
    ['timerLeewayNs must be', { timerLeewayNs: Number.NaN }],
    ['copyBytes must be a typed array', { copyBytes: Uint32Array.of(128, 128) }],
    ['copyBytes must be a typed array', { copyBytes: Uint16Array.of(128) }],
    ['copyBytes must be at least 1 and fit', { copyBytes: Uint32Array.of(0) }],
    ['copyBytes must be at least 1 and fit', { copyBytes: Uint32Array.of(129) }],
    ['gso must be a typed array', { gso: [0] }],
  ];
  for (const [message, change] of wrong) {
    expect(() => new NativeQueue({ ...good, ...change } as NativeOptions), message).toThrow(
      new RegExp(message),
    );
  }
  for (const options of [undefined, null, 1, 'options']) {
    const call = () => new NativeQueue(options as unknown as NativeOptions);
    expect(call).toThrow(new TypeError('options must be an object'));
  }
  expect(() => new NativeQueue({} as NativeOptions)).toThrow('count must be');
  for (const name of Object.keys(good)) {
    const get = (): never => {
      throw new Error(`the getter of ${name}`);
    };
    const options = Object.defineProperty({ ...good }, name, { get });
    expect(() => new NativeQueue(options)).toThrow(`the getter of ${name}`);
  }
});
