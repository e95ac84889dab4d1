/**
 * How the devices of this network namespace stand on each other: from /sys/class/net, or from `ip link` where
 * /sys is that of another namespace. A mount of /sys stays with the namespace in which it was made, unlike
 * procfs; `nsenter --net` changes the namespace and leaves the mount.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isSystemError } from '../../base/system-error.ts';
import type { Device, DeviceGraph } from '../../spec/device-graph.ts';
import { deviceIndex, deviceNames, readOrNull } from './devices.ts';

/**
 * IFF_NOARP and IFF_MASTER (linux/if.h). The kernel gives both to VRF devices alone, which have no DEVTYPE.
 */
const VRF_FLAGS = 0x480;
const IP_TIMEOUT_MS = 2000;
const LOWER = 'lower_';

interface SysDevice extends Device {
  readonly index: number;
}

/** Devices of a tree like /sys/class/net. */
export function readSysDevices(folder = '/sys/class/net'): SysDevice[] {
  const devices: SysDevice[] = [];
  for (const name of listOf(folder)) {
    const text = (file: string): string => readOrNull(join(folder, name, file)) ?? '';
    const index = Number.parseInt(text('ifindex'), 10);
    // bonding_masters is a file.
    if (Number.isNaN(index)) continue;
    const lowers = listOf(join(folder, name)).filter((file) => file.startsWith(LOWER));
    devices.push({
      name,
      index,
      kind: kindOf(text('uevent'), Number(text('flags'))),
      master: linkOf(join(folder, name, 'master')),
      lowers: lowers.map((file) => file.slice(LOWER.length)),
    });
  }
  return devices;
}

function kindOf(uevent: string, flags: number): string {
  const kind = /^DEVTYPE=(\S+)/m.exec(uevent)?.[1];
  return kind ?? ((flags & VRF_FLAGS) === VRF_FLAGS ? 'vrf' : '');
}

/** How `ip` is asked for the devices of this network namespace: parseIpLinks() reads its output. */
export function ipLinks() {
  const PATH = `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
  const options = { encoding: 'utf8', timeout: IP_TIMEOUT_MS, env: { ...process.env, PATH } } as const;
  return { args: ['-json', '-details', 'link', 'show'], options };
}

/** Devices from the output of `ip -json -details link show`. Throws SyntaxError if that is no JSON. */
export function parseIpLinks(text: string): Device[] {
  const links = JSON.parse(text) as {
    ifname: string;
    master?: string;
    link?: string;
    linkinfo?: { info_kind?: string };
  }[];
  return links.map(({ ifname: name, master = null, link, linkinfo }) => {
    const kind = linkinfo?.info_kind ?? '';
    // The link of a veth is its other end, on which it does not stand.
    return { name, kind, master, lowers: link !== undefined && kind !== 'veth' ? [link] : [] };
  });
}

/** Devices under PPPoE sessions, from /proc/net/pppoe: a heading, then lines `id address device`. */
export function parsePppoeDevices(text: string): string[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => line.trim().split(/\s+/)[2] ?? []);
}

/**
 * Null where nothing says what devices there are. Relations are missing where only names can be read. Who
 * must not wait for `ip` says so.
 */
export function readDeviceGraph(mayWait = true): DeviceGraph | null {
  const names = deviceNames();
  if (names.length === 0) return null;
  const fromSys = readSysDevices();
  if (isOfThisNamespace(fromSys, names)) return graphOf(fromSys);
  return graphOf(
    (mayWait ? devicesFromIp() : null) ?? names.map((name) => ({ name, kind: '', master: null, lowers: [] })),
  );
}

function isOfThisNamespace(devices: readonly SysDevice[], names: readonly string[]): boolean {
  const known = new Set(names);
  if (devices.length !== known.size) return false;
  return devices.every(({ name, index }) => {
    if (!known.has(name)) return false;
    const found = deviceIndex(name);
    // Without IPv6 a device that is down has no index in procfs.
    return found === null || found === index;
  });
}

function devicesFromIp(): Device[] | null {
  try {
    const { args, options } = ipLinks();
    return parseIpLinks(execFileSync('ip', args, { ...options, stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    // It is not there, or it is the one of busybox, which writes no JSON.
    return null;
  }
}

function graphOf(devices: readonly Device[]): DeviceGraph {
  const pppoe = parsePppoeDevices(readOrNull('/proc/net/pppoe') ?? '');
  return new Map(
    devices.map((device) => [device.name, { ...device, carriesPppoe: pppoe.includes(device.name) }]),
  );
}

function listOf(folder: string): string[] {
  return orElse(() => readdirSync(folder), []);
}

function linkOf(path: string): string | null {
  return orElse(() => basename(readlinkSync(path)), null);
}

/** Devices come and go while they are read. */
function orElse<T>(read: () => T, absent: T): T {
  try {
    return read();
  } catch (error) {
    if (isSystemError(error)) return absent;
    throw error;
  }
}
