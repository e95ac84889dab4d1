/** Which devices are ports of bridges, and what the kernel shows of these to the hooks of IP. */
import { execFile } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { isSystemError } from '../../base/system-error.ts';
import type { BridgeCalls } from '../../spec/bridge-ports.ts';
import type { BridgePorts } from '../../spec/queue-plan.ts';
import { ipLinks, parseIpLinks } from './device-graph.ts';
import { readOrNull } from './devices.ts';

export interface PortSources {
  /** A tree like /sys/class/net. */
  readonly folder: string;
  /** The output of `ip -json -details link show`. */
  readonly askIp: () => Promise<string>;
}

const SOURCES: PortSources = {
  folder: '/sys/class/net',
  askIp: async () => {
    const { args, options } = ipLinks();
    return (await promisify(execFile)('ip', args, options)).stdout;
  },
};

/**
 * Those of `devices` that are ports of a bridge, with the bridge. `indexOf` tells the interface index of a
 * device of this network namespace. Where /sys is that of another one, `ip` is asked; without it no device is
 * known to be a port.
 */
export async function findPorts(
  devices: readonly string[],
  indexOf: (device: string) => number | null,
  { folder, askIp }: PortSources = SOURCES,
): Promise<BridgePorts> {
  const there = devices.filter((device) => indexOf(device) !== null);
  if (there.length === 0) return new Map();
  const isOurs = there.every((device) => isSame(folder, device, indexOf(device)));
  if (!isOurs) return portsFromIp(there, await askIp().catch(() => '[]'));
  const ports = new Map<string, string>();
  for (const device of there) {
    const bridge = bridgeIn(folder, device);
    if (bridge !== null) ports.set(device, bridge);
  }
  return ports;
}

/** Only the kernel's own bridges have this folder. */
export function isBridge(device: string, folder = '/sys/class/net'): boolean {
  return device !== '' && existsSync(join(folder, device, 'bridge'));
}

/** Only ports of the kernel's own bridges have this folder. */
function bridgeIn(folder: string, device: string): string | null {
  if (readOrNull(join(folder, device, 'brport', 'state')) === null) return null;
  try {
    return basename(readlinkSync(join(folder, device, 'master')));
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

function portsFromIp(devices: readonly string[], text: string): BridgePorts {
  const all = new Map(parseIpLinks(text).map((device) => [device.name, device]));
  const ports = new Map<string, string>();
  for (const device of devices) {
    const master = all.get(device)?.master ?? null;
    if (master !== null && all.get(master)?.kind === 'bridge') ports.set(device, master);
  }
  return ports;
}

function isSame(folder: string, device: string, index: number | null): boolean {
  return Number.parseInt(readOrNull(join(folder, device, 'ifindex')) ?? '', 10) === index;
}

/**
 * Whether the kernel takes edited packets in hooks of bridges. From Linux 7.2 on it drops them, and a trial
 * would need a bridge with two hosts.
 */
export function takesEditsInBridges(version = release()): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number.parseFloat);
  return major < 7 || (major === 7 && minor < 2);
}

/** null: the kernel has no br_netfilter, or has not loaded it. */
export function readBridgeCalls(folder = '/proc/sys/net/bridge'): BridgeCalls | null {
  const read = (name: string): string | null => readOrNull(join(folder, name))?.trim() ?? null;
  const ip = read('bridge-nf-call-iptables');
  if (ip === null) return null;
  const isOn = (name: string): boolean => (read(name) ?? '0') !== '0';
  return {
    ip: ip !== '0',
    ip6: isOn('bridge-nf-call-ip6tables'),
    tagged: isOn('bridge-nf-filter-vlan-tagged'),
  };
}
