/**
 * Attachments, matchers of subjects and classes that change at random between packets: each packet leaves
 * from the leaf that a look at all that holds now gives, although flows keep their classes.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SubjectsUpdate } from '../../src/core/subjects/update.ts';
import type { ClassSpec, ShaperSpec } from '../../src/spec/spec.ts';
import { runs } from '../effort.ts';
import { type SlowPacket, type SlowSocket, slowLeaf } from '../oracle/subjects.ts';
import { comes, FakeSockets, leaves, updateOf, WAN } from '../sim/subjects-world.ts';
import { type ClassInput, MS, shaper, World } from '../sim/world.ts';

const SEED = Number(process.env.SEED ?? 1204);
const NAMES = ['a', 'b', 'c'];
const KEYS = ['user:u', 'group:g', 'cgroup:/x', 'exe:/y'];
const PORTS = 3;
const SUBJECTS = 3;

const small = (max: number) => fc.nat(max);
const match = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  fc.record({ users: fc.constant(['user:u']) }).map((one) => [one]),
  fc
    .record(
      {
        groups: fc.constant(['group:g']),
        cgroups: fc.constant(['cgroup:/x']),
        exes: fc.constant(['exe:/y', 'exe:/z']),
      },
      { requiredKeys: [] },
    )
    .filter((one) => Object.keys(one).length > 0)
    .map((one) => [one]),
);
const leaf = (name: string) => fc.record({ name: fc.constant(name), match });
const tree: fc.Arbitrary<ClassInput[]> = fc
  .tuple(
    fc.subarray(NAMES, { minLength: 1 }).chain((names) => fc.tuple(...names.map(leaf))),
    fc.option(fc.record({ name: fc.constant('in'), match, classes: fc.tuple(leaf('x'), leaf('y')) })),
  )
  .map(([flat, inner]) => (inner === null ? flat : [...flat, inner]));
const config = fc.record({ up: tree, down: tree });

const path = fc
  .tuple(fc.constantFrom('up', 'down'), fc.constantFrom('', '/a', '/b', '/c', '/in', '/in/x', '/default'))
  .map(([direction, rest]) => `wan/${direction}${rest}`);
const subject = small(SUBJECTS);
const meaning = fc.record({
  users: fc.array(fc.record({ uid: small(2), subject }), { maxLength: 2 }),
  cgroups: fc.uniqueArray(
    fc.record({ high: fc.constant(1), low: small(2), subjects: fc.array(subject, { maxLength: 2 }) }),
    { maxLength: 3, selector: ({ low }) => low },
  ),
  devices: fc.array(fc.record({ ifIndex: fc.integer({ min: 40, max: 42 }), subject }), { maxLength: 2 }),
  addresses: fc.array(
    small(2).map((n) => ({
      prefix: { family: 4 as const, words: [n, 0, 0, 0] as const, bits: 32 },
      subject: n,
    })),
    { maxLength: 1 },
  ),
  matched: fc.uniqueArray(fc.record({ key: fc.constantFrom(...KEYS), subject }), {
    maxLength: 3,
    selector: ({ key }) => key,
  }),
  attachments: fc.array(
    fc.record({
      subject,
      rank: small(5),
      classes: fc.uniqueArray(path, { minLength: 1, maxLength: 2, selector: (one) => one.slice(0, 6) }),
    }),
    { maxLength: 4 },
  ),
});
type Meaning = typeof meaning extends fc.Arbitrary<infer T> ? T : never;

/** By port: the subjects of the processes that have the socket, if any has. */
const holders = fc.array(fc.option(fc.array(subject, { minLength: 1, maxLength: 3 }), { nil: [] }), {
  minLength: PORTS,
  maxLength: PORTS,
});
const packet = fc.record({
  is: fc.constant('packet' as const),
  way: fc.constantFrom('in', 'out', 'through'),
  port: small(PORTS),
  device: fc.integer({ min: 40, max: 43 }),
  address: small(3),
});
const step = fc.oneof(
  { weight: 12, arbitrary: packet },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('update' as const), meaning, holders }) },
  // Processes begin, end and hand on sockets; nothing else changes.
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('holders' as const),
      port: small(PORTS - 1),
      holders: fc.array(subject, { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('reload' as const), config, renames: fc.boolean() }) },
);

const sockets: readonly { readonly uid: number; readonly inode: number; readonly low: number }[] = Array.from(
  { length: PORTS },
  (_, n) => ({ uid: n % 3, inode: 70 + n, low: (n + 1) % 3 }),
);

class Play {
  readonly world: World;
  readonly fake = new FakeSockets();
  private spec: ShaperSpec;
  private meaning: Meaning = {
    users: [],
    cgroups: [],
    devices: [],
    addresses: [],
    matched: [],
    attachments: [],
  };
  private holders: readonly (readonly number[])[] = sockets.map(() => []);

  constructor(first: { up: ClassInput[]; down: ClassInput[] }) {
    this.spec = specOf(first);
    this.world = new World(this.spec, { sockets: this.fake });
    for (const [n, { uid, inode, low }] of sockets.entries())
      this.fake.byPort.set(n + 1, { uid, inode, cgroup: [1, low] });
  }

  update(told: Meaning, holdersNow: readonly (readonly number[])[]): void {
    this.meaning = told;
    this.holders = holdersNow;
    const sets = holdersNow.map((one) => one);
    const named = sockets.flatMap(({ inode }, n): [number, number][] =>
      holdersNow[n]!.length === 0 ? [] : [[inode, n]],
    );
    const update: SubjectsUpdate = updateOf({ ...told, sets, sockets: named });
    this.world.engine.updateSubjects(update, this.world.port.nowNs);
  }

  handOn(port: number, holdersNow: readonly number[]): void {
    // Flows of the socket are known before.
    const ends = { port: port + 1, device: 0, address: 0 };
    for (const way of ['in', 'out']) this.packet({ ...ends, way });
    this.update(this.meaning, this.holders.with(port, holdersNow));
    for (const way of ['in', 'out']) this.packet({ ...ends, way });
  }

  reload(next: { up: ClassInput[]; down: ClassInput[] }, renames: boolean): void {
    // Class a becomes c, where c is new: its attachments go with it.
    const before = this.spec;
    this.spec = specOf(next);
    const renamed = new Map<string, string>();
    for (const direction of ['up', 'down']) {
      const [from, to] = [`wan/${direction}/a`, `wan/${direction}/c`];
      if (renames && has(before, from) && !has(before, to) && has(this.spec, to) && !has(this.spec, from))
        renamed.set(to, from);
    }
    this.world.engine.reconfigure(this.world.port, { spec: this.spec, renamed }, this.world.port.nowNs);
    const after = new Map([...renamed].map(([now, was]) => [was, now]));
    const attachments = this.meaning.attachments.map((one) => ({
      ...one,
      classes: one.classes
        .map((at) => after.get(at) ?? at)
        // It ends with its class; one that waits for its class goes on waiting.
        .filter((at, i) => has(this.spec, at) || !has(before, one.classes[i]!)),
    }));
    this.meaning = { ...this.meaning, attachments };
  }

  packet({
    way,
    port,
    device,
    address,
  }: {
    way: string;
    port: number;
    device: number;
    address: number;
  }): void {
    const { world } = this;
    const timeNs = world.port.nowNs + MS;
    const known = port === 0 ? null : port;
    const through = { hook: 2, ifIndexIn: device, ifIndexOut: WAN, shape: { src: address, dst: 99 } };
    world.inject([
      way === 'in' ? comes(timeNs, port) : leaves(timeNs, port, way === 'through' ? through : {}),
    ]);
    const direction = way === 'in' ? 'down' : 'up';
    const socket: SlowSocket | null =
      known === null
        ? null
        : {
            uid: sockets[known - 1]!.uid,
            cgroup: sockets[known - 1]!.low,
            subjects: this.holders[known - 1]!,
          };
    const slow: SlowPacket = { socket, isForwarded: way === 'through', device, addresses: [address] };
    const expected = slowLeaf(this.spec.links[0]![direction]!, this.meaning, slow);
    const before = world.classOf(expected).sent;
    world.run(timeNs);
    expect(world.classOf(expected).sent, `${expected} of port ${port}, ${way}`).toBe(before + 1);
  }
}

function specOf({ up, down }: { up: ClassInput[]; down: ClassInput[] }): ShaperSpec {
  const root = { rate: 1e9, burst: 1e6 };
  return shaper({ wan: { up: { ...root, leaves: up }, down: { ...root, leaves: down } } });
}

function has({ links }: ShaperSpec, at: string): boolean {
  const inside = (node: ClassSpec): boolean => node.path === at || node.children.some(inside);
  return links.some(({ up, down }) => inside(up!) || inside(down!));
}

test('every packet has the leaf of its subjects of now', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(config, fc.array(step, { minLength: 20, maxLength: 90 }), (first, steps) => {
      const play = new Play(first);
      for (const one of steps) {
        if (one.is === 'packet') play.packet(one);
        else if (one.is === 'update') play.update(one.meaning, one.holders);
        else if (one.is === 'holders') play.handOn(one.port, one.holders);
        else play.reload(one.config, one.renames);
      }
    }),
    { seed: SEED, numRuns: runs(160) },
  );
});
