/**
 * What flows have counted at past instants, read out of the memory of the flow table: the packet thread does
 * nothing for it. Columns by row of the flow table; they are as long as the table was ever full. A row that
 * another flow took begins anew.
 *
 * A flow counts for the host to which its inside address belongs now. What hosts have sent is counted
 * elsewhere (control/hosts/); here they get the number of their flows, and how long packets waited.
 */
import { NONE } from '../../base/none.ts';
import { RECORD_SHIFT, WAIT_BINS } from '../../core/flows/flow-layout.ts';
import { createFlowRecord, type FlowReader, type FlowRecord } from '../../core/flows/flow-reader.ts';
import { UP } from '../../core/hosts/host-layout.ts';
import type { FlowName } from '../../core/inspect.ts';
import type { HostEntry } from '../hosts/entry.ts';
import { grownFloats, grownInts } from './grown.ts';
import { History } from './history.ts';
import type { HostTable, Side } from './hosts.ts';
import { FlowWaits, type WaitPercentiles, waitPercentiles } from './waits.ts';

const ROWS_MIN = 256;

/** By row of a class: the direction of its tree. */
export type SideOf = readonly Side[];

/** The host of the inside address in this row of the memory of hosts. */
export type HostOfAddress = (address: number) => HostEntry | undefined;

export function droppedPackets(record: FlowRecord): number {
  const { dropTail, dropEarly, dropPolice, dropAqm, dropModule } = record;
  return dropTail + dropEarly + dropPolice + dropAqm + dropModule;
}

export class FlowSamples {
  readonly history = new History();
  readonly waits = new FlowWaits();
  private readonly reader: FlowReader;
  private readonly hosts: HostTable;
  private readonly hostOfAddress: HostOfAddress;
  private readonly record = createFlowRecord();
  /** 0: no flow. */
  private generation = new Int32Array(0);
  private look = 0;
  /** The last look that found the flow. */
  private lookSeen = new Int32Array(0);
  /** Row of the inside host at the last look, or NONE. */
  private host = new Int32Array(0);
  private sentBytes = new Float64Array(0);

  constructor(reader: FlowReader, hosts: HostTable, hostOfAddress: HostOfAddress) {
    this.reader = reader;
    this.hosts = hosts;
    this.hostOfAddress = hostOfAddress;
  }

  /**
   * Looks at every flow. Calls `visit` with the row of each flow and its record, which holds until `visit`
   * returns.
   */
  update(sideOf: SideOf, nowNs: number, visit: (row: number, record: FlowRecord) => void): void {
    const { reader, record, hosts } = this;
    this.look++;
    this.waits.nowIs(nowNs);
    hosts.beginFlows();
    for (let f = reader.next(NONE); f !== NONE; f = reader.next(f)) {
      if (!reader.read(f, record)) continue;
      const row = f >> RECORD_SHIFT;
      if (row >= this.generation.length) this.grow(Math.max(ROWS_MIN, 2 * row));
      if (this.generation[row] !== record.generation) this.begin(row, record.generation);
      this.lookSeen[row] = this.look;
      this.count(row, this.findHost(sideOf));
      visit(row, record);
    }
    this.forgetEnded();
  }

  /** Remembers what the flows have counted at the last look. Call it every second. */
  sample(nowNs: number): void {
    this.history.begin(nowNs);
    for (let row = 0; row < this.generation.length; row++)
      if (this.generation[row] !== 0) this.history.put(row, this.sentBytes[row]!);
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
    this.history.clear(row);
    this.waits.forget(row);
  }

  /**
   * Of a flow that passes the trees of two links, the first one in the file says which end is inside, and of
   * one between two inside hosts which of them it is. NONE if the host is not known (yet).
   */
  private findHost(sideOf: SideOf): number {
    const { leaf, secondLeaf, srcAddress, dstAddress } = this.record;
    const side = sideOf[secondLeaf === NONE ? leaf : Math.min(leaf, secondLeaf)];
    const [first, second] = side === UP ? [srcAddress, dstAddress] : [dstAddress, srcAddress];
    const entry = this.hostOfAddress(first !== 0 ? first : second);
    return entry === undefined ? NONE : this.hosts.find(entry);
  }

  private count(row: number, host: number): void {
    const { record, hosts } = this;
    const { waits, waitedNs, sentBytes } = record;
    this.host[row] = host;
    this.sentBytes[row] = sentBytes;
    if (host !== NONE) hosts.flows[host]!++;
    const at = host === NONE ? NONE : host * waits.length;
    if (waitedNs > Number.NEGATIVE_INFINITY) this.waits.update(row, waits, hosts.waits, at);
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
    this.sentBytes = grownFloats(this.sentBytes, rows);
    this.history.grow(rows);
    this.waits.grow(rows);
  }
}
