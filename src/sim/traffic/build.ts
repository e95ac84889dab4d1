/** Builds a world that can run from a plan of traffic and a specification of the shaper. */

import { chanceStream } from '../../base/chance.ts';
import { NONE } from '../../base/none.ts';
import { Engine } from '../../core/engine.ts';
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { ARRIVAL_ROWS, EDIT_BYTES } from '../../limits.ts';
import { IPPROTO_TCP } from '../../packet/tcp-header.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { FlowMeter } from '../packets/flow-meter.ts';
import {
  HEADER_STRIDE,
  HeaderTemplates,
  ipHeaderBytes,
  scaleOf,
  type TcpTemplate,
  tcpHeaderBytes,
  tcpSynHeaderBytes,
} from '../packets/headers.ts';
import { isBack, PacketTable } from '../packets/packet-table.ts';
import type { PacketShape } from '../packets/packets.ts';
import { TIMER_SOURCE, TIMERS } from '../packets/wire.ts';
import { Congestion } from '../tcp/congestion.ts';
import { ReceiveWindow } from '../tcp/receive-window.ts';
import { TcpReceiver } from '../tcp/tcp-receiver.ts';
import { TcpSender } from '../tcp/tcp-sender.ts';
import { EventHeap } from '../world/event-heap.ts';
import { Lines } from '../world/lines.ts';
import { DatagramSource, PingSource, RequestSource, TransferSource } from '../world/sources.ts';
import { World, type WorldFlow } from '../world/world.ts';
import { WHOLE_STRIDE, WorldPort } from '../world/world-port.ts';
import { bottleneckOf, Layout, planRoutes } from './layout.ts';
import type { Bottleneck, FlowSpec, ReceiverSpec, Traffic } from './traffic.ts';

/** IP length of a full segment. */
const MTU_BYTES = 1500;
const WINDOW_PACKETS = 4096;
const INITIAL_WINDOW = 10;
/** Window for requests, as Linux gives at the start of a connection, and its scale. */
const REQUEST_WINDOW_BYTES = 64_240;
const REQUEST_SCALE = 7;
/** Streams of chance below this number belong to flows, the others to lines. */
const LINE_STREAMS = 1 << 19;

export interface BuildOptions {
  readonly seed: number;
  /** Defaults to the slack of the live program. */
  readonly releaseSlackNs?: number;
  /** Time by which the engine is woken late; 0 by default. */
  readonly timerLatenessNs?: number;
  /** Rates of the lines of directions that are not shaped. Defaults to the specification's. */
  readonly bottleneck?: Bottleneck;
  /** Of modules. Defaults to none: they are trusted to return. */
  readonly guard?: ModuleGuard | undefined;
}

/**
 * Makes an engine and tells it its devices: interface indices 1, 2, … in the order in which it names them.
 */
export function createEngine(spec: ShaperSpec, options: BuildOptions): Engine {
  const { seed, releaseSlackNs, guard } = options;
  const names: string[] = [];
  const nameOf = (ifIndex: number): string => names[ifIndex] ?? '';
  const engine = new Engine(spec, {
    seed,
    ...(releaseSlackNs !== undefined && { releaseSlackNs }),
    ...(guard !== undefined && { guard }),
    // Only modules ask for names.
    ...(spec.modules.length > 0 && { nameOf }),
  });
  names.push('', ...engine.intake.devices);
  for (const [i, device] of engine.intake.devices.entries()) engine.intake.setDeviceIndex(device, i + 1);
  return engine;
}

export function indexOfDevice(engine: Engine): (device: string) => number {
  return (device) => engine.intake.devices.indexOf(device) + 1;
}

/** Room for each packet in the slab. */
export function strideOf(spec: ShaperSpec): number {
  return spec.modules.length > 0 ? WHOLE_STRIDE : HEADER_STRIDE;
}

/** The NFQUEUEs of the instance, with that of modules behind them. */
export function nfqueuesOf({ nfqueue, modules }: ShaperSpec): ShaperSpec['nfqueue'] {
  return modules.length > 0 ? { ...nfqueue, count: nfqueue.count + 1 } : nfqueue;
}

/** Makes a world at instant 0, with the start of every flow on its agenda. */
export function buildWorld(spec: ShaperSpec, traffic: Traffic, options: BuildOptions): World {
  const engine = createEngine(spec, options);
  const routes = planRoutes(spec, engine.intake.devices, indexOfDevice(engine));
  const layout = new Layout(traffic, options.bottleneck ?? bottleneckOf(spec), routes);
  const ways = traffic.flows.map((flow) => waysOf(flow, layout));
  const { rowOf, names } = namedRows(traffic.flows);
  const packets = new PacketTable();
  const agenda = new EventHeap(layout.lines.length + TIMERS * traffic.flows.length);
  const world = new World(packets, new FlowMeter(rowOf, names), agenda);
  const congestion = new Congestion(traffic.flows.map((flow) => flow.tcp?.growth ?? 'cubic'));
  const flows = traffic.flows.map(
    (flow, f): WorldFlow => ({
      ...ways[f],
      ...endpoints(flow, f, world, congestion, traffic.durationNs, layout, options.seed),
    }),
  );
  const stride = strideOf(spec);
  const arrivalBytes = stride * ARRIVAL_ROWS;
  const slab = new Uint8Array(arrivalBytes + HEADER_STRIDE * 2 * traffic.flows.length + EDIT_BYTES);
  const templates = new HeaderTemplates(
    slab,
    arrivalBytes,
    traffic.flows.flatMap((flow) => shapesOf(flow, layout)),
    traffic.flows.flatMap((flow) => tcpTemplates(flow, layout)),
  );
  const chance = layout.lines.map((_, line) => chanceStream(options.seed, LINE_STREAMS + line));
  world.assemble({
    engine,
    port: new WorldPort(world, packets, layout.routes, slab, nfqueuesOf(spec), stride),
    lines: new Lines(layout.lines, chance, packets, agenda),
    hops: Int32Array.from(layout.hops),
    flows,
    congestion,
    writeHeaders: (p, to) =>
      templates.write(2 * packets.flow[p] + (isBack(packets.kind[p]) ? 1 : 0), p, packets, to),
    timerLatenessNs: options.timerLatenessNs ?? 0,
  });
  for (const [f, flow] of traffic.flows.entries()) world.setTimer(TIMER_SOURCE, f, flow.startNs ?? 0);
  return world;
}

/** Names of the meter's rows in order of first appearance, and the row of every flow. */
export function namedRows(flows: readonly { readonly name: string }[]): {
  rowOf: Int32Array;
  names: string[];
} {
  const rows = new Map<string, number>();
  const rowOf = Int32Array.from(flows, ({ name }) => {
    if (!rows.has(name)) rows.set(name, rows.size);
    return rows.get(name) as number;
  });
  return { rowOf, names: [...rows.keys()] };
}

/** The two ends of a flow, the end that sends the data first. In request-response that is the server. */
function dataEnds(flow: FlowSpec): [string, string] {
  return flow.source.kind === 'request-response' ? [flow.to, flow.from] : [flow.from, flow.to];
}

function waysOf(flow: FlowSpec, layout: Layout): { forth: number; back: number } {
  const [sender, receiver] = dataEnds(flow);
  const delayNs = flow.rttNs / 2;
  return { forth: layout.way(sender, receiver, delayNs), back: layout.way(receiver, sender, delayNs) };
}

/** Headers of both directions of a flow. */
function shapesOf(flow: FlowSpec, layout: Layout): PacketShape[] {
  const { source, sport, dport, dscp = 0 } = flow;
  const protocol = 'protocol' in source ? source.protocol : IPPROTO_TCP;
  const src = layout.host(flow.from).address;
  const dst = layout.host(flow.to).address;
  const asked: PacketShape = { src, dst, protocol, sport, dport, dscp };
  const answering: PacketShape = {
    src: dst,
    dst: src,
    protocol,
    // An echo has the same identifier in both directions.
    sport: isEcho(protocol) ? sport : dport,
    dport: sport,
    dscp,
    icmpType: protocol === 1 ? 0 : 129,
  };
  return source.kind === 'request-response' ? [answering, asked] : [asked, answering];
}

function isEcho(protocol: number): boolean {
  return protocol === 1 || protocol === 58;
}

/** IP length of a segment without payload. */
function headerBytesOf(flow: FlowSpec, layout: Layout): number {
  return tcpHeaderBytes(hasTimestamps(flow)) + ipHeaderBytes(layout.host(flow.from).address);
}

function hasTimestamps(flow: FlowSpec): boolean {
  return flow.tcp?.timestamps ?? true;
}

/** The sender of the data takes requests only; the window of the receiver is the one that limits. */
function tcpTemplates(flow: FlowSpec, layout: Layout): [TcpTemplate, TcpTemplate] {
  const segmentBytes = MTU_BYTES - headerBytesOf(flow, layout);
  const ofSender = { hasTimestamps: hasTimestamps(flow), segmentBytes, scale: REQUEST_SCALE };
  return [ofSender, { ...ofSender, scale: receiverOf(flow, segmentBytes).scale ?? NONE }];
}

/** The receiver of a flow; its scale is null if its SYN has no such option. */
function receiverOf(flow: FlowSpec, segmentBytes: number): ReceiverSpec & { scale: number | null } {
  const { receiver, windowPackets = WINDOW_PACKETS } = flow.tcp ?? {};
  const bytes = windowPackets * segmentBytes;
  const spec = receiver ?? { startBytes: bytes, maxBytes: bytes };
  return { ...spec, scale: spec.scale === undefined ? scaleOf(spec.maxBytes) : spec.scale };
}

function endpoints(
  flow: FlowSpec,
  f: number,
  world: World,
  congestion: Congestion,
  durationNs: number,
  layout: Layout,
  seed: number,
): Pick<WorldFlow, 'source' | 'sender' | 'receiver'> {
  const { source } = flow;
  const { meter } = world;
  const stopNs = flow.stopNs ?? durationNs;
  const prng = chanceStream(seed, f);
  if (source.kind === 'ping')
    return { source: new PingSource(world, f, source, stopNs), sender: null, receiver: null };
  if (source.kind !== 'tcp' && source.kind !== 'request-response') {
    return {
      source: new DatagramSource(world, f, source, prng, stopNs, flow.ecn ?? 0),
      sender: null,
      receiver: null,
    };
  }
  const headerBytes = headerBytesOf(flow, layout);
  const segmentBytes = MTU_BYTES - headerBytes;
  const { ecn = false, delayedAcks = true, initialWindow, tailLossProbe = false } = flow.tcp ?? {};
  const spec = receiverOf(flow, segmentBytes);
  const window = new ReceiveWindow({
    readBytesPerSec: Number.POSITIVE_INFINITY,
    pauses: [],
    ...spec,
    scale: spec.scale ?? 0,
    segmentBytes,
  });
  const sender = new TcpSender(world, meter, congestion, f, {
    isLinuxLike: flow.tcp?.growth !== 'reno',
    ecn,
    initialWindow: initialWindow ?? INITIAL_WINDOW,
    tailLossProbe,
    peerScale: spec.scale ?? 0,
    synWindowField: REQUEST_WINDOW_BYTES,
    // Without the option of the other side, no window is scaled.
    windowField:
      spec.scale === null ? REQUEST_WINDOW_BYTES : Math.ceil(REQUEST_WINDOW_BYTES / 2 ** REQUEST_SCALE),
    segmentBytes,
    headerBytes,
    synHeaderBytes: ipHeaderBytes(layout.host(flow.from).address) + tcpSynHeaderBytes(hasTimestamps(flow)),
  });
  const options = { headerBytes, delaysAcks: delayedAcks, quickAcks: spec.quickAcks ?? false };
  const receiver = new TcpReceiver(world, meter, f, options, window);
  return {
    source:
      source.kind === 'tcp'
        ? new TransferSource(world, meter, f, source, stopNs, sender)
        : new RequestSource(world, meter, f, source, prng, stopNs, headerBytes, sender, receiver),
    sender,
    receiver,
  };
}
