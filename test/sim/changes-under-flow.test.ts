/**
 * The change service in front of the real engine, in virtual time: 400 sets and 200 reloads, which add,
 * remove and move classes, under a flow whose packets are numbered and which stays below every limit. Another
 * flow fills the link.
 */
import { expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Clock } from '../../src/control/change/clock.ts';
import { DOCUMENTS } from '../../src/control/change/documents.ts';
import { ChangeService } from '../../src/control/change/service.ts';
import type { ApplyRequest } from '../../src/control/messages.ts';
import type { Applied } from '../../src/control/packet-thread.ts';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import { MS, udp, up, World } from './world.ts';

const SETS = 400;
const RELOADS = 200;
const CALL_PORT = 5060;

const CALL = `call: { rate: 2mbit, match: { dport: ${CALL_PORT} } }`;
const BULK = 'bulk: { ceil: 9mbit, match: { dport: 20 }, queue: { limit: 60kB } }';
const variant = (classes: string): string => `links:
  wan:
    device: wan0
    up: { rate: 10mbit, classes: { ${classes} } }
nfqueue: { count: 1, mark: 0xff000000 }
`;
/** The class of the numbered flow moves into another one and back, goes, and comes again. */
const VARIANTS = [
  `${CALL}, ${BULK}`,
  `${BULK}, ${CALL}`,
  `people: { rate: 4mbit, match: { dport: 1-6000 }, classes: { ${CALL}, ${BULK} } }`,
  `people: { rate: 4mbit, match: { dport: ${CALL_PORT} }, classes: { deep: { classes: { ${CALL} } } } }, ${BULK}`,
  BULK,
  `new: { rate: 3mbit, priority: 1, match: { dport: ${CALL_PORT} } }, ${BULK}, ${CALL}`,
  `${CALL}, shut: { ceil: 1mbit, match: { dport: 9 } }, ${BULK}`,
].map(variant);

/** Nothing waits for real time. */
const CLOCK: Clock = {
  monotonicMs: () => 0,
  wallMs: () => 0,
  after: (_, action) => {
    const soon = setImmediate(action);
    return () => clearImmediate(soon);
  },
};

function setUp() {
  const [first] = VARIANTS as [string];
  const world = new World(loadConfig(first, 'f').spec);
  let generation = 0;
  const apply = async ({ config, renamed }: ApplyRequest): Promise<Applied> => {
    world.engine.reconfigure(world.port, { spec: config.spec, renamed }, world.port.nowNs);
    world.checkBooks();
    return { generation: ++generation, tookMs: 0, notes: [] };
  };
  const service = new ChangeService({
    ...{ documents: DOCUMENTS, config: { text: first, file: '/f' }, apply, clock: CLOCK },
    presentModules: async () => [],
    readText: () => first,
    log: () => undefined,
    emit: () => undefined,
  });
  return { world, service };
}

test(`${SETS} sets and ${RELOADS} reloads: of the numbered flow nothing is lost and all stays in order`, async () => {
  const { world, service } = setUp();
  const prng = new Prng(Number(process.env.SEED ?? 1));
  const below = (n: number): number => Math.floor(prng.nextUnit() * n);
  const numbered = new Set<number>();
  let packets = 0;
  let [sets, reloads, moves] = [0, 0, 0];
  while (sets < SETS || reloads < RELOADS) {
    const { nowNs } = world.port;
    // Of 20 ms: two packets of the numbered flow, and a fifth more than the link takes of the other one.
    for (let n = 0; n < 20; n++) {
      const isCall = n % 10 === 0;
      const shape = isCall ? udp(1, { dport: CALL_PORT }) : udp(2, { dport: 20 });
      world.inject([up(nowNs + n * MS, isCall ? 200 : 1500, { shape })]);
      packets++;
      if (isCall) numbered.add(packets);
    }
    world.run(nowNs + below(20) * MS);
    const isSet = reloads === RELOADS || (sets < SETS && below(3) > 0);
    if (isSet) {
      const [path, patch] =
        below(4) === 0
          ? ['wan/up', { rate: `${9 + below(3)}mbit` }]
          : [pathOf(world, 'bulk'), { ceil: `${5 + below(4)}mbit`, priority: below(8) }];
      await service.patchClass(path, patch, undefined);
      sets++;
    } else {
      const { changes } = await service.reload(
        { file: '/f', text: VARIANTS[below(VARIANTS.length)]! },
        undefined,
      );
      if (changes.length > 0) moves++;
      reloads++;
    }
    world.run(nowNs + 20 * MS);
  }
  world.run(world.port.nowNs + 5000 * MS);
  expect([sets, reloads]).toEqual([SETS, RELOADS]);
  expect(moves).toBeGreaterThan(RELOADS / 2);
  const left = world.port.trace.filter(({ packetId }) => numbered.has(packetId));
  expect(left.filter(({ verdict }) => verdict !== NF_ACCEPT)).toEqual([]);
  expect(left.map(({ packetId }) => packetId)).toEqual([...numbered]);
  const { receivedPackets, acceptedPackets, droppedPackets, heldPackets, lostPackets } = world.totals;
  expect({ receivedPackets, heldPackets, lostPackets }).toEqual({
    receivedPackets: packets,
    heldPackets: 0,
    lostPackets: 0,
  });
  expect(droppedPackets).toBeGreaterThan(0);
  expect(acceptedPackets + droppedPackets).toBe(packets);
});

function pathOf({ engine }: World, name: string): string {
  return engine.classes.find(({ path }) => path.endsWith(`/${name}`))!.path;
}
