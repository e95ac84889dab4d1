/**
 * Devices of the network namespace of this process, from procfs. Unlike /sys it follows the process, even one
 * that was put into a namespace without a new mount of /sys.
 */
import { readFileSync } from 'node:fs';
import { isSystemError } from '../../base/system-error.ts';

/** Names from /proc/net/dev, which has two lines of headings, then lines `name: counters`. */
export function parseDeviceNames(text: string): string[] {
  return text
    .split('\n')
    .slice(2)
    .map((line) => line.slice(0, line.lastIndexOf(':')).trim())
    .filter((name) => name !== '');
}

/** Interface index from /proc/net/dev_snmp6/NAME, whose first line is `ifIndex  2`. */
export function parseSnmpIndex(text: string): number | null {
  const digits = /^ifIndex\s+(\d+)/.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Interface index from /proc/net/igmp, which has a line `2<tab>eth0 : …` for each device. */
export function parseIgmpIndex(text: string, device: string): number | null {
  for (const line of text.split('\n')) {
    const [, digits, name] = /^(\d+)\t(\S+)\s*:/.exec(line) ?? [];
    if (name === device) return Number(digits);
  }
  return null;
}

/** What a device has counted since it was made. */
export interface DeviceCounters {
  readonly rxPackets: number;
  readonly rxBytes: number;
  /** Zero on devices that do not count them, as most virtual ones. */
  readonly rxMulticast: number;
  readonly txPackets: number;
}

/** The counters of /proc/net/dev by name of device. */
export function parseDeviceCounters(text: string): Map<string, DeviceCounters> {
  const counters = new Map<string, DeviceCounters>();
  for (const line of text.split('\n').slice(2)) {
    const colon = line.lastIndexOf(':');
    if (colon < 0) continue;
    const [rxBytes, rxPackets, , , , , , rxMulticast, , txPackets] = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    counters.set(line.slice(0, colon).trim(), {
      rxPackets: rxPackets ?? 0,
      rxBytes: rxBytes ?? 0,
      rxMulticast: rxMulticast ?? 0,
      txPackets: txPackets ?? 0,
    });
  }
  return counters;
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // The device does not exist, or the kernel has not that protocol.
    if (isSystemError(error)) return null;
    throw error;
  }
}

export function deviceNames(): string[] {
  return parseDeviceNames(readOrNull('/proc/net/dev') ?? '');
}

export function deviceCounters(): Map<string, DeviceCounters> {
  return parseDeviceCounters(readOrNull('/proc/net/dev') ?? '');
}

/** Interface index, or null without such a device. IPv6 lists every device; IPv4 helps where it is off. */
export function deviceIndex(device: string): number | null {
  const snmp = readOrNull(`/proc/net/dev_snmp6/${device}`);
  if (snmp !== null) return parseSnmpIndex(snmp);
  return parseIgmpIndex(readOrNull('/proc/net/igmp') ?? '', device);
}
