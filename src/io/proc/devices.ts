/**
 * Network devices of this process's network namespace, from procfs: unlike /sys it follows the process, also when
 * it was put into a namespace without a new mount of /sys.
 */
import { readFileSync } from 'node:fs';
import { EXIT_IMPOSSIBLE, OperatingError } from '../../base/errors.ts';
import { isSystemError } from '../../base/system-error.ts';
import type { ShaperSpec } from '../../spec/spec.ts';

/** Names from /proc/net/dev: two lines of headings, then `name: counters`. */
export function parseDeviceNames(text: string): string[] {
  return text
    .split('\n')
    .slice(2)
    .map((line) => line.slice(0, line.lastIndexOf(':')).trim())
    .filter((name) => name !== '');
}

/** First line of /proc/net/dev_snmp6/NAME: `ifIndex  2`. */
export function parseSnmpIndex(text: string): number | null {
  const digits = /^ifIndex\s+(\d+)/.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** /proc/net/igmp: a line `2<tab>eth0 : …` per device. */
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
    // No such device, or a kernel without that protocol.
    if (isSystemError(error)) return null;
    throw error;
  }
}

export function deviceNames(): string[] {
  return parseDeviceNames(readOrNull('/proc/net/dev') ?? '');
}

/** Interface index; null when the device does not exist. IPv6 knows every device, IPv4 where IPv6 is off. */
export function deviceIndex(device: string): number | null {
  const snmp = readOrNull(`/proc/net/dev_snmp6/${device}`);
  if (snmp !== null) return parseSnmpIndex(snmp);
  return parseIgmpIndex(readOrNull('/proc/net/igmp') ?? '', device);
}

/** Throws OperatingError naming every shaped device that is missing and those that exist. */
export function checkDevices(spec: ShaperSpec, existing: readonly string[] = deviceNames()): void {
  const missing = spec.links.filter(({ device }) => !existing.includes(device));
  if (missing.length === 0) return;
  const names = missing.map(({ name, device }) => `device ${device} of link ${name}`).join(', ');
  const others = existing.filter((name) => name !== 'lo').join(', ') || 'none but lo';
  throw new OperatingError(EXIT_IMPOSSIBLE, `${names} does not exist`, `devices here: ${others}`);
}
