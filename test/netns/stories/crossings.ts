/** Segments of TCP connections with the lab's server, on both sides of the router. */
import { type Capture, type Segment, startCapture } from '../../../bench/lab/capture.ts';
import { type Crossing, pair } from '../../../bench/lab/windows.ts';
import type { Lab } from '../harness.ts';

const CAPTURE_MS = 60_000;

export interface Crossings {
  /** From the server to the client. */
  readonly inward: readonly Crossing[];
  readonly outward: readonly Crossing[];
}

/** Captures connections to these ports of the server from now on. The result ends it. */
export async function captureCrossings(
  lab: Lab,
  ports: readonly number[],
): Promise<() => Promise<Crossings>> {
  const start = (device: string): Promise<Capture> =>
    startCapture(lab.router, device, lab.folder, CAPTURE_MS);
  const captures = await Promise.all([start('lan0'), start('wan0')]);
  return async () => {
    const [inside, outside] = await Promise.all(captures.map((capture) => capture.stop()));
    const isServers = ({ from }: Segment): boolean => ports.some((port) => from.endsWith(`:${port}`));
    const isClients = ({ to }: Segment): boolean => ports.some((port) => to.endsWith(`:${port}`));
    const inward = pair(outside!.filter(isServers), inside!.filter(isServers)).crossings;
    return {
      inward: inward.map(namedInside),
      outward: pair(inside!.filter(isClients), outside!.filter(isClients)).crossings,
    };
  };
}

/** With the addresses of the inside, which those of the other way have: NAT may have changed them outside. */
function namedInside({ before, behind }: Crossing): Crossing {
  return { before: { ...before, from: behind.from, to: behind.to }, behind };
}

/** Those whose window was made smaller. */
export function cut(crossings: readonly Crossing[]): Crossing[] {
  return crossings.filter(({ before, behind }) => behind.window < before.window);
}
