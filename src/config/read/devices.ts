/** Warnings of devices that this machine does not have, or whose packets do not show them. */
import { nearest } from '../../base/nearest.ts';
import { bridgeOf, type DeviceGraph, listDevices, partlyHidden, whyHidden } from '../../spec/device-graph.ts';
import type { Located, YamlReader } from '../yaml/reader.ts';
import type { ClassContext, Direction } from './context.ts';

/** `shaped` are the directions that the link shapes. */
export function warnOfLinkDevice(
  reader: YamlReader,
  devices: DeviceGraph | null,
  { value: device, offset }: Located<string>,
  shaped: readonly Direction[],
): void {
  if (devices === null) return;
  const warn = (message: string): void => reader.problems.warn(offset, message);
  if (!devices.has(device)) {
    warn(`device: ${absence(devices, device)}`);
    return;
  }
  const hidden = shaped.map((direction) => whyHidden(devices, device, direction));
  for (const advice of hidden) if (advice) warn(`device: ${advice.message}; ${advice.hint}`);
  if (hidden.some((advice) => advice !== null)) return;
  for (const direction of shaped) {
    const part = partlyHidden(devices, device, direction);
    if (part !== null) warn(`device: ${part}`);
  }
}

/**
 * Packets that come in by a device show it as those of `down`; packets that leave show it as those of `up`.
 */
export function warnOfMatchedDevices(
  reader: YamlReader,
  devices: DeviceGraph | null,
  at: Located<readonly Located<string>[]> | undefined,
  side: 'iif' | 'oif',
  /** The device of the link. */
  own: string,
): void {
  if (devices === null) return;
  for (const { value: device, offset } of at?.value ?? []) {
    const advice = whyHidden(devices, device, side === 'iif' ? 'down' : 'up');
    if (!devices.has(device)) reader.problems.warn(offset, `${side}: ${absence(devices, device)}`);
    else if (advice) reader.problems.warn(offset, `${side}: ${advice.message}`);
    else warnOfMatchedPort(reader, devices, { value: device, offset }, side, own);
  }
}

/** Devices that may come later, such as those of tunnels, are no mistake, but most absent ones are. */
export function warnOfAbsentDevices(
  reader: YamlReader,
  devices: DeviceGraph | null,
  at: Located<readonly Located<string>[]> | undefined,
  key: string,
): void {
  if (devices === null) return;
  for (const { value: device, offset } of at?.value ?? [])
    if (!devices.has(device)) reader.problems.warn(offset, `${key}: ${absence(devices, device)}`);
}

/** What crosses a bridge shows its ports only to links that are ports of it themselves. */
function warnOfMatchedPort(
  reader: YamlReader,
  devices: DeviceGraph,
  { value: device, offset }: Located<string>,
  side: 'iif' | 'oif',
  own: string,
): void {
  const bridge = bridgeOf(devices, device);
  if (bridge === null || bridgeOf(devices, own) === bridge) return;
  const message = `${side}: ${device} is a port of the bridge ${bridge}: packets of ${own} show ${bridge}`;
  reader.problems.warn(offset, message);
}

/** Packets of `up` leave by the device of the link, and those of `down` come in by it: others never match. */
export function warnOfOtherDevice(
  { reader, direction, device }: ClassContext,
  values: { readonly [K in 'iif' | 'oif']?: Located<readonly Located<string>[]> },
): void {
  const [key, how, other] =
    direction === 'up'
      ? (['oif', 'leave by', 'iif is the device by which they came in'] as const)
      : (['iif', 'come in by', 'oif is the device by which they leave'] as const);
  const at = values[key];
  if (!at || device === '' || at.value.some(({ value }) => value === device)) return;
  const message = `${key}: this never matches: packets of ${direction} ${how} ${device}`;
  reader.problems.warn(at.offset, `${message}; ${other}`);
}

function absence(devices: DeviceGraph, device: string): string {
  const near = nearest(device, [...devices.keys()]);
  const meant = near?.isNear ? `; did you mean ${near.word}?` : '';
  return `this machine has no ${device} (it has ${listDevices(devices)})${meant}`;
}
