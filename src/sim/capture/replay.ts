/**
 * Plays a capture into the shaper, every packet at the instant of its capture, and reports as a scenario
 * does.
 */
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS, COPY_BYTES, EDIT_BYTES } from '../../limits.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { modulesOf, withModules } from '../modules/world-modules.ts';
import { FlowMeter } from '../packets/flow-meter.ts';
import { KIND_CAPTURED, PacketTable } from '../packets/packet-table.ts';
import { TIMER_SOURCE, TIMERS, type Wire } from '../packets/wire.ts';
import { quotasOf } from '../quotas/world-quotas.ts';
import { finish, type RunOptions, Simulation, type SimulationResult } from '../simulation.ts';
import { Congestion } from '../tcp/congestion.ts';
import { createEngine, indexOfDevice, nfqueuesOf, strideOf } from '../traffic/build.ts';
import { addStops, planRoutes } from '../traffic/layout.ts';
import { EventHeap } from '../world/event-heap.ts';
import { Lines } from '../world/lines.ts';
import type { Source } from '../world/sources.ts';
import { HOP_END, hopOfRoute, World } from '../world/world.ts';
import { type ShaperRoute, WorldPort } from '../world/world-port.ts';
import { CaptureCursor } from './capture.ts';
import { grown } from './flow-list.ts';
import { type CaptureScan, copyHeader } from './scan.ts';
import { StampReader } from './stamps.ts';

const PACKETS_AT_START = 1024;

/** Sends every packet of a capture at its instant. */
class ReplaySource implements Source {
  private readonly wire: Wire;
  private readonly flowOf: Int32Array;
  private readonly cursor: CaptureCursor;
  private readonly stamps: StampReader;
  /** First bytes of the packets under way, and their number, by row of the packet table. */
  private headers = new Uint8Array(PACKETS_AT_START * COPY_BYTES);
  private headerBytes = new Uint8Array(PACKETS_AT_START);
  /** The packet that the cursor shows, and its instant. */
  private packet = -1;
  private nextNs = 0;

  constructor(wire: Wire, scan: CaptureScan) {
    this.wire = wire;
    this.flowOf = scan.flowOf;
    this.cursor = new CaptureCursor(scan.readAt);
    this.stamps = new StampReader(scan.wrongJumps);
  }

  /** Moves to the first packet. Returns its instant; Infinity if there is none. */
  start(): number {
    this.advance();
    return this.nextNs;
  }

  onTimer(): void {
    const { wire, cursor } = this;
    while (this.nextNs <= wire.nowNs) {
      const flow = this.flowOf[this.packet];
      const p = wire.packets.take(flow, KIND_CAPTURED, this.packet, cursor.lengthBytes);
      this.keepHeader(p);
      wire.packets.sentNs[p] = wire.nowNs;
      wire.transmit(p);
      this.advance();
    }
    if (this.nextNs < Number.POSITIVE_INFINITY) wire.setTimer(TIMER_SOURCE, 0, this.nextNs);
  }

  onAllArrived(): void {}

  onFarEnd(): void {}

  /** Writes the first bytes of packet `p` at `slab[to]`. Returns their number. */
  writeHeader(p: number, slab: Uint8Array, to: number): number {
    const count = this.headerBytes[p];
    slab.set(this.headers.subarray(p * COPY_BYTES, p * COPY_BYTES + count), to);
    return count;
  }

  /** To the next packet that the kernel would queue. */
  private advance(): void {
    const { cursor, stamps } = this;
    // The file may have grown since it was scanned: what is behind the scanned packets does not count.
    while (this.packet + 1 < this.flowOf.length && cursor.next()) {
      this.packet++;
      const { hasStamp, sec, ns } = cursor.record;
      this.nextNs = hasStamp ? stamps.next(sec, ns) : stamps.withoutStamp();
      if (this.flowOf[this.packet] !== NONE) return;
    }
    this.nextNs = Number.POSITIVE_INFINITY;
  }

  private keepHeader(p: number): void {
    if (p >= this.headerBytes.length) {
      const rows = this.wire.packets.rows;
      this.headers = grown(this.headers, new Uint8Array(rows * COPY_BYTES));
      this.headerBytes = grown(this.headerBytes, new Uint8Array(rows));
    }
    this.headerBytes[p] = copyHeader(this.cursor, this.headers, p * COPY_BYTES);
  }
}

/**
 * Prepares a replay under the name `name`. After the last packet the run goes on until no packet waits in the
 * shaper.
 */
export function prepareReplay(
  spec: ShaperSpec,
  scan: CaptureScan,
  name: string,
  seed: number,
  options: RunOptions = {},
): Simulation {
  const world = buildReplay(withModules(spec, options.modules), scan, { ...options, seed });
  const { unparsed, neverQueued, durationNs } = scan;
  const subject = {
    scenario: name,
    seed,
    unparsed,
    neverQueued,
    activeNs: scan.activeNs,
    lastNs: durationNs,
    protocols: scan.flows.map(({ protocol }) => protocol),
    flowsOf: scan.flowsOf,
  };
  const quotas = quotasOf(world, spec, options.quotaSpeed);
  return new Simulation(world, options.durationNs ?? durationNs, subject, {
    ...options,
    drains: true,
    quotas,
    modules: modulesOf(world, options.modules),
  });
}

export function runReplay(
  spec: ShaperSpec,
  scan: CaptureScan,
  name: string,
  seed: number,
  options: RunOptions = {},
): SimulationResult {
  return finish(prepareReplay(spec, scan, name, seed, options));
}

function buildReplay(
  spec: ShaperSpec,
  scan: CaptureScan,
  options: RunOptions & { readonly seed: number },
): World {
  const { flows } = scan;
  const engine = createEngine(spec, { ...options, guard: options.modules?.guard });
  const planned = planRoutes(spec, engine.intake.devices, indexOfDevice(engine));
  const routes: ShaperRoute[] = [];
  const [up, down] = [addStops(routes, planned, 'up'), addStops(routes, planned, 'down')];
  // The hops of `up` start at hop 0, those of `down` follow. A direction that is not shaped has no hop but
  // the end.
  const hops = [...up.map(hopOfRoute), HOP_END, ...down.map(hopOfRoute), HOP_END];
  const downFrom = up.length + 1;
  const packets = new PacketTable();
  const agenda = new EventHeap(TIMERS * Math.max(1, flows.length));
  const rowOf = Int32Array.from(flows, (_, row) => row);
  const names = flows.map((flow) => flow.name);
  const world = new World(packets, new FlowMeter(rowOf, names), agenda);
  const source = new ReplaySource(world, scan);
  const stride = strideOf(spec);
  const slab = new Uint8Array(stride * ARRIVAL_ROWS + EDIT_BYTES);
  const port = new WorldPort(world, packets, routes, slab, nfqueuesOf(spec), stride);
  world.assemble({
    engine,
    port,
    lines: new Lines([], [], packets, agenda),
    hops: Int32Array.from(hops),
    flows: flows.map((flow) => ({
      forth: flow.isUp ? 0 : downFrom,
      back: 0,
      source,
      sender: null,
      receiver: null,
    })),
    congestion: new Congestion(flows.map(() => 'reno')),
    writeHeaders: (p, to) => source.writeHeader(p, slab, to),
    timerLatenessNs: options.timerLatenessNs ?? 0,
  });
  const firstNs = source.start();
  if (firstNs < Number.POSITIVE_INFINITY) world.setTimer(TIMER_SOURCE, 0, firstNs);
  return world;
}
