/**
 * Devices of the network namespace of this process, from procfs. Unlike /sys it follows the process, even one
 * that was put into a namespace without a new mount of /sys.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
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

/** The counters of these devices in the text of /proc/net/dev. A device that is not there is left out. */
export function parseDeviceCounters(text: string, devices: readonly string[]): Map<string, DeviceCounters> {
  const counters = new Map<string, DeviceCounters>();
  for (const device of devices) {
    // Short names have spaces before them. The end of a longer name does not count.
    const at = Math.max(text.indexOf(`\n${device}:`), text.indexOf(` ${device}:`));
    if (at < 0) continue;
    const line = text.slice(at + device.length + 2, text.indexOf('\n', at + 1));
    const [rxBytes = 0, rxPackets = 0, , , , , , rxMulticast = 0, , txPackets = 0] = line
      .trim()
      .split(/\s+/)
      .map(Number);
    counters.set(device, { rxPackets, rxBytes, rxMulticast, txPackets });
  }
  return counters;
}

/** The text of a file, or null: the device does not exist, or the kernel has not that protocol. */
export function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

export function deviceNames(): string[] {
  return parseDeviceNames(readOrNull('/proc/net/dev') ?? '');
}

/** Reads on another thread: with thousands of devices the kernel takes milliseconds to write the list. */
export async function deviceCounters(devices: readonly string[]): Promise<Map<string, DeviceCounters>> {
  return parseDeviceCounters(await readFile('/proc/net/dev', 'utf8'), devices);
}

/** Interface index, or null without such a device. IPv6 lists every device; IPv4 helps where it is off. */
export function deviceIndex(device: string): number | null {
  const snmp = readOrNull(`/proc/net/dev_snmp6/${device}`);
  if (snmp !== null) return parseSnmpIndex(snmp);
  return parseIgmpIndex(readOrNull('/proc/net/igmp') ?? '', device);
}
