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

/**
 * Throws OperatingError for links whose device is missing, or does not show on the packets to be shaped.
 * `shownName` tells by which name packets show a device; empty: there is no such device.
 */
export function checkDevices(
  { links }: Pick<ShaperSpec, 'links'>,
  graph: DeviceGraph,
  shownName: (device: string) => string = () => '',
): void {
  refuseOtherNames(links, graph, shownName);
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

/** A link with an alternative name would wait for ever, even if it may wait. */
function refuseOtherNames(
  links: readonly LinkSpec[],
  graph: DeviceGraph,
  shownName: (device: string) => string,
): void {
  for (const { name, device } of links) {
    const shown = graph.has(device) ? device : shownName(device);
    if (shown === '' || shown === device) continue;
    throw new OperatingError(
      EXIT_IMPOSSIBLE,
      `link ${name} would shape nothing: ${device} is another name of ${shown} (altname), and packets show ${shown}`,
      `name ${shown} as the device`,
    );
  }
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
