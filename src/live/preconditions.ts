/** Conditions of the whole program. They are checked first, because each makes a later step fail oddly. */
import { readFileSync } from 'node:fs';
import { EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';
import { hasNetAdmin } from '../io/nfqueue/nfqueue-error.ts';
import { type DeviceGraph, listDevices, whyHidden } from '../spec/device-graph.ts';
import type { LinkSpec, ShaperSpec } from '../spec/spec.ts';

/** Throws OperatingError for a process whose /proc/self/status is `statusText`; null: it cannot be read. */
export function checkProcess(statusText: string | null): void {
  if (statusText === null) {
    const hint = 'mount it: mount -t proc proc /proc';
    throw new OperatingError(
      EXIT_IMPOSSIBLE,
      'there is no /proc here, which says what devices there are',
      hint,
    );
  }
  if (hasNetAdmin(statusText) === false) {
    const hint = 'run as root (sudo), or with CAP_NET_ADMIN (AmbientCapabilities= of systemd)';
    throw new OperatingError(EXIT_IMPOSSIBLE, 'the capability CAP_NET_ADMIN is missing', hint);
  }
}

export function readProcessStatus(): string | null {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return null;
  }
}

/** Throws OperatingError for links whose device is missing, or does not show on the packets to be shaped. */
export function checkDevices({ links }: ShaperSpec, graph: DeviceGraph): void {
  const missing = links.filter(({ device, wait }) => !graph.has(device) && !wait);
  if (missing.length > 0) {
    const names = missing.map(({ name, device }) => `device ${device} of link ${name}`).join(', ');
    throw new OperatingError(
      EXIT_IMPOSSIBLE,
      `${names} does not exist`,
      `devices here: ${listDevices(graph)}; with wait: true a link waits for its device`,
    );
  }
  const hidden = links.flatMap((link) => hiddenDirections(link, graph));
  if (hidden.length === 0) return;
  const hints = new Set(hidden.map(({ hint }) => hint));
  throw new OperatingError(
    EXIT_IMPOSSIBLE,
    [...new Set(hidden.map(({ message }) => message))].join('; '),
    [...hints].join('; '),
  );
}

/** The reasons, with the link or the direction that cannot shape. */
function hiddenDirections(link: LinkSpec, graph: DeviceGraph): { message: string; hint: string }[] {
  const shaped = (['up', 'down'] as const).filter((direction) => link[direction] !== null);
  const hidden = shaped.flatMap((direction) => {
    const advice = whyHidden(graph, link.device, direction);
    return advice === null ? [] : [{ direction, ...advice }];
  });
  const isWhole = hidden.length === shaped.length;
  return hidden.map(({ direction, message, hint }) => {
    const subject = isWhole ? `link ${link.name}` : `${link.name}/${direction}`;
    return { message: `${subject} would shape nothing: ${message}`, hint };
  });
}
