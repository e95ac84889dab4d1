import { describe, expect, test } from 'vitest';
import {
  FRAMING_ATM,
  MPU_BYTES_MAX,
  OVERHEAD_BYTES_MAX,
  superpacketWireBytes,
} from '../../../src/algo/buckets/link-layer.ts';
import {
  ALL_ABILITIES,
  marksConnections,
  planQueues,
  planSteers,
  queuesInBridges,
  type RuleAbilities,
  type Surroundings,
  showsPorts,
} from '../../../src/spec/queue-plan.ts';
import type { NfqueueSpec } from '../../../src/spec/spec.ts';
import { type ClassInput, type LinkInput, shaper, type TreeInput } from '../../sim/world.ts';

/** A 64 KiB superpacket takes 2 ms at 32.77 MB/s. */
const FAST: TreeInput = { rate: 125e6, burst: 1e6 };
const SLOW: TreeInput = { rate: 2.5e6, burst: 3028 };
const MIXED: TreeInput = { ...FAST, leaves: [{ name: 'slow', ceil: 2.5e6, burst: 3028 }] };
const NO_CONNECTION_MARKS = { ...ALL_ABILITIES, connectionMarks: false };

/** "device direction slow queue/fast queue", in the order of the rules. */
function textOf(
  links: Readonly<Record<string, LinkInput>>,
  options: Partial<NfqueueSpec>,
  abilities = ALL_ABILITIES,
): string[] {
  const { directions, gso } = planQueues(shaper(links, options), abilities);
  const lines = directions.map(
    ({ device, direction, nfqueue, fastNfqueue }) =>
      `${device} ${direction} ${nfqueue}/${fastNfqueue ?? '-'}`,
  );
  return [...lines, gso.map((asks) => (asks ? 'gso' : 'plain')).join(' ')];
}

describe('directions of one kind', () => {
  test('are dealt to the queues in turn', () => {
    const links = { a: { up: SLOW, down: SLOW }, b: { down: SLOW }, c: { up: SLOW } };
    expect(textOf(links, { count: 3 })).toEqual([
      'a0 up 0/-',
      'a0 down 1/-',
      'b0 down 2/-',
      'c0 up 0/-',
      'plain plain plain',
    ]);
  });

  test('fast ones ask for superpackets on every queue that is used', () => {
    expect(textOf({ a: { up: FAST, down: FAST } }, { count: 3 })).toEqual([
      'a0 up 0/-',
      'a0 down 1/-',
      'gso gso plain',
    ]);
  });

  test('a switch in the configuration overrules the rates', () => {
    const links = { a: { up: MIXED, down: SLOW } };
    const lines = ['a0 up 0/-', 'a0 down 1/-'];
    expect(textOf(links, { count: 3, gso: true })).toEqual([...lines, 'gso gso plain']);
    expect(textOf(links, { count: 3, gso: false })).toEqual([...lines, 'plain plain plain']);
  });
});

describe('fast and slow', () => {
  test('directions have queues of their own, slow ones first in numbers and rules', () => {
    const links = { a: { up: FAST }, b: { up: SLOW }, c: { up: FAST } };
    expect(textOf(links, { count: 3 })).toEqual(['b0 up 0/-', 'a0 up 2/-', 'c0 up 2/-', 'plain plain gso']);
  });

  test('classes of one direction have two queues', () => {
    expect(textOf({ a: { up: MIXED, down: MIXED } }, { count: 4 })).toEqual([
      'a0 up 0/2',
      'a0 down 1/3',
      'plain plain gso gso',
    ]);
    expect(textOf({ a: { up: MIXED, down: MIXED } }, { count: 2 })).toEqual([
      'a0 up 0/1',
      'a0 down 0/1',
      'plain gso',
    ]);
  });

  test('what has more to say against superpackets comes first: a packet of two links goes by it', () => {
    const links = { a: { up: FAST }, b: { up: MIXED }, c: { up: SLOW } };
    expect(textOf(links, { count: 5 })).toEqual([
      'c0 up 1/-',
      'b0 up 0/4',
      'a0 up 3/-',
      'plain plain plain gso gso',
    ]);
  });

  test('share the queue when there is but one, without superpackets', () => {
    expect(textOf({ a: { up: MIXED } }, { count: 1 })).toEqual(['a0 up 0/-', 'plain']);
    expect(textOf({ a: { up: FAST, down: SLOW } }, { count: 1 })).toEqual([
      'a0 up 0/-',
      'a0 down 0/-',
      'plain',
    ]);
  });

  test('without connection marks a mixed direction is slow, pure ones keep queues of their own', () => {
    const links = { a: { up: MIXED, down: FAST } };
    const lines = ['a0 up 0/-', 'a0 down 2/-', 'plain plain gso gso'];
    expect(textOf(links, { count: 4 }, NO_CONNECTION_MARKS)).toEqual(lines);
    expect(planSteers(planQueues(shaper(links, { count: 4 }), NO_CONNECTION_MARKS))).toBe(false);
    expect(planSteers(planQueues(shaper(links, { count: 4 })))).toBe(true);
  });
});

/** What the direction, alone with two queues, is: fast, slow or mixed. */
function kindOf(tree: Partial<TreeInput>): string {
  const [line] = textOf({ a: { up: { ...FAST, ...tree } } }, { count: 2 });
  const shared = planQueues(shaper({ a: { up: { ...FAST, ...tree } } }, { count: 1 })).gso[0];
  if (line === 'a0 up 0/1') return 'mixed';
  return shared ? 'fast' : 'slow';
}

describe('a class is slow by', () => {
  const police = { rateBytesPerSec: 125e6, burstBytes: 131_070 };
  const each = { by: 'flow', ...police } as const;

  test.each<[string, Partial<ClassInput>]>([
    ['its ceiling', { ceil: 1e6 }],
    ['each', { each: { ...each, rateBytesPerSec: 1e6, exceed: 'delay' } }],
    ['the burst of an each that drops', { each: { ...each, burstBytes: 131_069, exceed: 'drop' } }],
    ['its policer', { police: { ...police, rateBytesPerSec: 1e6 } }],
    ['the burst of its policer', { police: { ...police, burstBytes: 131_069 } }],
    ['a queue that holds less than two superpackets', { limitBytes: 131_069 }],
  ])('%s', (_, slow) => {
    expect(kindOf({ leaves: [{ name: 'a', ...slow }] })).toBe('mixed');
    expect(kindOf({ leaves: [{ name: 'default', ...slow }] })).toBe('slow');
    // A limit belongs to leaves.
    if (slow.limitBytes === undefined && slow.ceil === undefined) expect(kindOf(slow)).toBe('slow');
  });

  test('the least ceiling to which it adjusts; a guarantee keeps it fast', () => {
    expect(kindOf({ leaves: [{ name: 'default', adjust: true }] })).toBe('slow');
    expect(kindOf({ leaves: [{ name: 'a', adjust: true }] })).toBe('mixed');
    expect(kindOf({ leaves: [{ name: 'default', adjust: true, rate: 33e6 }] })).toBe('fast');
  });

  test('none of these when they are large enough', () => {
    const leaf = { name: 'a', police, each: { ...each, exceed: 'drop' }, limitBytes: 131_070 } as const;
    expect(kindOf({ leaves: [leaf] })).toBe('fast');
    const delaying = { ...each, burstBytes: 1, exceed: 'delay' } as const;
    expect(kindOf({ each: delaying })).toBe('fast');
  });

  test('no more than that: then a superpacket fits its policer, whatever its segments cost on the wire', () => {
    const dearest = { overheadBytes: OVERHEAD_BYTES_MAX, mpuBytes: MPU_BYTES_MAX, framing: FRAMING_ATM };
    const longestHeaders = 60 + 60;
    const wireBytes = superpacketWireBytes(dearest, 65_535, longestHeaders, 1500 - longestHeaders);
    expect(wireBytes).toBeGreaterThan(65_535);
    expect(wireBytes).toBeLessThanOrEqual(police.burstBytes);
  });

  test('a superpacket that takes more than two milliseconds', () => {
    expect(kindOf({ rate: 65_535 / 0.002 })).toBe('fast');
    expect(kindOf({ rate: 65_535 / 0.002 - 1 })).toBe('slow');
  });
});

test('whether CE can be written is passed on', () => {
  const spec = shaper({ a: { up: SLOW } });
  expect(planQueues(spec).ecn).toBe(true);
  expect(planQueues(spec, { ...ALL_ABILITIES, ecn: false }).ecn).toBe(false);
});

test('code points that classes ask for are in the plan once each, if rules can write them', () => {
  const inner = { name: 'a', remark: [46, null, 0] as const };
  const spec = shaper({
    wan: { up: { ...SLOW, remark: [10, 10, 10], leaves: [inner] }, down: SLOW },
    lan: { down: { ...SLOW, leaves: [{ name: 'b', remark: [0, 12, 14] }] } },
  });
  expect(planQueues(spec).dscps).toEqual([0, 10, 12, 14, 46]);
  expect(planQueues(spec, { ...ALL_ABILITIES, dscp: false }).dscps).toEqual([]);
  expect(planQueues(shaper({ wan: { up: SLOW } })).dscps).toEqual([]);
});

test('the NFQUEUE that nobody reads is the highest one that is neither ours nor read by others', () => {
  const unread = (first: number, count: number, others: readonly number[] = []): number =>
    planQueues(shaper({ wan: { up: SLOW } }, { first, count }), ALL_ABILITIES, {
      ...{ readByOthers: new Set(others), sharesChains: false },
    }).unreadNfqueue;
  expect(unread(100, 4)).toBe(65535);
  expect(unread(65532, 4)).toBe(65531);
  expect(unread(65530, 4, [65535, 65529])).toBe(65534);
  expect(unread(65532, 4, [65531, 65530])).toBe(65529);
});

describe('a port of a bridge', () => {
  const PORTS = new Map([['a0', 'br0']]);
  const planned = (
    links: Readonly<Record<string, LinkInput>>,
    options: Partial<NfqueueSpec>,
    sharesChains: boolean,
  ): string[] => {
    const plan = planQueues(shaper(links, options), ALL_ABILITIES, {
      ...{ readByOthers: new Set(), sharesChains, ports: PORTS },
    });
    expect([queuesInBridges(plan), showsPorts(plan)]).toEqual([!sharesChains, sharesChains]);
    return plan.directions.map(
      ({ device, direction, nfqueue, fastNfqueue, bridge }) =>
        `${device} ${direction} ${nfqueue}/${fastNfqueue ?? '-'} ${bridge} ${plan.gso[nfqueue] ? 'gso' : 'plain'}`,
    );
  };
  const LINKS = { a: { up: SLOW, down: MIXED }, b: { up: SLOW } };

  test('has superpackets in hooks of bridges, where the kernel cannot cut them', () => {
    const expected = ['b0 up 0/- undefined plain', 'a0 up 2/- br0 gso', 'a0 down 3/- br0 gso'];
    expect(planned(LINKS, { count: 4, gso: 'auto' }, false)).toEqual(expected);
    expect(planned({ a: { up: SLOW } }, { count: 1, gso: false }, false)).toEqual(['a0 up 0/- br0 gso']);
    // Whoever shares its NFQUEUE has them as well.
    expect(planned(LINKS, { count: 1, gso: 'auto' }, false)).toEqual([
      'a0 up 0/- br0 gso',
      'a0 down 0/- br0 gso',
      'b0 up 0/- undefined gso',
    ]);
  });

  test('has them in hooks of IP if all its classes are fast: it never steers', () => {
    expect(planned(LINKS, { count: 4, gso: 'auto' }, true)).toEqual([
      'a0 up 0/- br0 plain',
      'a0 down 1/- br0 plain',
      'b0 up 2/- undefined plain',
    ]);
    expect(planned({ a: { up: FAST } }, { count: 1, gso: 'auto' }, true)).toEqual(['a0 up 0/- br0 gso']);
  });

  test('is not edited there where the kernel drops what is', () => {
    const uneditedOf = (sharesChains: boolean, editsInBridges: boolean) =>
      planQueues(shaper(LINKS, { count: 4, gso: 'auto' }), ALL_ABILITIES, {
        ...{ readByOthers: new Set(), sharesChains, ports: PORTS, editsInBridges },
      }).unedited;
    expect(uneditedOf(false, false)).toEqual([2, 3]);
    expect(uneditedOf(true, false)).toEqual([]);
    expect(uneditedOf(false, true)).toBeUndefined();
  });

  test('is none of another device', () => {
    const plan = planQueues(shaper({ b: { up: SLOW } }), ALL_ABILITIES, {
      ...{ readByOthers: new Set(), sharesChains: true, ports: PORTS },
    });
    expect([queuesInBridges(plan), showsPorts(plan)]).toEqual([false, false]);
  });
});

describe('a paced class', () => {
  const PACED: TreeInput = { ...SLOW, pace: { activeBytesPerSec: 2000, ageNs: 1e9, delayNs: 1e8 } };
  const WHOLE = 65_531;

  test('has TCP of the other direction fetched if nothing shapes that, behind all others', () => {
    const { directions, copyBytes } = planQueues(
      shaper({ a: { up: PACED }, b: { down: SLOW } }, { count: 1 }),
    );
    expect(directions.map(({ device, direction, isHalf = false }) => [device, direction, isHalf])).toEqual([
      ['a0', 'up', false],
      ['b0', 'down', false],
      ['a0', 'down', true],
    ]);
    expect(copyBytes).toEqual([WHOLE]);
  });

  test('has whole packets only where its answers come', () => {
    const { directions, copyBytes } = planQueues(shaper({ a: { up: PACED, down: SLOW } }, { count: 2 }));
    expect(directions.map(({ isHalf = false }) => isHalf)).toEqual([false, false]);
    expect(copyBytes).toEqual([128, WHOLE]);
  });

  test('deep in the tree counts; without one nothing else comes and only headers are copied', () => {
    const leaves = [{ name: 'mail', ceil: 1e6, burst: 3028, pace: PACED.pace! }];
    expect(planQueues(shaper({ a: { down: { ...SLOW, leaves } } })).directions).toHaveLength(2);
    const plain = planQueues(shaper({ a: { up: SLOW } }, { count: 2 }));
    expect(plain.directions).toHaveLength(1);
    expect(plain.copyBytes).toEqual([128, 128]);
  });

  test('has only its own answers fetched where others are not paced, by connection marks', () => {
    const leaves = [{ name: 'mail', ceil: 1e6, burst: 3028, pace: PACED.pace! }];
    const links = { a: { down: { ...SLOW, leaves } } };
    const spec = shaper(links, { count: 1 });
    const halves = (...more: [RuleAbilities?, Surroundings?]): unknown[] =>
      planQueues(spec, ...more).directions.map(({ isHalf, isByMark }) => [isHalf, isByMark]);
    const byMark = [
      [undefined, undefined],
      [true, true],
    ];
    const all = [
      [undefined, undefined],
      [true, undefined],
    ];
    expect(halves()).toEqual(byMark);
    expect(marksConnections(planQueues(spec))).toBe(true);
    expect(planSteers(planQueues(spec))).toBe(false);
    expect(halves(NO_CONNECTION_MARKS)).toEqual(all);
    expect(marksConnections(planQueues(spec, NO_CONNECTION_MARKS))).toBe(false);
    for (const sharesChains of [false, true]) {
      const ports = new Map([['a0', 'br0']]);
      expect(halves(ALL_ABILITIES, { readByOthers: new Set(), sharesChains, ports })).toEqual(all);
    }
    // Where every leaf is paced all TCP is needed.
    const every = leaves.concat([{ ...leaves[0]!, name: 'default' }]);
    for (const tree of [PACED, { ...SLOW, leaves: every }]) {
      const plan = planQueues(shaper({ a: { down: tree } }, { count: 1 }));
      expect([plan.directions[1]!.isByMark ?? false, marksConnections(plan)]).toEqual([false, false]);
    }
  });

  test('has superpackets of its answers where others do not ask for single ones', () => {
    expect(textOf({ a: { up: PACED } }, { count: 2 })).toEqual(['a0 up 0/-', 'a0 down 1/-', 'plain gso']);
    expect(textOf({ a: { up: PACED } }, { count: 2, gso: false }).at(-1)).toBe('plain plain');
  });
});
