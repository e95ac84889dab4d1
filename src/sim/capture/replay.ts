/**
 * Plays a capture into the shaper, every packet at the instant of its capture, and reports as a scenario
 * does.
 */

import { ARRIVAL_ROWS, COPY_BYTES, EDIT_BYTES } from '../../limits.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { FlowMeter } from '../packets/flow-meter.ts';
import { HEADER_STRIDE } from '../packets/headers.ts';
import { KIND_CAPTURED, PacketTable } from '../packets/packet-table.ts';
import { TIMER_SOURCE, TIMERS, type Wire } from '../packets/wire.ts';
import { finish, type RunOptions, Simulation, type SimulationResult } from '../simulation.ts';
import { Congestion } from '../tcp/congestion.ts';
import { createEngine, indexOfDevice, namedRows } from '../traffic/build.ts';
import { planRoutes } from '../traffic/layout.ts';
import { EventHeap } from '../world/event-heap.ts';
import { Lines } from '../world/lines.ts';
import type { Source } from '../world/sources.ts';
import { HOP_END, hopOfRoute, World } from '../world/world.ts';
import { WorldPort } from '../world/world-port.ts';
import { type CapturedFlow, type CapturedFlows, findFlows } from './captured-flows.ts';
import type { Capture } from './pcap.ts';

/**
 * Number of flows with an entry of their own in the report: those with most bytes. The others are summed up
 * by protocol.
 */
const NAMED_FLOWS_MAX = 200;

/** Sends every packet of a capture at its instant. */
class ReplaySource implements Source {
  private readonly wire: Wire;
  private readonly capture: Capture;
  private readonly flowOf: Int32Array;
  private next = 0;

  constructor(wire: Wire, capture: Capture, flowOf: Int32Array) {
    this.wire = wire;
    this.capture = capture;
    this.flowOf = flowOf;
  }

  onTimer(): void {
    const { wire, capture } = this;
    while (this.next < capture.packets && capture.timeNs[this.next] <= wire.nowNs) {
      const i = this.next++;
      const p = wire.packets.take(this.flowOf[i], KIND_CAPTURED, i, capture.lengthBytes[i]);
      wire.packets.sentNs[p] = wire.nowNs;
      wire.transmit(p);
    }
    if (this.next < capture.packets) wire.setTimer(TIMER_SOURCE, 0, capture.timeNs[this.next]);
  }

  onAllArrived(): void {}

  onFarEnd(): void {}
}

/** After the last packet the run goes on until no packet waits in the shaper, for at most this long. */
export function prepareReplay(
  spec: ShaperSpec,
  capture: Capture,
  name: string,
  seed: number,
  options: RunOptions = {},
): Simulation {
  const found = findFlows(capture);
  const world = buildReplay(spec, capture, found, { ...options, seed });
  const protocols = Array<number>(world.meter.rows);
  for (const [f, flow] of found.flows.entries()) protocols[world.meter.rowOf[f]] = flow.protocol;
  const lastNs = capture.packets === 0 ? 0 : capture.timeNs[capture.packets - 1];
  const subject = { scenario: name, seed, unparsed: found.unparsed, protocols };
  return new Simulation(world, options.durationNs ?? lastNs, subject, { ...options, drains: true });
}

export function runReplay(
  spec: ShaperSpec,
  capture: Capture,
  name: string,
  seed: number,
  options: RunOptions = {},
): SimulationResult {
  return finish(prepareReplay(spec, capture, name, seed, options));
}

function buildReplay(
  spec: ShaperSpec,
  capture: Capture,
  { flows, flowOf }: CapturedFlows,
  options: RunOptions & { readonly seed: number },
): World {
  const engine = createEngine(spec, options);
  const { up, down } = planRoutes(spec, engine.devices, indexOfDevice(engine));
  const routes = [up, down].filter((route) => route !== null);
  // The hops of `up` start at hop 0, those of `down` follow. A direction that is not shaped has no hop but
  // the end.
  const hops = [
    ...(up ? [hopOfRoute(0)] : []),
    HOP_END,
    ...(down ? [hopOfRoute(routes.length - 1)] : []),
    HOP_END,
  ];
  const downFrom = up ? 2 : 1;
  const { rowOf, names } = namedRows(reportNames(flows));
  const packets = new PacketTable();
  const agenda = new EventHeap(TIMERS * Math.max(1, flows.length));
  const world = new World(packets, new FlowMeter(rowOf, names), agenda);
  const source = new ReplaySource(world, capture, flowOf);
  const slab = new Uint8Array(HEADER_STRIDE * ARRIVAL_ROWS + EDIT_BYTES);
  const port = new WorldPort(world, packets, routes, slab, spec.nfqueue);
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
    writeHeaders: (p, to) => copyHeaders(capture, packets.seq[p], slab, to),
    timerLatenessNs: options.timerLatenessNs ?? 0,
  });
  if (capture.packets > 0) world.setTimer(TIMER_SOURCE, 0, 0);
  return world;
}

function copyHeaders(capture: Capture, i: number, slab: Uint8Array, to: number): number {
  const count = Math.min(COPY_BYTES, capture.capturedBytes[i]);
  const from = capture.offset[i];
  for (let b = 0; b < count; b++) slab[to + b] = capture.bytes[from + b];
  return count;
}

/**
 * Names of flows: each of the largest has a name of its own, all others have one name per protocol and way.
 */
function reportNames(flows: readonly CapturedFlow[]): { name: string }[] {
  const bySize = flows.map((flow) => flow.bytes).sort((a, b) => b - a);
  const least = bySize[NAMED_FLOWS_MAX - 1] ?? 0;
  return flows.map(({ name, bytes, protocol, isUp }) => ({
    name: bytes >= least ? name : `other ${isUp ? 'up' : 'down'} of protocol ${protocol}`,
  }));
}
