/**
 * The lines of a world, the lines that a flow's packets take, and the devices and NFQUEUE by which the shaper
 * sees them.
 */
import { NONE } from '../../base/none.ts';
import { isUnlimited } from '../../base/units.ts';
import type { Hook } from '../../modules/api/packet.ts';
import { NF_INET_FORWARD, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from '../../packet/batch.ts';
import { planQueues } from '../../spec/queue-plan.ts';
import type { ClassSpec, LinkSpec, ShaperSpec } from '../../spec/spec.ts';
import { delayLine, type LineSpec } from '../world/lines.ts';
import { HOP_END, hopOfRoute } from '../world/world.ts';
import type { ShaperRoute } from '../world/world-port.ts';
import type { Bottleneck, HostSpec, Traffic } from './traffic.ts';

/** Interface index of the inside if the specification names no device for it. */
const ANONYMOUS_DEVICE = 0xffff;
/** Queue of an unshaped line: a tenth of a second, as in a modem. */
const MODEM_BUFFER_SEC = 0.1;

/** A line of which nothing is known: 100 Mbit/s. */
const UNKNOWN_LINE_BYTES_PER_SEC = 12.5e6;

/** Rates of the first link. A direction that is not shaped counts as fast as the other. */
export function bottleneckOf(spec: ShaperSpec): Bottleneck {
  const [link] = spec.links;
  if (!link) throw new RangeError('a simulation needs a link');
  const [up, down] = [limitOf(link.up), limitOf(link.down)];
  return {
    upBytesPerSec: up ?? down ?? UNKNOWN_LINE_BYTES_PER_SEC,
    downBytesPerSec: down ?? up ?? UNKNOWN_LINE_BYTES_PER_SEC,
    shapesUp: up !== null,
    shapesDown: down !== null,
  };
}

/** null for a direction that is not limited: the line is the limit then. */
function limitOf(root: ClassSpec | null): number | null {
  return root === null || isUnlimited(root.ceilBytesPerSec) ? null : root.ceilBytesPerSec;
}

/** Routes through the shaper. Null if no rule would queue the packets. */
export interface Routes {
  readonly up: ShaperRoute | null;
  readonly down: ShaperRoute | null;
  /** The shaper only counts there, and the line is the limit. */
  readonly unlimited?: { readonly up: boolean; readonly down: boolean };
  /** Hooks at which modules meet packets. Without it there are none. */
  readonly modules?: ModuleHooks;
}

/** Packets come up at these hooks for modules, by an NFQUEUE of their own. */
export interface ModuleHooks {
  readonly nfqueue: number;
  readonly up: Devices;
  readonly down: Devices;
  readonly prerouting: boolean;
  readonly forward: boolean;
  readonly postrouting: boolean;
}

type Devices = Pick<ShaperRoute, 'ifIndexIn' | 'ifIndexOut'>;

/**
 * Outside is the first link's device. Inside is the second link's; with one link, the first other device that
 * matchers name. `indexOf` gives each device's interface index.
 */
export function planRoutes(
  spec: ShaperSpec,
  devices: readonly string[],
  indexOf: (device: string) => number,
): Routes {
  const outside = spec.links[0].device;
  const linkDevices = spec.links.map((link) => link.device);
  const inside = linkDevices[1] ?? devices.find((device) => device !== outside);
  const outsideIndex = indexOf(outside);
  const insideIndex = inside === undefined ? ANONYMOUS_DEVICE : indexOf(inside);
  const plan = planQueues(spec);
  const route = (ifIndexIn: number, ifIndexOut: number): ShaperRoute | null => {
    const rule = plan.directions.find(
      ({ device, direction }) => indexOf(device) === (direction === 'down' ? ifIndexIn : ifIndexOut),
    );
    return rule ? { ifIndexIn, ifIndexOut, nfqueue: rule.nfqueue } : null;
  };
  const [{ up, down }] = spec.links as [LinkSpec];
  const isMet = (hook: Hook): boolean => spec.modules.some(({ hooks }) => hooks.includes(hook));
  const modules =
    plan.moduleNfqueue === null
      ? {}
      : {
          modules: {
            nfqueue: plan.moduleNfqueue,
            up: { ifIndexIn: insideIndex, ifIndexOut: outsideIndex },
            down: { ifIndexIn: outsideIndex, ifIndexOut: insideIndex },
            prerouting: isMet('prerouting'),
            forward: isMet('forward'),
            postrouting: isMet('postrouting'),
          },
        };
  return {
    ...modules,
    up: route(insideIndex, outsideIndex),
    down: route(outsideIndex, insideIndex),
    unlimited: { up: up !== null && limitOf(up) === null, down: down !== null && limitOf(down) === null },
  };
}

/**
 * Adds the stops of packets in the shaper to a list of routes. Returns where they are in it, in the order in
 * which packets come to them.
 */
export function addStops(list: ShaperRoute[], routes: Routes, direction: 'up' | 'down'): number[] {
  const add = (route: ShaperRoute): number => list.push(route) - 1;
  const { modules, [direction]: classes } = routes;
  const classStop = classes ? add(classes) : NONE;
  const ofClasses = classStop === NONE ? [] : [classStop];
  if (!modules) return ofClasses;
  const { ifIndexIn, ifIndexOut } = modules[direction];
  const whole = { ifIndexIn, ifIndexOut, nfqueue: modules.nfqueue, isWhole: true, classStop };
  return [
    ...(modules.prerouting ? [add({ ...whole, ifIndexOut: 0, hook: NF_INET_PRE_ROUTING })] : []),
    ...(modules.forward ? [add({ ...whole, hook: NF_INET_FORWARD })] : ofClasses),
    ...(modules.postrouting ? [add({ ...whole, hook: NF_INET_POST_ROUTING })] : []),
  ];
}

/** Whether the shaper limits a direction, so that packets need no line of its rate. */
function limits(routes: Routes, direction: 'up' | 'down'): boolean {
  return routes[direction] !== null && !routes.unlimited?.[direction];
}

export class Layout {
  readonly lines: LineSpec[] = [];
  /** Lines, routes and ends of all ways, one way after the other; see world.ts. */
  readonly hops: number[] = [];
  readonly routes: ShaperRoute[] = [];
  private readonly hosts: ReadonlyMap<string, HostSpec>;
  private readonly access = new Map<string, { readonly outwards: number; readonly inwards: number }>();
  private readonly delays = new Map<number, number>();
  private readonly ways = new Map<string, number>();
  /** Hops between the inside and the outside. */
  private readonly upHops: readonly number[];
  private readonly downHops: readonly number[];

  constructor(traffic: Pick<Traffic, 'hosts' | 'line'>, bottleneck: Bottleneck, routes: Routes) {
    this.hosts = new Map(traffic.hosts.map((host) => [host.name, host]));
    const { up, down } = traffic.line ?? {};
    this.upHops = [
      ...addStops(this.routes, routes, 'up').map(hopOfRoute),
      ...this.lineHop(up, limits(routes, 'up'), bottleneck.upBytesPerSec),
    ];
    this.downHops = [
      ...this.lineHop(down, limits(routes, 'down'), bottleneck.downBytesPerSec),
      ...addStops(this.routes, routes, 'down').map(hopOfRoute),
    ];
    for (const host of traffic.hosts) {
      if (!host.access) continue;
      this.access.set(host.name, {
        outwards: this.addLine(host.access),
        inwards: this.addLine(host.access),
      });
    }
  }

  host(name: string): HostSpec {
    const host = this.hosts.get(name);
    if (!host) throw new RangeError(`no host ${name}`);
    return host;
  }

  /** Position in `hops` of the way from one host to another with this propagation delay. */
  way(from: string, to: string, delayNs: number): number {
    const key = `${from} ${to} ${delayNs}`;
    const known = this.ways.get(key);
    if (known !== undefined) return known;
    const isUp = this.host(from).side === 'inside';
    if (isUp === (this.host(to).side === 'inside')) throw new RangeError(`${from} and ${to} are on one side`);
    const begin = this.hops.length;
    const outwards = this.access.get(from)?.outwards ?? NONE;
    const inwards = this.access.get(to)?.inwards ?? NONE;
    if (outwards !== NONE) this.hops.push(outwards);
    if (isUp) this.hops.push(...this.upHops, this.delay(delayNs));
    else this.hops.push(this.delay(delayNs), ...this.downHops);
    if (inwards !== NONE) this.hops.push(inwards);
    this.hops.push(HOP_END);
    this.ways.set(key, begin);
    return begin;
  }

  private addLine(spec: LineSpec): number {
    return this.lines.push(spec) - 1;
  }

  /** The physical line. If nothing limits it, it is as fast as the bottleneck and buffers like a modem. */
  private lineHop(line: LineSpec | undefined, isLimited: boolean, rateBytesPerSec: number): number[] {
    if (line) return [this.addLine(line)];
    if (isLimited) return [];
    return [
      this.addLine({ ...delayLine(0), rateBytesPerSec, limitBytes: rateBytesPerSec * MODEM_BUFFER_SEC }),
    ];
  }

  /** Flows with the same delay share a line that has no rate, so they do not affect each other there. */
  private delay(delayNs: number): number {
    const known = this.delays.get(delayNs);
    if (known !== undefined) return known;
    const line = this.addLine(delayLine(delayNs));
    this.delays.set(delayNs, line);
    return line;
  }
}
