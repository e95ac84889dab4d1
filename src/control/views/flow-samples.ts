/**
 * What flows have counted at past instants, read out of the memory of the flow table: the packet thread does
 * nothing for it. Columns by row of the flow table; they are as long as the table was ever full. A row that
 * another flow took begins anew.
 *
 * Every look at the flows adds what they have counted since the one before to the totals of their hosts. A
 * flow is forgotten a minute after its last packet, so its totals are complete by then. Only the last second
 * of a flow that had to make room in a full flow table is missed.
 */
import { NONE } from '../../base/none.ts';
import { RECORD_SHIFT, WAIT_BINS } from '../../core/flows/flow-layout.ts';
import { createFlowRecord, type FlowReader, type FlowRecord } from '../../core/flows/flow-reader.ts';
import type { FlowName } from '../../core/inspect.ts';
import { grownFloats, grownInts } from './grown.ts';
import { History } from './history.ts';
import { DOWN, type HostTable, type Side, UP } from './hosts.ts';
import { FlowWaits, type WaitPercentiles, waitPercentiles } from './waits.ts';

const ROWS_MIN = 256;

/** By row of a class: the direction of its tree. */
export type SideOf = readonly Side[];

export function droppedPackets({ dropTail, dropEarly, dropPolice, dropAqm }: FlowRecord): number {
  return dropTail + dropEarly + dropPolice + dropAqm;
}

export class FlowSamples {
  readonly history = new History();
  readonly waits = new FlowWaits();
  private readonly reader: FlowReader;
  private readonly hosts: HostTable;
  private readonly record = createFlowRecord();
  /** 0: no flow. */
  private generation = new Int32Array(0);
  private look = 0;
  /** The last look that found the flow. */
  private lookSeen = new Int32Array(0);
  /** Row of the inside host, or NONE. */
  private host = new Int32Array(0);
  private side = new Int32Array(0);
  /** What its host has got of it. */
  private sentBytes = new Float64Array(0);
  private sentPackets = new Float64Array(0);
  private dropped = new Float64Array(0);
  /** FlowReader.classChanges at which all directions were found out. */
  private sidesKnownAt = Number.NaN;

  constructor(reader: FlowReader, hosts: HostTable) {
    this.reader = reader;
    this.hosts = hosts;
  }

  /**
   * Looks at every flow. `sideOf` is that of the classes at `classChanges`. Calls `visit` with the row of
   * each flow and its record, which holds until `visit` returns.
   */
  update(
    sideOf: SideOf,
    classChanges: number,
    nowNs: number,
    visit: (row: number, record: FlowRecord) => void,
  ): void {
    const { reader, record, hosts } = this;
    this.look++;
    this.waits.nowIs(nowNs);
    hosts.beginFlows();
    const areSidesNew = classChanges !== this.sidesKnownAt;
    for (let f = reader.next(NONE); f !== NONE; f = reader.next(f)) {
      if (!reader.read(f, record)) continue;
      const row = f >> RECORD_SHIFT;
      if (row >= this.generation.length) this.grow(Math.max(ROWS_MIN, 2 * row));
      if (this.generation[row] !== record.generation) this.begin(row, record.generation);
      this.lookSeen[row] = this.look;
      if (areSidesNew || this.host[row] === NONE) this.findHost(row, sideOf);
      this.count(row);
      visit(row, record);
    }
    // What was read while classes got other rows is looked up again next time.
    this.sidesKnownAt = reader.classChanges === classChanges ? classChanges : Number.NaN;
    this.forgetEnded();
    hosts.makeRoom();
  }

  /** Remembers what the flows have counted at the last look. Call it every second. */
  sample(nowNs: number): void {
    this.history.begin(nowNs);
    for (let row = 0; row < this.generation.length; row++)
      if (this.generation[row] !== 0) this.history.put(row, this.sentBytes[row]!);
    this.hosts.sample(nowNs);
  }

  /** The host of the flow in this row at the last look, or NONE. */
  hostOf(row: number): number {
    return this.host[row]!;
  }

  /** How long packets of the flow waited in the last 10 to 15 s; null if none has. */
  recentWaits({ f, generation }: FlowName): WaitPercentiles | null {
    const row = f >> RECORD_SHIFT;
    if (this.generation[row] !== generation) return null;
    const sums = new Float64Array(WAIT_BINS);
    this.waits.addRecent(row, sums, 0);
    return waitPercentiles(sums, 0);
  }

  private begin(row: number, generation: number): void {
    this.generation[row] = generation;
    this.host[row] = NONE;
    this.sentBytes[row] = 0;
    this.sentPackets[row] = 0;
    this.dropped[row] = 0;
    this.history.clear(row);
    this.waits.forget(row);
  }

  /** A flow that passes the trees of two links counts for the host inside of the first one in the file. */
  private findHost(row: number, sideOf: SideOf): void {
    const { secondLeaf, family, src, dst } = this.record;
    const leaf = secondLeaf === NONE ? this.record.leaf : Math.min(this.record.leaf, secondLeaf);
    const side = leaf === NONE ? undefined : sideOf[leaf];
    if (side === undefined || (this.host[row] !== NONE && this.side[row] === side)) return;
    this.side[row] = side;
    this.host[row] = this.hosts.find(family, side === UP ? src : dst);
  }

  /** Adds what is new to the host. Packets that the kernel had lost are taken back. */
  private count(row: number): void {
    const { record, hosts } = this;
    const { waits, waitedNs, lastNs, sentBytes, sentPackets } = record;
    const host = this.host[row]!;
    const hasWaited = waitedNs > Number.NEGATIVE_INFINITY;
    if (host === NONE) {
      this.sentBytes[row] = sentBytes;
      if (hasWaited) this.waits.update(row, waits, hosts.waits, NONE);
      return;
    }
    const side = hosts.sides[this.side[row] === DOWN ? DOWN : UP];
    const dropped = droppedPackets(record);
    side.bytes[host]! += sentBytes - this.sentBytes[row]!;
    side.packets[host]! += sentPackets - this.sentPackets[row]!;
    side.dropped[host]! += dropped - this.dropped[row]!;
    this.sentBytes[row] = sentBytes;
    this.sentPackets[row] = sentPackets;
    this.dropped[row] = dropped;
    hosts.flows[host]!++;
    if (lastNs > hosts.lastNs[host]!) hosts.lastNs[host] = lastNs;
    if (hasWaited) this.waits.update(row, waits, hosts.waits, host * waits.length);
  }

  private forgetEnded(): void {
    for (let row = 0; row < this.generation.length; row++) {
      if (this.generation[row] === 0 || this.lookSeen[row] === this.look) continue;
      this.generation[row] = 0;
      this.waits.forget(row);
    }
  }

  private grow(rows: number): void {
    this.generation = grownInts(this.generation, rows);
    this.lookSeen = grownInts(this.lookSeen, rows);
    this.host = grownInts(this.host, rows);
    this.side = grownInts(this.side, rows);
    this.sentBytes = grownFloats(this.sentBytes, rows);
    this.sentPackets = grownFloats(this.sentPackets, rows);
    this.dropped = grownFloats(this.dropped, rows);
    this.history.grow(rows);
    this.waits.grow(rows);
  }
}
