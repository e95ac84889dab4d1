/**
 * Devices of the network namespace of this process, from procfs. Unlike /sys it follows the process, even one
 * that was put into a namespace without a new mount of /sys.
 */
import { readFileSync } from 'node:fs';
import { EXIT_IMPOSSIBLE, OperatingError } from '../../base/errors.ts';
import { isSystemError } from '../../base/system-error.ts';
import type { ShaperSpec } from '../../spec/spec.ts';

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

/** Interface index, or null without such a device. IPv6 lists every device; IPv4 helps where it is off. */
export function deviceIndex(device: string): number | null {
  const snmp = readOrNull(`/proc/net/dev_snmp6/${device}`);
  if (snmp !== null) return parseSnmpIndex(snmp);
  return parseIgmpIndex(readOrNull('/proc/net/igmp') ?? '', device);
}

/** Throws OperatingError that names every shaped device that is missing, and the devices that exist. */
export function checkDevices(spec: ShaperSpec, existing: readonly string[] = deviceNames()): void {
  const missing = spec.links.filter(({ device }) => !existing.includes(device));
  if (missing.length === 0) return;
  const names = missing.map(({ name, device }) => `device ${device} of link ${name}`).join(', ');
  const others = existing.filter((name) => name !== 'lo').join(', ') || 'none but lo';
  throw new OperatingError(EXIT_IMPOSSIBLE, `${names} does not exist`, `devices here: ${others}`);
}
