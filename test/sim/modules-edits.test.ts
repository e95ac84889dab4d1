/** Packets that modules change: what classes and the kernel see of them. Exact. */
import { expect, test } from 'vitest';
import { ACCEPT } from '../../src/modules/api/module.ts';
import type { Packet } from '../../src/modules/api/packet.ts';
import {
  acceptUnrouted,
  NF_ACCEPT,
  NF_INET_FORWARD,
  NF_INET_LOCAL_OUT,
  VERDICT_SET_MARK,
} from '../../src/packet/batch.ts';
import { ALL_ABILITIES, planQueues } from '../../src/spec/queue-plan.ts';
import { deciding, ModulesWorld, PLAIN, packet, seeing } from './modules-world.ts';
import { MS, SECOND, shaper } from './world.ts';

/** Verdicts of single packets at local output, for what a module does to them. */
function outputVerdicts(process: (p: Packet) => void, spec = PLAIN) {
  const world = new ModulesWorld({ m: seeing(process, { hooks: ['output'] }) }, spec);
  world.run([packet(0, 1, { hook: NF_INET_LOCAL_OUT, mark: 0x5 })], MS);
  const { verdict, mark } = world.port.rows[0]!;
  return { verdict, mark, payload: world.port.trace[0]?.payload };
}

test('a later module and the classes see what an earlier one has made of the packet', () => {
  const seen: number[] = [];
  const spec = shaper({
    wan: { up: { rate: 1e9, burst: 1e6, leaves: [{ name: 'fast', match: [{ dscp: [46] }] }] } },
  });
  const world = new ModulesWorld(
    {
      first: deciding(
        (p) => {
          p.dscp = 46;
          return ACCEPT;
        },
        { hooks: ['forward'] },
      ),
      second: seeing((p) => seen.push(p.dscp), { hooks: ['forward'] }),
    },
    spec,
  );
  world.run([packet(0, 1, { hook: NF_INET_FORWARD })], SECOND);
  expect(seen).toEqual([46]);
  const { stats, classes } = world.engine;
  expect(stats.sentPackets[classes.findIndex(({ path }) => path === 'wan/up/fast')]).toBe(1);
  expect(world.port.trace[0]?.payload?.[1]).toBe(46 << 2);
});

test('at local output only what the kernel routes by has it route again', () => {
  const { unreadNfqueue } = planQueues(PLAIN, ALL_ABILITIES);
  const unrouted = acceptUnrouted(unreadNfqueue);
  expect(outputVerdicts(() => {})).toMatchObject({ verdict: NF_ACCEPT, mark: 0, payload: undefined });
  expect(outputVerdicts((p) => (p.ttl = 3)).verdict).toBe(unrouted);
  const routed = (NF_ACCEPT | VERDICT_SET_MARK) >>> 0;
  for (const change of [
    (p: Packet) => (p.dscp = 46),
    (p: Packet) => (p.dst = '192.0.2.77'),
    (p: Packet) => (p.src = '192.0.2.78'),
  ])
    expect(outputVerdicts(change)).toMatchObject({
      verdict: routed,
      mark: 0x5,
      payload: expect.any(Uint8Array),
    });
  expect(outputVerdicts((p) => (p.mark = 0x7))).toMatchObject({ verdict: routed, mark: 0x7 });
});

test('what a class asks of a packet that is routed again is written into it', () => {
  const meter = {
    kind: 'single-rate',
    committedBytesPerSec: 1,
    committedBytes: 1,
    excessBytesPerSec: 1,
  } as const;
  const spec = shaper({
    wan: {
      up: {
        rate: 1e9,
        burst: 1e6,
        leaves: [
          {
            name: 'all',
            match: [{ proto: [17] }],
            meter: { ...meter, excessBytes: 1, aware: false },
            remark: [null, null, 10],
          },
        ],
      },
    },
  });
  const { mark, payload } = outputVerdicts((p) => (p.dst = '192.0.2.77'), spec);
  expect([mark, payload?.[1]]).toEqual([0x5, 10 << 2]);
});

test('edited packets wait in their class with their new bytes and their new length', () => {
  const spec = shaper({ wan: { up: { rate: 1e6, burst: 1000 } } });
  const longer = (p: Packet): void => {
    const bytes = new Uint8Array(1000);
    bytes.set(p.bytes!.subarray(0, 500));
    bytes[2] = 1000 >> 8;
    bytes[3] = 1000 & 255;
    bytes[999] = p.bytes![21]!;
    p.replace(bytes);
  };
  const world = new ModulesWorld({ m: seeing(longer, { hooks: ['forward'], payload: true }) }, spec);
  world.run(
    [1, 2, 3].map((flow) => packet(0, flow, { hook: NF_INET_FORWARD })),
    SECOND,
  );
  // 1000 bytes a millisecond, though they came with 500.
  expect(world.verdicts()).toEqual(['1@0', '2@1', '3@2']);
  expect(world.port.trace.map(({ payload }) => payload?.length)).toEqual([1000, 1000, 1000]);
  expect([world.total('receivedBytes'), world.total('acceptedBytes')]).toEqual([3000, 3000]);
});
