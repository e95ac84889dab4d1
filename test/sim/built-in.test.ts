/** Built-in modules in the real decision loop, in virtual time. Exact. */
import { expect, test } from 'vitest';
import delay from '../../src/built-in/delay.ts';
import duplicate from '../../src/built-in/duplicate.ts';
import loss from '../../src/built-in/loss.ts';
import qosmod from '../../src/built-in/qosmod.ts';
import reorder from '../../src/built-in/reorder.ts';
import type { Itm, ModuleDefinition } from '../../src/modules/api/index.ts';
import { ACK, FIN, IPPROTO_TCP } from '../../src/packet/tcp-header.ts';
import { type ModuleInput, ModulesWorld, packet } from './modules-world.ts';
import { MS, SECOND, udp } from './world.ts';

const ALL = { iif: [], oif: [], host: [], proto: [], port: [] };

function builtIn<Options extends object>(
  definition: ModuleDefinition<Options>,
  options: Options,
  more: Partial<Itm> = {},
): ModuleInput {
  return {
    hooks: definition.hooks,
    payload: definition.payload ?? false,
    create: (itm) => definition.create!({ ...itm, label: definition.label, ...more } as Itm, options),
  };
}

/** Packets of flow 1, one every millisecond. */
const stream = (count: number, everyNs = MS) => Array.from({ length: count }, (_, n) => packet(n * everyNs));
const ids = (verdicts: readonly string[]): number[] =>
  verdicts.map((text) => Number(text.replace('-', '').split('@')[0]));

test.each([1, 4])('qosmod marks what the listing marks, %i packets at a time', (atOnce) => {
  const world = new ModulesWorld({
    qosmod: builtIn(qosmod, { threshold: 3, short: 4, long: 8, mtu: 1500 }),
  });
  const [dscp, ecn] = [46, 2];
  const segment = (n: number, flags = ACK, ends: object = { sport: 1001, dport: 80 }) =>
    packet(Math.floor(n / atOnce) * MS, 1, {
      shape: { ...udp(1), ...ends, protocol: IPPROTO_TCP, tcpFlags: flags, dscp, ecn },
    });
  const { src, dst } = udp(1);
  const answer = { src: dst, dst: src, sport: 80, dport: 1001 };
  const arrivals = [
    ...Array.from({ length: 9 }, (_, n) => segment(n, n === 7 ? ACK | FIN : ACK)),
    ...Array.from({ length: 3 }, (_, n) => segment(9 + n, ACK, answer)),
  ];
  world.run(arrivals, SECOND);
  const marks = world.port.trace
    .sort((a, b) => a.packetId - b.packetId)
    .map(({ payload }) => (payload === undefined ? null : [payload[1]! >> 2, payload[1]! & 3]));
  const [same, short, long] = [null, [4, ecn], [8, ecn]];
  const way = [same, short, short, short, short, long, long, short, long];
  expect(marks).toEqual([...way, same, short, short]);
  expect(world.ejected).toEqual([]);
});

test('delay: verdicts come exactly so much later, and nothing is held afterwards', () => {
  const options = { delay: 20 * MS, jitter: 0, share: 1, order: true, limit: 1000, ...ALL };
  const world = new ModulesWorld({ delay: builtIn(delay, options) });
  world.run(stream(100), SECOND);
  expect(world.verdicts()).toEqual(Array.from({ length: 100 }, (_, n) => `${n + 1}@${n + 20}`));
  expect(world.counters('delay')).toMatchObject({ packets: 100, stolen: 100, held: 0, errors: 0 });
});

test('delay with jitter keeps the order, and without order it does not; nobody waits less or more', () => {
  for (const order of [true, false]) {
    const options = { delay: 20 * MS, jitter: 15 * MS, share: 1, order, limit: 1000, ...ALL };
    const world = new ModulesWorld({ delay: builtIn(delay, options) });
    world.run(stream(300), SECOND);
    const left = world.port.trace.map(({ packetId }) => packetId);
    const inOrder = Array.from({ length: 300 }, (_, n) => n + 1);
    if (order) expect(left).toEqual(inOrder);
    else expect(left).not.toEqual(inOrder);
    expect([...left].sort((a, b) => a - b)).toEqual(inOrder);
    for (const { packetId, timeNs } of world.port.trace) {
      const waitedNs = timeNs - (packetId - 1) * MS;
      expect(waitedNs).toBeGreaterThanOrEqual(5 * MS);
      expect(waitedNs).toBeLessThanOrEqual(35 * MS);
    }
  }
});

test('delay: more than its limit is dropped, as by a module', () => {
  const options = { delay: 20 * MS, jitter: 0, share: 1, order: true, limit: 10, ...ALL };
  const world = new ModulesWorld({ delay: builtIn(delay, options) });
  world.run(stream(12, 0), SECOND);
  expect(world.verdicts().filter((text) => text.startsWith('-'))).toEqual(['-11@0', '-12@0']);
  expect(world.total('modulePackets')).toBe(2);
});

test('loss: the same seed loses the same packets, and the module is charged for them', () => {
  const lost = (): string[] => {
    const world = new ModulesWorld({
      loss: builtIn(loss, { share: 0.3, burst: 1, bad: 1, good: 0, ...ALL }),
    });
    world.run(stream(2000, MS / 10), SECOND);
    const dropped = world.verdicts().filter((text) => text.startsWith('-'));
    expect(world.counters('loss').dropped).toBe(dropped.length);
    return dropped;
  };
  const [first, second] = [lost(), lost()];
  expect(first).toEqual(second);
  // Five standard deviations of 2000 packets.
  expect(Math.abs(first.length - 600)).toBeLessThan(103);
});

test.each([1, 5])('reorder: so many overtake, %i packets at a time', (atOnce) => {
  const world = new ModulesWorld({
    reorder: builtIn(reorder, { share: 0.05, distance: 3, wait: 50 * MS, ...ALL }),
  });
  world.run(
    Array.from({ length: 1000 }, (_, n) => packet(Math.floor(n / atOnce) * MS)),
    2 * SECOND,
  );
  const left = ids(world.verdicts());
  expect([...left].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, n) => n + 1));
  const counts = left
    .slice(0, -10)
    .map((id, place) => left.slice(0, place).filter((other) => other > id).length)
    .filter((count) => count > 0);
  expect(counts.length).toBeGreaterThan(25);
  expect(counts.length).toBeLessThan(75);
  // Those that were kept back as well, and released before, have overtaken it too.
  expect(Math.min(...counts)).toBe(3);
  expect(Math.max(...counts)).toBeLessThanOrEqual(5);
  expect(world.counters('reorder')).toMatchObject({ held: 0, errors: 0 });
});

test('duplicate: the bytes of the packet are injected, and it goes on', () => {
  const injected: Uint8Array[] = [];
  const inject = (bytes: Uint8Array): void => void injected.push(bytes.slice());
  const world = new ModulesWorld({
    duplicate: builtIn(duplicate, { share: 1, copies: 2, ...ALL }, { inject }),
  });
  world.run([packet(0, 7)], SECOND);
  expect(world.verdicts()).toEqual(['1@0']);
  expect(injected.map((bytes) => [bytes.length, bytes[0]! >> 4])).toEqual([
    [500, 4],
    [500, 4],
  ]);
  expect((injected[0]![20]! << 8) + injected[0]![21]!).toBe(1007);
});
