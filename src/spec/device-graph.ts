/**
 * The network devices of a machine, how they stand on each other, and which of them packets show to the
 * rules.
 *
 * A slave of a bond or a port of a team hands its packets to the device above before any rule sees them. A
 * port of a bridge hands them to the hooks of the bridge, which show it, and then to the device above. A
 * member of a VRF keeps its name on packets that leave by it; those that arrive show the VRF. Measured on
 * Linux 6.1: forwarded packets show the VRF as input and the member as output, local ones pass the output
 * hook as the VRF and then as the member.
 */

export interface Device {
  readonly name: string;
  /** As the kernel calls the type: bridge, bond, vrf, vlan, dsa … Empty if it does not say. */
  readonly kind: string;
  /** The device of which this one is a port, slave or member. */
  readonly master: string | null;
  /** The devices on which this one stands; ports, slaves and members of this one among them. */
  readonly lowers: readonly string[];
  /** PPPoE sessions of the kernel use it. */
  readonly carriesPppoe?: boolean;
}

export type DeviceGraph = ReadonlyMap<string, Device>;

export type DeviceDirection = 'up' | 'down';

export interface DeviceAdvice {
  /** Why packets do not show the device: a clause with the device as its subject. */
  readonly message: string;
  readonly hint: string;
}

/** Master of every port of Open vSwitch. */
const OPEN_VSWITCH = 'ovs-system';
/** IP packets of these devices cross the lower one as IP packets, inside others. */
const TUNNELS: readonly string[] = [
  'vxlan',
  'geneve',
  'gretap',
  'gre',
  'ip6gre',
  'ipip',
  'sit',
  'ip6tnl',
  'erspan',
];
/** As the kernel names them. It does not say in /sys what they are. */
const IFB = /^ifb\d+$/;
/** So many names are listed in a message. */
const LISTED_MAX = 5;

const PORT_OF: Readonly<Record<string, string>> = {
  bond: 'a slave of the bond',
  team: 'a port of the team',
};

/** Why no packet of this direction shows the device, or null if packets may show it. */
export function whyHidden(graph: DeviceGraph, name: string, direction: DeviceDirection): DeviceAdvice | null {
  const device = graph.get(name);
  if (!device) return null;
  const switchPorts = devicesOnTop(graph, name).filter((top) => graph.get(top)?.kind === 'dsa');
  if (switchPorts.length > 0) {
    const ports = listNames(switchPorts);
    return {
      message: `${name} leads to a switch, and packets show the ports of that: ${ports}`,
      hint: `name the port: ${ports}`,
    };
  }
  if (device.kind === 'ifb' || (device.kind === '' && IFB.test(name))) {
    return {
      message: `${name} is a detour for tc, whose packets show the device by which they came`,
      hint: 'name that device; its down shapes what arrives, without tc',
    };
  }
  if (device.master === null || bridgeOf(graph, name) !== null) return null;
  return graph.get(device.master)?.kind === 'vrf'
    ? hiddenByVrf(device, device.master, direction)
    : hiddenByMaster(graph, device, device.master);
}

/** The bridge of which the device is a port. Packets show the port where we ask for them. */
export function bridgeOf(graph: DeviceGraph, name: string): string | null {
  const master = graph.get(name)?.master ?? null;
  return master !== null && graph.get(master)?.kind === 'bridge' ? master : null;
}

function hiddenByVrf({ name }: Device, vrf: string, direction: DeviceDirection): DeviceAdvice | null {
  if (direction === 'up') return null;
  return {
    message: `${name} is a member of the VRF ${vrf}: packets that arrive by it show ${vrf}`,
    hint: `put down into a link of its own with device ${vrf}; up can stay at ${name}`,
  };
}

function hiddenByMaster(graph: DeviceGraph, { name }: Device, master: string): DeviceAdvice {
  if (master === OPEN_VSWITCH) {
    return {
      message: `${name} is a port of Open vSwitch: packets show an internal port of the switch`,
      hint: 'name the internal port that has the address (ovs-vsctl show lists them)',
    };
  }
  const relation = PORT_OF[graph.get(master)?.kind ?? ''] ?? 'a port of';
  const shown = topOf(graph, master);
  return {
    message: `${name} is ${relation} ${master}: packets show ${shown}`,
    hint: `name ${shown} as the device`,
  };
}

/** The device that packets show: a bond may be a slave of another. */
function topOf(graph: DeviceGraph, name: string): string {
  const seen = new Set<string>();
  let top = name;
  for (;;) {
    seen.add(top);
    const master = graph.get(top)?.master ?? null;
    if (master === null || seen.has(master) || ['vrf', 'bridge'].includes(graph.get(master)?.kind ?? ''))
      return top;
    top = master;
  }
}

/**
 * Devices on top of this one, such as its VLANs: their packets cross it and show it in neither direction.
 * Tunnels are not among them.
 */
export function devicesOnTop(graph: DeviceGraph, name: string): string[] {
  const onTop: string[] = [];
  for (const device of graph.values()) {
    if (!device.lowers.includes(name) || TUNNELS.includes(device.kind)) continue;
    if (graph.get(name)?.master !== device.name) onTop.push(device.name);
  }
  return onTop;
}

/** Whether it is a bridge or stands on one, as a VLAN of it does. */
export function standsOnBridge(graph: DeviceGraph, name: string): boolean {
  const device = graph.get(name);
  if (!device) return false;
  if (device.kind === 'bridge') return true;
  // Its members do not count: packets do not show it because of them. Nothing stands on itself.
  const below = device.lowers.filter((lower) => graph.get(lower)?.master !== name);
  return below.some((lower) => standsOnBridge(graph, lower));
}

/** What passes by the device without showing it, although other packets show it; null: nothing known. */
export function partlyHidden(graph: DeviceGraph, name: string, direction: DeviceDirection): string | null {
  const device = graph.get(name);
  if (!device) return null;
  if (device.kind === 'vrf' && direction === 'up') {
    const members = [...graph.values()].filter(({ master }) => master === name);
    if (members.length === 0) return null;
    const names = listNames(members.map((member) => member.name));
    return `packets that are forwarded out of the VRF ${name} show its members, not ${name}: ${names}`;
  }
  const bridge = bridgeOf(graph, name);
  if (bridge !== null && direction === 'up') {
    return (
      `${name} is a port of the bridge ${bridge}: what this host itself sends or routes by it passes unshaped ` +
      'where rules of iptables queue packets (kernels without the nft queue statement)'
    );
  }
  if (device.carriesPppoe) {
    return `packets of PPPoE sessions on ${name} show the device of the session, such as ppp0, and pass unshaped`;
  }
  const onTop = devicesOnTop(graph, name);
  if (onTop.length === 0) return null;
  return `packets of the devices on top of ${name} do not show ${name} and pass unshaped: ${listNames(onTop)}`;
}

/** The devices that a user may mean: all but the loopback. */
export function listDevices(graph: DeviceGraph): string {
  const names = [...graph.keys()].filter((name) => name !== 'lo');
  return names.length === 0 ? 'none but lo' : listNames(names, Number.POSITIVE_INFINITY);
}

function listNames(names: readonly string[], shownMax = LISTED_MAX): string {
  const more = names.length - shownMax;
  const shown = names.slice(0, shownMax).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}
