import { describe, expect, it } from 'vitest';
import type { QueueSpec, RedSpec, WredSpec } from '../../../../src/spec/spec.ts';
import { classOf, classProblems, warningsOf, withClasses } from '../helpers.ts';

const queueOf = (fields: string, ceil = '20mbit'): QueueSpec =>
  classOf(`ceil: ${ceil}, queue: { ${fields} }`).queue!;
const NO_BOUND = Number.POSITIVE_INFINITY;

function redOf(fields: string, ceil?: string): RedSpec {
  const { aqm } = queueOf(fields, ceil);
  if (aqm.kind !== 'red') throw new Error(`not red: ${aqm.kind}`);
  return aqm.red;
}

function wredOf(fields: string, ceil?: string): WredSpec {
  const { aqm } = queueOf(fields, ceil);
  if (aqm.kind !== 'wred') throw new Error(`not wred: ${aqm.kind}`);
  return aqm.wred;
}

describe('RED', () => {
  it('takes every parameter', () => {
    const red =
      'min: 30kB, max: 90kB, probability: 0.02, weight: 0.004, gentle: false, adaptive: true, ecn: true, ' +
      'byteMode: true, meanPacket: 500B';
    expect(queueOf(`limit: 500kB, aqm: { red: { ${red} } }`)).toMatchObject({
      limitBytes: 500_000,
      limitPackets: NO_BOUND,
      aqm: {
        kind: 'red',
        red: {
          adaptive: true,
          minBytes: 30_000,
          maxBytes: 90_000,
          probability: 0.02,
          weight: 0.004,
          gentle: false,
          byteMode: true,
          meanPacketBytes: 500,
        },
      },
      ecn: true,
    });
  });

  it.each([
    // A quarter of 250 kB, and a third of that.
    ['red', '20mbit', 20_833, 62_500, 250_000],
    ['{ red: {} }', '20mbit', 20_833, 62_500, 250_000],
    // A quarter of 30 kB would be 7.5 packets: 15 mean packets instead.
    ['{ red: {} }', '1mbit', 5000, 15_000, 30_000],
    ['{ red: { min: 20kB } }', '20mbit', 20_000, 60_000, 250_000],
    ['{ red: { max: 90kB } }', '20mbit', 30_000, 90_000, 250_000],
    // The default limit is at least twice max.
    ['{ red: { max: 90kB } }', '1mbit', 30_000, 90_000, 180_000],
    ['{ red: { min: 5p, max: 15p } }', '1mbit', 5000, 15_000, 30_000],
    ['{ red: { min: 5p, max: 15p, meanPacket: 1500B } }', '1mbit', 7500, 22_500, 45_000],
    ['{ red: { min: 5ms, max: 20ms } }', '20mbit', 12_500, 50_000, 250_000],
  ])('%s at %s', (aqm, ceil, minBytes, maxBytes, limitBytes) => {
    expect(queueOf(`aqm: ${aqm}`, ceil)).toMatchObject({ limitBytes, limitPackets: NO_BOUND });
    expect(redOf(`aqm: ${aqm}`, ceil)).toMatchObject({ minBytes, maxBytes });
  });

  it('defaults, and shares as fractions', () => {
    expect(redOf('aqm: red')).toMatchObject({
      adaptive: false,
      probability: 0.1,
      weight: 0.002,
      gentle: true,
      byteMode: false,
      meanPacketBytes: 1000,
    });
    expect(redOf('aqm: { red: { probability: 2%, weight: 1e-3 } }')).toMatchObject({
      probability: 0.02,
      weight: 0.001,
    });
  });

  it('a derived max stays below half of a small limit', () => {
    expect(redOf('limit: 20kB, aqm: red')).toMatchObject({ minBytes: 3333, maxBytes: 10_000 });
    expect(redOf('limit: 100p, aqm: red')).toMatchObject({ minBytes: 8333, maxBytes: 25_000 });
  });

  it.each([
    // Facts 3.4: 375 packets a second give weight 0.002663
    // and 5/15 packets, 37500 give 2.667e-5 and 93.75/281.25.
    ['3mbit', 0.002663, 5000, 15_000],
    ['300mbit', 2.667e-5, 93_750, 281_250],
  ])('adaptive at %s finds weight and thresholds by itself', (ceil, weight, minBytes, maxBytes) => {
    const text = `ceil: ${ceil}, queue: { aqm: { red: { adaptive: true } } }`;
    const { aqm } = classOf(text, '').queue!;
    expect(aqm).toMatchObject({ kind: 'red', red: { adaptive: true, minBytes, maxBytes, probability: 0.1 } });
    if (aqm.kind === 'red') expect(aqm.red.weight).toBeCloseTo(weight, 6);
  });

  it('adaptive keeps what is written', () => {
    const red = redOf('aqm: { red: { adaptive: true, min: 10kB, weight: 0.01 } }');
    expect(red).toMatchObject({ minBytes: 10_000, maxBytes: 30_000, weight: 0.01 });
  });

  it.each([
    ['min: 90kB, max: 30kB', 'min 90kB must be above 0 and below max 30kB'],
    ['min: 30kB, max: 30kB', 'must be above 0 and below max'],
    ['min: 0B, max: 30kB', 'must be above 0'],
    ['probability: 0', 'is not a number above 0 up to 1'],
    ['probability: 1.1', 'is not a number above 0 up to 1'],
    ['probability: often', 'is not a number above 0 up to 1'],
    ['weight: 0', 'is not a number above 0 up to 1'],
    ['gentle: 1', 'neither true nor false'],
    ['adaptive: 1', 'neither true nor false'],
    ['meanPacket: 63B', 'out of range'],
    ['meanPacket: 5p', 'is not a size'],
    ['ecn: maybe', 'neither true nor false'],
  ])('{ %s } is refused', (red, message) => {
    expect(classProblems(`queue: { aqm: { red: { ${red} } } }`).join('\n')).toContain(message);
  });

  it('a max above the limit is refused: the queue would be full first', () => {
    const problems = classProblems('queue: { limit: 50kB, aqm: { red: { min: 20kB, max: 60kB } } }');
    expect(problems.join()).toContain("red: max 60kB is above the queue's limit, 50kB");
    expect(classProblems('queue: { limit: 60kB, aqm: { red: { min: 20kB, max: 60kB } } }')).toEqual([]);
  });
});

describe('WRED', () => {
  const MAX = 62_500;

  it('minima of routers: 20 to 35 for a max of 40', () => {
    const { profiles } = wredOf('aqm: { wred: { max: 40p } }');
    expect(profiles.map((profile) => profile.minBytes / 1000)).toEqual([
      35.555, 33.333, 31.111, 28.888, 26.666, 24.444, 22.222, 20,
    ]);
  });

  it('without profiles: one for each precedence, the lowest takes all others', () => {
    const { profiles, ...rest } = wredOf('aqm: wred');
    expect(rest).toEqual({ weight: 2 ** -9, gentle: true, meanPacketBytes: 1000 });
    expect(profiles).toHaveLength(8);
    expect(profiles[0]).toEqual({
      dscp: [56, 57, 58, 59, 60, 61, 62, 63],
      colours: [],
      minBytes: 55_555,
      maxBytes: MAX,
      probability: 0.1,
    });
    expect(profiles.at(-1)).toEqual({
      dscp: [],
      colours: [],
      minBytes: 31_250,
      maxBytes: MAX,
      probability: 0.1,
    });
    const minima = profiles.map((profile) => profile.minBytes);
    expect(minima).toEqual([...minima].sort((a, b) => b - a));
  });

  it('max, probability, weight, gentle and meanPacket are for all', () => {
    const wred = wredOf(
      'aqm: { wred: { max: 40p, probability: 20%, weight: 0.01, gentle: false, meanPacket: 500B, ecn: true } }',
      '1mbit',
    );
    expect(wred).toMatchObject({ weight: 0.01, gentle: false, meanPacketBytes: 500 });
    expect(wred.profiles.at(-1)).toEqual({
      dscp: [],
      colours: [],
      minBytes: 10_000,
      maxBytes: 20_000,
      probability: 0.2,
    });
    expect(wred.profiles[2]).toMatchObject({ dscp: [40, 41, 42, 43, 44, 45, 46, 47] });
  });

  it('profiles by code points; the last, without any, takes all others', () => {
    const wred = wredOf(
      'aqm: { wred: { max: 60kB, profiles: [{ dscp: [ef, cs6], min: 50kB, max: 80kB, probability: 0.02 }, { dscp: af13, min: 10kB }, { min: 20kB }] } }',
    );
    expect(wred.profiles).toEqual([
      { dscp: [46, 48], colours: [], minBytes: 50_000, maxBytes: 80_000, probability: 0.02 },
      { dscp: [14], colours: [], minBytes: 10_000, maxBytes: 60_000, probability: 0.1 },
      { dscp: [], colours: [], minBytes: 20_000, maxBytes: 60_000, probability: 0.1 },
    ]);
  });

  it.each([
    ['max: 60kB, profiles: [{ min: 20kB, max: 50kB }]', ['max']],
    [
      'probability: 5%, profiles: [{ dscp: ef, min: 9kB, probability: 1% }, { min: 9kB, probability: 1% }]',
      ['probability'],
    ],
    ['max: 60kB, profiles: [{ dscp: ef, min: 20kB }, { min: 20kB, max: 50kB }]', []],
    // Profiles by precedence follow, and take it.
    ['max: 60kB, profiles: [{ dscp: ef, min: 20kB, max: 50kB }]', []],
  ])('{ %s }: what no profile inherits draws a warning', (wred, keys) => {
    const warnings = warningsOf(withClasses(`c: { queue: { aqm: { wred: { ${wred} } } } }`));
    const expected = keys.map((key) => `${key}: every profile has its own, so this one does nothing`);
    expect(
      warnings.filter((text) => text.includes('profile')).map((text) => text.replace(/^\S+ /, '')),
    ).toEqual(expected);
  });

  it('what no profile takes goes by precedence', () => {
    const { profiles } = wredOf(
      'aqm: { wred: { max: 40kB, profiles: { dscp: [cs1, af11, ef], min: 5kB } } }',
    );
    expect(profiles[0]).toMatchObject({ dscp: [8, 10, 46], minBytes: 5000 });
    expect(profiles).toHaveLength(9);
    expect(profiles.find((profile) => profile.dscp.includes(47))!.dscp).toEqual([40, 41, 42, 43, 44, 45, 47]);
    expect(profiles.find((profile) => profile.dscp.includes(9))!.dscp).toEqual([9, 11, 12, 13, 14, 15]);
    expect(profiles.at(-1)).toMatchObject({ dscp: [], colours: [], minBytes: 20_000 });
  });

  it('a precedence of which nothing is left has no profile', () => {
    const all = Array.from({ length: 8 }, (_, n) => 56 + n).join(', ');
    const { profiles } = wredOf(`aqm: { wred: { profiles: [{ dscp: [${all}], min: 5kB }] } }`);
    expect(profiles).toHaveLength(8);
    expect(profiles.filter((profile) => profile.dscp.length === 0)).toHaveLength(1);
  });

  it('profiles by colour, of which all together leave nothing to others', () => {
    const profiles =
      '[{ color: green, min: 30kB }, { color: [yellow], min: 20kB }, { color: red, min: 10kB }]';
    const metered = `meter: { type: srtcm, cir: 1mbit }, queue: { aqm: { wred: { max: 60kB, profiles: ${profiles} } } }`;
    const { aqm } = classOf(metered).queue!;
    const wred = aqm.kind === 'wred' ? aqm.wred : null;
    expect(wred?.profiles.map(({ colours, dscp, minBytes }) => [colours, dscp, minBytes])).toEqual([
      [[0], [], 30_000],
      [[1], [], 20_000],
      [[2], [], 10_000],
    ]);
  });

  it('profiles by colour and code point, the first wins; the rest goes by precedence', () => {
    const profiles =
      '[{ color: [yellow, red], dscp: ef, min: 30kB }, { dscp: ef, min: 40kB }, { color: red, min: 10kB }]';
    const outer = 'meter: { type: srtcm, cir: 1mbit }, classes: { in: { queue:';
    const inner = classOf(`${outer} { aqm: { wred: { max: 60kB, profiles: ${profiles} } } } } }`)
      .children[0]!;
    const wred = inner.queue!.aqm.kind === 'wred' ? inner.queue!.aqm.wred : null;
    expect(wred!.profiles.slice(0, 3).map(({ colours, dscp }) => [colours, dscp])).toEqual([
      [[1, 2], [46]],
      [[], [46]],
      [[2], []],
    ]);
    expect(wred!.profiles).toHaveLength(3 + 8);
    expect(wred!.profiles[5]!.dscp).toEqual([40, 41, 42, 43, 44, 45, 47]);
  });

  it.each([
    ['[{ color: blue, min: 5kB }]', "'blue' is not a colour; write green, yellow, red"],
    ['[{ color: red, min: 5kB }, { color: [red, green], min: 6kB }]', 'color: red has a profile already'],
    ['[{ color: red, min: 5kB }, { color: red, dscp: ef, min: 6kB }]', 'code point 46 has a profile already'],
    [
      '[{ min: 5kB }, { color: red, min: 6kB }]',
      'no dscp and no color, so it takes all other packets: put it last',
    ],
  ])('profiles %s are refused', (profiles, message) => {
    const wred = `queue: { aqm: { wred: { profiles: ${profiles} } } }`;
    expect(classProblems(`meter: { type: srtcm, cir: 1mbit }, ${wred}`).join('\n')).toContain(message);
  });

  it('a colour without a meter is refused', () => {
    expect(classProblems('queue: { aqm: { wred: { profiles: { color: red, min: 5kB } } } }')).toEqual([
      'color: packets have no colour here; give this class, or a class above it, a meter',
    ]);
  });

  it('the default limit is twice the largest max', () => {
    expect(queueOf('aqm: { wred: { max: 20kB } }', '1mbit').limitBytes).toBe(40_000);
    const profiles = 'profiles: [{ dscp: ef, min: 20kB, max: 100kB }]';
    expect(queueOf(`aqm: { wred: { max: 20kB, ${profiles} } }`, '1mbit').limitBytes).toBe(200_000);
  });

  it.each([
    ['profiles: []', 'the list is empty'],
    ['profiles: [{ dscp: ef }]', 'a profile needs min'],
    ['profiles: [{ min: 5kB }, { dscp: ef, min: 5kB }]', 'takes all other packets: put it last'],
    ['profiles: [{ dscp: ef, min: 5kB }, { dscp: [46], min: 6kB }]', 'code point 46 has a profile already'],
    ['profiles: [{ dscp: [ef, ef], min: 5kB }]', 'code point 46 has a profile already'],
    ['profiles: [{ dscp: gold, min: 5kB }]', "'gold' is not a DSCP"],
    ['profiles: [{ dscp: ef, min: 9kB, max: 8kB }]', 'wred: min 9kB must be above 0 and below max 8kB'],
    ['max: 8kB, profiles: [{ dscp: ef, min: 9kB }]', 'wred: min 9kB must be above 0 and below max 8kB'],
    ['max: 1B', 'must be above 0 and below max 1B'],
    ['min: 5kB', "unknown key 'min' in wred"],
    ['profiles: [{ dscp: ef, mim: 5kB }]', "unknown key 'mim' in a profile; did you mean 'min'?"],
    ['profiles: [ef]', 'a profile must be a map'],
    ['profiles: [{ dscp: ef, min: 5kB, probability: 0 }]', 'is not a number above 0 up to 1'],
  ])('{ %s } is refused', (wred, message) => {
    expect(classProblems(`queue: { aqm: { wred: { ${wred} } } }`).join('\n')).toContain(message);
  });

  it('a max above the limit is refused, in a profile and for all', () => {
    const inQueue = (wred: string): string =>
      classProblems(`queue: { limit: 50kB, aqm: { wred: { ${wred} } } }`).join();
    expect(inQueue('max: 60kB')).toContain("wred: max 60kB is above the queue's limit, 50kB");
    expect(inQueue('max: 40kB, profiles: [{ dscp: ef, min: 1kB, max: 60kB }]')).toContain(
      'max 60kB is above',
    );
    expect(inQueue('max: 50kB')).toBe('');
  });
});

describe('thresholds that cannot be read', () => {
  it.each([
    'red: { min: 90kB, max: 30 }',
    'red: { min: 30, max: 1B }',
    'wred: { max: 30kB, profiles: [{ dscp: ef, min: 40kB, max: 90 }] }',
  ])('{ %s } draws one message', (aqm) => {
    expect(classProblems(`queue: { aqm: { ${aqm} } }`)).toHaveLength(1);
  });
});
