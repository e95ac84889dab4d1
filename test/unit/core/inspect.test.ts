/** Buckets as people see them, through the whole engine. */
import { expect, test } from 'vitest';
import { NONE } from '../../../src/base/none.ts';
import { OWNER_KNOWN } from '../../../src/core/flows/flow-owners.ts';
import { createFlowRecord, FlowReader } from '../../../src/core/flows/flow-reader.ts';
import { type FlowName, inspect } from '../../../src/core/inspect.ts';
import { limit } from '../../sim/host-limits.ts';
import { FakeSockets, leaves, updateOf } from '../../sim/subjects-world.ts';
import { CLIENT, SECOND, shaper, udp, up, World } from '../../sim/world.ts';

const WIDE = { rate: 1e9, burst: 1e6 };
/** One packet of 1000 B at once, then one a second. */
const SLOW = { rateBytesPerSec: 1000, burstBytes: 1000 };
const port = (from: number) => [{ dport: [{ from, to: from }] }];

function world(): World {
  const ofPorts = [
    { name: 'ceil', match: port(1), ceil: 1000, burst: 1000, limitPackets: 100 },
    { name: 'each', match: port(2), each: { by: 'src', exceed: 'delay', ...SLOW }, limitPackets: 100 },
    { name: 'police', match: port(3), police: { rateBytesPerSec: 1000, burstBytes: 3000 } },
  ] as const;
  return new World(shaper({ wan: { up: { ...WIDE, leaves: ofPorts } } }));
}

function flowTo({ engine }: World, dport: number): FlowName {
  const reader = new FlowReader(engine.flows.buffer);
  const record = createFlowRecord();
  for (let f = reader.next(NONE); f !== NONE; f = reader.next(f))
    if (reader.read(f, record) && record.dport === dport) return { f, generation: record.generation };
  throw new Error(`no flow to port ${dport}`);
}

test('the tokens of every class on the way, and how long packets have waited for its ceiling', () => {
  const one = world();
  for (let n = 0; n < 4; n++) one.inject([up(0, 1000, { shape: udp(1, { dport: 1 }) })]);
  one.run(0);
  const flow = flowTo(one, 1);
  const { classes: first, devices } = inspect(one.engine, [flow], 0);
  expect(first.map(({ path }) => path)).toEqual(['wan/up/ceil', 'wan/up']);
  expect(first[0]).toMatchObject({
    ceilTokens: 0,
    rateTokens: null,
    policeTokens: null,
    boundUntilNs: SECOND,
  });
  expect(first[1]).toMatchObject({ boundNs: 0, boundUntilNs: 0 });
  expect(devices).toEqual([[expect.any(Number), 'wan0']]);
  one.run(1.5 * SECOND);
  const [later] = inspect(one.engine, [flow], 1.5 * SECOND).classes;
  expect(later).toMatchObject({ ceilTokens: 500, boundUntilNs: 2 * SECOND });
  expect(later!.boundNs / SECOND).toBeCloseTo(2, 2);
});

test('the bucket of a flow in a class with each, and what waits for it', () => {
  const one = world();
  for (let n = 0; n < 3; n++) one.inject([up(0, 1000, { shape: udp(1, { dport: 2 }) })]);
  one.run(0);
  const { each } = inspect(one.engine, [flowTo(one, 2)], 0);
  expect(each).toEqual([[{ path: 'wan/up/each', tokens: 0, waitingPackets: 2 }]]);
});

test('how the hosts of a flow are limited', () => {
  const one = world();
  const send = (timeNs: number) => one.inject([up(timeNs, 1000, { shape: udp(1, { dport: 9 }) })]);
  send(0);
  one.run(0);
  const flow = flowTo(one, 9);
  const limitsNow = () => inspect(one.engine, [flow, { ...flow, generation: -1 }], one.port.nowNs).limits;
  expect(limitsNow()).toEqual([[], []]);
  limit(one.engine, 0, { of: CLIENT, kind: 'throttle', up: 1000 });
  for (let n = 0; n < 4; n++) send(0);
  one.run(0);
  const throttled = { kind: 'throttle', direction: 'up', rateBytesPerSec: 1000, waitingPackets: 1 };
  expect(limitsNow()).toEqual([[{ ...throttled, tokens: 28 }], []]);
  // Packets of this flow do not arrive.
  limit(one.engine, 0, { of: CLIENT, kind: 'throttle', down: 1000 });
  expect(limitsNow()).toEqual([[], []]);
  for (const kind of ['block', 'page'] as const) {
    limit(one.engine, 0, { of: CLIENT, kind });
    const stopped = { kind, direction: 'up', rateBytesPerSec: null, tokens: null, waitingPackets: 0 };
    expect(limitsNow()).toEqual([[stopped], []]);
  }
});

test('the tokens of a policer', () => {
  const one = world();
  one.inject([up(0, 1000, { shape: udp(1, { dport: 3 }) })]);
  one.run(0);
  expect(inspect(one.engine, [flowTo(one, 3)], 0).classes[0]!.policeTokens).toBe(2000);
});

test('a flow that has ended has nothing', () => {
  const one = world();
  one.inject([up(0, 1000, { shape: udp(1, { dport: 3 }) })]);
  one.run(0);
  const { f, generation } = flowTo(one, 3);
  expect(inspect(one.engine, [{ f, generation: generation + 1 }], 0)).toMatchObject({
    classes: [],
    each: [[]],
  });
});

test('whose a local flow is, and which attachment decides', () => {
  const sockets = new FakeSockets();
  const tree = { ...WIDE, leaves: [{ name: 'a', match: [] }] };
  const one = new World(shaper({ wan: { up: tree } }), { sockets });
  sockets.byPort.set(1, { uid: 7, inode: 71, cgroup: [2, 5] });
  const ask = () => inspect(one.engine, [flowTo(one, 443)], one.port.nowNs).owners;
  one.inject([leaves(0, 1)]);
  one.run(0);
  expect(ask()).toEqual([null]);
  one.engine.updateSubjects(
    updateOf({
      users: [
        { uid: 7, subject: 1 },
        { uid: 7, subject: 2 },
      ],
      matched: [{ key: 'user:alice', subject: 2 }],
      attachments: [{ subject: 1, rank: 4, classes: ['wan/up/a'], text: 'user:alice' }],
    }),
    0,
  );
  one.inject([leaves(1, 1)]);
  one.run(1);
  expect(ask()).toEqual([
    {
      owner: { state: OWNER_KNOWN, uid: 7, inode: 71, cgroupHigh: 2, cgroupLow: 5 },
      attached: [{ root: 'wan/up', text: 'user:alice', rank: 4 }],
      keys: ['user:alice'],
    },
  ]);
  // Who looks asks nobody.
  expect(sockets.asked).toEqual([1]);
});
