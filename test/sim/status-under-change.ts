/**
 * Changes the classes of an engine with traffic, by the seam of the live instance, while `status` is read
 * without pause from a real control thread. Prints what it saw and every reply that is wrong. Run by
 * status-under-change.test.ts in a process of its own: worker threads of the test runner have no TypeScript
 * loader.
 */
import { setImmediate } from 'node:timers/promises';
import { Prng } from '../../src/base/prng.ts';
import { call } from '../../src/client/client.ts';
import { startControl } from '../../src/control/control.ts';
import type { ClassReport, StatusReport } from '../../src/control/status.ts';
import { Engine } from '../../src/core/engine.ts';
import { DeviceWatch } from '../../src/live/device-watch.ts';
import { Running } from '../../src/live/running.ts';
import type { Edited } from '../../src/spec/edit.ts';
import type { ClassSpec, ShaperSpec } from '../../src/spec/spec.ts';
import { runUntil } from '../port/driver.ts';
import { SimPort } from '../port/sim-port.ts';
import { addClass, changeClass, moveClass, removeClass } from './class-edits.ts';
import { type ClassInput, MS, shaper, udp, up } from './world.ts';

const [socketPath = '', changes = '0', seed = '1'] = process.argv.slice(2);
const prng = new Prng(Number(seed));
const below = (n: number): number => Math.floor(prng.nextUnit() * n);

const FLOWS = 12;
const CLASSES_MAX = 24;
/** Its ceiling says in every reply of which generation it is. */
const TAG = 'wan/up/tag';
const TAG_RATE = 1e6;

const withLeaves = (leaves: readonly ClassInput[]): ShaperSpec =>
  shaper({ wan: { up: { rate: 60_000, burst: 3000, leaves } } }, { length: 1024 });

const [ADD, REMOVE, MOVE, OTHER_RATE] = [0, 1, 2, 3];
const KINDS = [ADD, ADD, ADD, REMOVE, MOVE, MOVE, OTHER_RATE];

let named = 0;
/** A class with a name that no other has or had: its name tells it apart wherever it moves. */
function newClass(isInner: boolean): ClassSpec {
  const leaf = (): ClassInput => ({
    name: `c${++named}`,
    match: [{ dport: [{ from: below(FLOWS), to: FLOWS }] }],
    ceil: 2000 + below(20_000),
    burst: 3000,
    limitPackets: 1 + below(8),
    queue: { discipline: below(2) ? 'fair' : 'fifo' },
  });
  const node = isInner ? { ...leaf(), classes: [leaf()] } : leaf();
  return withLeaves([node]).links[0].up!.children[0];
}

/** Every class inside the root but for defaults and the tag. */
function movable(node: ClassSpec): ClassSpec[] {
  return node.children
    .filter(({ name, path }) => name !== 'default' && path !== TAG)
    .flatMap((child) => [child, ...movable(child)]);
}

function change(spec: ShaperSpec): Edited {
  const root = spec.links[0].up!;
  const all = movable(root);
  const parents = [root, ...all.filter(({ children }) => children.length > 0)];
  const parent = parents[below(parents.length)].path;
  const one = all[below(all.length)];
  const kind = all.length < 4 ? ADD : all.length > CLASSES_MAX ? REMOVE : KINDS[below(KINDS.length)];
  if (kind === ADD) return addClass(spec, parent, newClass(below(3) === 0));
  if (kind === REMOVE) return removeClass(spec, one.path);
  const isInside = `${parent}/`.startsWith(`${one.path}/`);
  if (kind === MOVE && !isInside && parent !== one.path.slice(0, -one.name.length - 1))
    return moveClass(spec, one.path, parent);
  return changeClass(spec, one.path, { ceilBytesPerSec: 2000 + below(20_000) });
}

let current = withLeaves([{ name: 'tag', match: [{ dport: [{ from: 999, to: 999 }] }], ceil: TAG_RATE }]);
const port = new SimPort({ keepTrace: false });
const engine = new Engine(current, { seed: 1 });
const devices = new DeviceWatch({
  engine,
  events: { onLinks: () => undefined },
  onChange: () => undefined,
  onDown: () => undefined,
  indexOf: () => 1,
});
const running = new Running({
  engine,
  port,
  devices,
  nowNs: () => port.nowNs,
  nfqueues: () => ({ open: [], closedDrops: { queueFull: 0, socketFull: 0 } }),
  socketCounters: () => ({ truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 }),
  warnings: () => [],
});

/** By generation: path and ceiling of every class. */
const generations: string[][] = [];
const remember = (): void => {
  const lines = engine.classes.map(({ path, spec: node }) => `${path} ${node.ceilBytesPerSec * 8}`);
  generations.push(lines);
};
remember();

const problems: string[] = [];
const seen = new Set<number>();
let replies = 0;
let lost = 0;

/** The last reply on a connection. */
interface Reading {
  /** By keyOf(path). */
  classes: ReadonlyMap<string, ClassReport>;
  lost: number;
}

/** Says what is wrong with a reply. */
function check({ totals, classes }: StatusReport, before: Reading): void {
  const { received, accepted, dropped, held, kernel } = totals;
  const expectSame = (what: string, a: unknown, b: unknown): void => {
    if (a !== b) problems.push(`${what}: ${String(a)} is not ${String(b)}`);
  };
  expectSame('received', received.packets, accepted.packets + dropped.packets + held.packets + kernel.lost);
  const tag = classes.find(({ path }) => path === TAG);
  const generation = (tag?.ceilBitsPerSecond ?? Number.NaN) / 8 - TAG_RATE;
  seen.add(generation);
  const lines = classes.map(({ path, ceilBitsPerSecond }) => `${path} ${ceilBitsPerSecond}`);
  expectSame('classes', lines.join(), (generations[generation] ?? []).join());
  const [root] = classes;
  expectSame('backlog of the root', root.backlog.packets, held.packets);
  const { tail, early, police, aqm } = root.dropped;
  expectSame('sent by the root', root.sent.packets, accepted.packets);
  expectSame('bytes sent by the root', root.sent.bytes, accepted.bytes);
  // A lost packet no longer counts as dropped in the totals, but its reason stays.
  const reasons = tail + early + police + aqm;
  if (reasons < dropped.packets || reasons > dropped.packets + kernel.lost)
    problems.push(`dropped: ${reasons} is not ${dropped.packets} to ${dropped.packets + kernel.lost}`);
  checkGrowth(classes, before, kernel.lost - before.lost);
  before.classes = new Map(classes.map((report) => [keyOf(report.path), report]));
  before.lost = kernel.lost;
  lost = Math.max(lost, kernel.lost);
}

/**
 * A packet that the kernel has lost since takes its count back from the class that sent it, and nothing else
 * does.
 */
function checkGrowth(classes: readonly ClassReport[], before: Reading, lostNow: number): void {
  for (const { path, sent, dropped } of classes) {
    const was = before.classes.get(keyOf(path));
    if (!was) continue;
    const back = was.sent.packets - sent.packets;
    const isLess = lostNow === 0 && sent.bytes < was.sent.bytes;
    if (back > lostNow || isLess || dropped.tail < was.dropped.tail) problems.push(`${path} went back`);
  }
}

/** The same wherever a class moves: its name, that of a default with the one of the class around it. */
function keyOf(path: string): string {
  const names = path.split('/');
  return names.slice(names.at(-1) === 'default' ? -2 : -1).join('/');
}

const control = await startControl({
  socketPath,
  group: null,
  subject: { version: '1', pid: 1, backend: 'nft' },
  source: running,
  config: { text: 'links: { w: { device: w, up: 1mbit } }', file: '/x.yaml' },
  apply: () => Promise.reject(new Error('nobody asks for a change')),
  setStopped: () => undefined,
  moduleUses: () => [],
  modules: async () => ({ ok: true, modules: [] }),
  log: () => undefined,
  onStop: () => problems.push('nobody asked for a stop'),
  onFailure: (error) => problems.push(String(error)),
});
let isOver = false;
async function readWithoutPause(): Promise<void> {
  const before: Reading = { classes: new Map(), lost: 0 };
  while (!isOver) {
    const report = (await call(socketPath, 'GET', '/v1/status')) as unknown as StatusReport;
    replies++;
    check(report, before);
  }
}
const readers = [readWithoutPause(), readWithoutPause(), readWithoutPause()];
for (let n = 1; n <= Number(changes); n++) {
  const flows = Array.from({ length: 4 }, () => below(FLOWS));
  port.inject(flows.map((flow) => up(port.nowNs, 300 + below(700), { shape: udp(flow, { dport: flow }) })));
  runUntil(engine, port, port.nowNs + 20 * MS);
  // As if somebody deleted a base chain: verdicts of packets that waited are refused.
  if (n % 100 === 0) port.forgetHeld();
  const edited = change(current);
  current = changeClass(edited.spec, TAG, { ceilBytesPerSec: TAG_RATE + n }).spec;
  running.applySpec({ spec: current, renamed: edited.renamed });
  remember();
  await setImmediate();
}
isOver = true;
await Promise.all(readers);
await control.close();
const { length } = engine.classes;
console.log(
  JSON.stringify({ problems: problems.slice(0, 5), replies, lost, generations: seen.size, classes: length }),
);
