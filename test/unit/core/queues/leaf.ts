/** A leaf by itself with what its queues are made of: classes, held packets, flows. */
import { type ClassInfo, listClasses } from '../../../../src/core/classes/classes.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import type { QueueSpec } from '../../../../src/spec/spec.ts';
import { shaper, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';

/** Row of the leaf; row 0 is the root. */
export const LEAF = 1;
const KEYS = [1, 2] as const;

export function classesOf(queue: Partial<QueueSpec>): ClassInfo[] {
  const leaves = [{ name: 'default', queue }];
  return listClasses(shaper({ wan: { up: { rate: 1e9, burst: 1e9, leaves } } }));
}

export class LeafParts {
  readonly classes: readonly ClassInfo[];
  readonly held = new HeldTable(64);
  readonly flows: FlowTable;

  constructor(queue: Partial<QueueSpec>) {
    this.classes = classesOf(queue);
    this.flows = new FlowTable(1024, ...KEYS, new Ledger(this.classes.length, this.held));
  }

  flow(n: number, src?: number, nowNs = 0): number {
    return this.flows.findOrMake(parsedOf(udp(n, src === undefined ? {} : { src })), 0, nowNs);
  }

  /** A packet of the leaf that came at `nowNs`; its flow has sent its bytes. */
  packet(flow: number, lengthBytes: number, nowNs = 0): number {
    const { held, flows } = this;
    const h = held.take();
    held.leaf[h] = LEAF;
    held.lengthBytes[h] = lengthBytes;
    held.chargeBytes[h] = lengthBytes;
    held.flow[h] = this.flow(flow, undefined, nowNs);
    flows.packetHeld(held.flow[h], lengthBytes);
    held.enter(h, nowNs, nowNs);
    return h;
  }
}
