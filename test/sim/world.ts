/**
 * Small worlds for tests: a specification in a few words, an engine over a watched port, packets, the books.
 */
import { expect } from 'vitest';
import { NONE } from '../../src/base/none.ts';
import { Engine } from '../../src/core/engine.ts';
import { createFlowRecord, FlowReader } from '../../src/core/flows/flow-reader.ts';
import { TOTAL } from '../../src/core/packets/stats.ts';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import type { SocketOwners } from '../../src/packet/sockets.ts';
import { IPPROTO_UDP, ipv4, type PacketShape } from '../../src/sim/packets/packets.ts';
import { DEFAULT_HOSTS } from '../../src/spec/hosts.ts';
import type { QueuePlan } from '../../src/spec/queue-plan.ts';
import type {
  ClassSpec,
  EachSpec,
  ExemptSpec,
  LinkSpec,
  MatcherSpec,
  MeterSpec,
  NfqueueSpec,
  PaceSpec,
  PoliceSpec,
  QueueSpec,
  RedSpec,
  RemarkSpec,
  ShaperSpec,
} from '../../src/spec/spec.ts';
import { runUntil } from '../port/driver.ts';
import { type SimArrival, SimPort } from '../port/sim-port.ts';

export const MS = 1e6;
export const SECOND = 1e9;

/** `waiting` left out: as in the queue of the class, in an inner class a FIFO; `prefix6Bits`: 128. */
export type EachInput = Omit<EachSpec, 'waiting' | 'prefix6Bits'> & Partial<EachSpec>;

export interface ClassInput {
  readonly name: string;
  readonly match?: readonly MatcherSpec[];
  /** Guaranteed bytes per second; the burst is that of the ceiling. */
  readonly rate?: number;
  readonly priority?: number;
  readonly weight?: number;
  /** The rest of the queue; left out: a FIFO. */
  readonly queue?: Partial<QueueSpec>;
  /** Makes it an inner class; `default` is added when missing. */
  readonly classes?: readonly ClassInput[];
  /** Bytes per second; left out: the parent's, with the parent's burst. */
  readonly ceil?: number;
  readonly burst?: number;
  /** Left out of it: drop. */
  readonly police?: Omit<PoliceSpec, 'exceed'> & Partial<PoliceSpec>;
  readonly meter?: MeterSpec;
  readonly remark?: RemarkSpec;
  readonly each?: EachInput;
  readonly pace?: PaceSpec;
  readonly adjust?: boolean;
  readonly limitBytes?: number;
  readonly limitPackets?: number;
  readonly red?: RedSpec;
}

export interface TreeInput
  extends Omit<ClassInput, 'name' | 'rate' | 'ceil' | 'burst' | 'match' | 'classes'> {
  /** Bytes per second. */
  readonly rate: number;
  readonly burst: number;
  /** In file order; `default` is added when missing. */
  readonly leaves?: readonly ClassInput[];
}

export interface LinkInput {
  /** Default: the link's name with a 0. */
  readonly device?: string;
  readonly overheadBytes?: number;
  readonly up?: TreeInput;
  readonly down?: TreeInput;
}

function classSpec(input: ClassInput, path: string, parent: { ceil: number; burst: number }): ClassSpec {
  const self = { ceil: input.ceil ?? parent.ceil, burst: input.burst ?? parent.burst };
  const queue: QueueSpec = {
    discipline: 'fifo',
    isolation: 'flow',
    shortBytes: 30_000,
    limitBytes: input.limitBytes ?? Number.POSITIVE_INFINITY,
    limitPackets: input.limitPackets ?? Number.POSITIVE_INFINITY,
    aqm: input.red ? { kind: 'red', red: input.red } : { kind: 'none' },
    ecn: false,
    ackFilter: false,
    ...input.queue,
  };
  return {
    name: input.name,
    path,
    rateBytesPerSec: input.rate ?? 0,
    rateBurstBytes: self.burst,
    ceilBytesPerSec: self.ceil,
    burstBytes: self.burst,
    priority: input.priority ?? 3,
    weight: input.weight ?? 1,
    adjust: input.adjust ?? false,
    match: input.match ?? null,
    police: input.police ? { exceed: 'drop', ...input.police } : null,
    meter: input.meter ?? null,
    remark: input.remark ?? null,
    each: input.each ? eachSpec(input.each, queue) : null,
    pace: input.pace ?? null,
    queue: input.classes ? null : queue,
    children: input.classes ? childSpecs(input.classes, path, self) : [],
  };
}

function eachSpec(each: EachInput, queue: QueueSpec): EachSpec {
  return { waiting: each.exceed === 'drop' ? null : queue, prefix6Bits: 128, ...each };
}

function childSpecs(
  inputs: readonly ClassInput[],
  path: string,
  parent: { ceil: number; burst: number },
): ClassSpec[] {
  const hasDefault = inputs.some((input) => input.name === 'default');
  const all = hasDefault ? inputs : [...inputs, { name: 'default' }];
  return all.map((input) => classSpec(input, `${path}/${input.name}`, parent));
}

function treeSpec(tree: TreeInput, path: string, name: string): ClassSpec {
  const self = { ceil: tree.rate, burst: tree.burst };
  const { leaves = [], ...root } = tree;
  return classSpec({ ...root, name, ceil: self.ceil, classes: leaves }, path, self);
}

const NFQUEUE: NfqueueSpec = {
  first: 100,
  count: 1,
  length: 32768,
  bypass: true,
  gso: 'auto',
  backend: 'auto',
  markMask: 0xff000000,
};

export function shaper(
  links: Readonly<Record<string, LinkInput>>,
  nfqueue: Partial<NfqueueSpec> = {},
  exempt: Partial<ExemptSpec> = {},
): ShaperSpec {
  return {
    links: Object.entries(links).map(
      ([name, link]): LinkSpec => ({
        name,
        device: link.device ?? `${name}0`,
        wait: false,
        linkLayer: { overheadBytes: link.overheadBytes ?? 0, mpuBytes: 0, framing: 0 },
        up: link.up ? treeSpec(link.up, `${name}/up`, 'up') : null,
        down: link.down ? treeSpec(link.down, `${name}/down`, 'down') : null,
      }),
    ),
    local: { exempt: { ports: [{ from: 22, to: 22 }], share: 0.05, ...exempt } },
    hosts: DEFAULT_HOSTS,
    quotas: [],
    modules: [],
    nfqueue: { ...NFQUEUE, ...nfqueue },
  };
}

/** One verdict row as the engine wrote it. */
export interface VerdictRow {
  readonly timeNs: number;
  readonly nfqueue: number;
  readonly packetId: number;
  /** With VERDICT_UP_TO and VERDICT_SET_MARK. */
  readonly verdict: number;
  readonly mark: number;
}

/** Keeps the rows as written, and calls back after every batch. */
export class WatchedPort extends SimPort {
  readonly rows: VerdictRow[] = [];
  afterBatch: () => void = () => {};

  constructor(copyBytes: readonly number[] = []) {
    super({ keepTrace: true, copyBytes });
  }

  override send(count: number): void {
    const { packetId, nfqueue, verdict, mark } = this.batch.verdicts;
    for (let row = 0; row < count; row++) {
      this.rows.push({
        timeNs: this.nowNs,
        nfqueue: nfqueue[row],
        packetId: packetId[row],
        verdict: verdict[row],
        mark: mark[row],
      });
    }
    super.send(count);
  }

  override arm(dueNs: number): void {
    super.arm(dueNs);
    this.afterBatch();
  }
}

export interface WorldOptions {
  readonly seed?: number;
  /** Default 0: packets leave exactly when they conform. */
  readonly releaseSlackNs?: number;
  /** What rules would do around the queues; default: nobody steers flows. */
  readonly plan?: QueuePlan;
  /** Names of devices by index, for devices that are made anew; default: nobody tells. */
  readonly nameOf?: (ifIndex: number) => string;
  /** Whose sockets are; default: nobody knows. */
  readonly sockets?: SocketOwners;
}

/** Totals by name, for messages and comparisons. */
export type Books = Record<keyof typeof TOTAL, number>;

function sumOf(column: ArrayLike<number>): number {
  let sum = 0;
  for (let row = 0; row < column.length; row++) sum += column[row];
  return sum;
}

/** Flows that checkBooks() reads for each batch, on average. */
const FLOWS_PER_BATCH = 8;

export class World {
  readonly port = new WatchedPort();
  readonly engine: Engine;
  readonly flows: FlowReader;
  private readonly record = createFlowRecord();
  private batchesSinceFlows = 0;

  /** Devices get the interface indices 1, 2, … in the order in which the engine names them. */
  constructor(spec: ShaperSpec, { seed = 1, releaseSlackNs = 0, plan, nameOf, sockets }: WorldOptions = {}) {
    const given = { ...(plan && { plan }), ...(nameOf && { nameOf }), ...(sockets && { sockets }) };
    this.engine = new Engine(spec, { seed, releaseSlackNs, ...given });
    this.flows = new FlowReader(this.engine.flows.buffer);
    for (const [i, device] of this.engine.intake.devices.entries())
      this.engine.intake.setDeviceIndex(device, i + 1);
    this.port.afterBatch = () => this.checkBooks();
  }

  inject(arrivals: Iterable<SimArrival>): void {
    this.port.inject(arrivals);
  }

  run(untilNs: number, timerLatenessNs = 0): void {
    runUntil(this.engine, this.port, untilNs, timerLatenessNs);
    this.checkFlows();
  }

  /** Instants of acceptance of queue 0, by packet id in order of acceptance. */
  accepted(): { id: number; timeNs: number }[] {
    const { trace } = this.port;
    return trace
      .filter((v) => v.verdict === NF_ACCEPT)
      .map(({ packetId, timeNs }) => ({ id: packetId, timeNs }));
  }

  acceptedNs(): number[] {
    return this.accepted().map((v) => v.timeNs);
  }

  get totals(): Books {
    const { totals } = this.engine.stats;
    return Object.fromEntries(Object.entries(TOTAL).map(([name, i]) => [name, totals[i]])) as Books;
  }

  /** Counters of the class with this path. */
  classOf(path: string): { sent: number; bytes: number; backlog: number; drops: number[]; flows: number } {
    const { stats, classes } = this.engine;
    const c = classes.findIndex((info) => info.path === path);
    expect(c, `class ${path}`).toBeGreaterThanOrEqual(0);
    return {
      sent: stats.sentPackets[c],
      bytes: stats.sentBytes[c],
      backlog: stats.backlogPackets[c],
      drops: [stats.dropTail[c], stats.dropEarly[c], stats.dropPolice[c]],
      flows: stats.flows[c],
    };
  }

  /** Invariant 3 of the design: received = accepted + dropped + held + lost, in packets and in bytes. */
  checkBooks(): void {
    const { totals, backlogPackets, backlogBytes, exemptPackets, exemptBytes } = this.engine.stats;
    const heldPackets = totals[TOTAL.heldPackets];
    const heldBytes = totals[TOTAL.heldBytes];
    const { acceptedPackets, droppedPackets, lostPackets, acceptedBytes, droppedBytes, lostBytes } = TOTAL;
    const packets = totals[acceptedPackets] + totals[droppedPackets] + heldPackets + totals[lostPackets];
    const bytes = totals[acceptedBytes] + totals[droppedBytes] + heldBytes + totals[lostBytes];
    if (
      packets !== totals[TOTAL.receivedPackets] ||
      bytes !== totals[TOTAL.receivedBytes] ||
      heldPackets < 0
    ) {
      expect.fail(`the books do not balance: ${JSON.stringify(this.totals)}`);
    }
    // Packets that the limits of hosts hold have come to no class.
    const early = this.engine.limits.backlog();
    const waiting = sumOf(backlogPackets) + early.packets;
    const waitingBytes = sumOf(backlogBytes) + early.bytes;
    if (waiting !== heldPackets || waitingBytes !== heldBytes || backlogPackets.some((n) => n < 0)) {
      expect.fail(`${waiting} packets of ${waitingBytes} B wait in classes: ${JSON.stringify(this.totals)}`);
    }
    this.batchesSinceFlows++;
    if (this.batchesSinceFlows * FLOWS_PER_BATCH >= totals[TOTAL.flows]) this.checkFlows();
    for (const [c, exempt] of exemptPackets.entries()) {
      const isPart = exempt >= 0 && exempt <= backlogPackets[c] && exemptBytes[c] <= backlogBytes[c];
      if (!isPart || (exempt === 0 && exemptBytes[c] !== 0))
        expect.fail(`${exempt} packets of ${exemptBytes[c]} B are exempt in class ${c}`);
    }
  }

  /**
   * What waits belongs to flows, except packets that came when no flow had room. All flows are read, so with
   * many of them it is not done after every batch.
   */
  private checkFlows(): void {
    this.batchesSinceFlows = 0;
    const { totals } = this.engine.stats;
    const heldPackets = totals[TOTAL.heldPackets];
    const heldBytes = totals[TOTAL.heldBytes];
    const { record } = this;
    let packets = 0;
    let bytes = 0;
    for (let f = this.flows.next(NONE); f !== NONE; f = this.flows.next(f)) {
      if (!this.flows.read(f, record)) expect.fail(`flow ${f} is written between two batches`);
      packets += record.backlogPackets;
      bytes += record.backlogBytes;
    }
    if (packets !== heldPackets || bytes !== heldBytes)
      expect.fail(`${packets} packets of ${bytes} B wait in flows, not ${heldPackets} of ${heldBytes} B`);
  }
}

export const CLIENT = ipv4(10, 0, 0, 1);
export const SERVER = ipv4(192, 0, 2, 1);

/** UDP of flow number `flow`: its source port tells it apart. */
export function udp(flow = 1, shape: Partial<PacketShape> = {}): PacketShape {
  return { src: CLIENT, dst: SERVER, protocol: IPPROTO_UDP, sport: 1000 + flow, dport: 5000, ...shape };
}

/** A packet forwarded out by the first device. */
export function up(timeNs: number, lengthBytes: number, more: Partial<SimArrival> = {}): SimArrival {
  return { timeNs, lengthBytes, shape: udp(), ifIndexIn: 99, ifIndexOut: 1, ...more };
}

/** `count` times the same packet, `gapNs` apart from `fromNs` on. */
export function repeat(
  count: number,
  gapNs: number,
  make: (timeNs: number, n: number) => SimArrival,
  fromNs = 0,
) {
  return Array.from({ length: count }, (_, n) => make(fromNs + n * gapNs, n));
}
