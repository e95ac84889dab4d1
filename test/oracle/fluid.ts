/**
 * The fluid system that fair queueing imitates (generalized processor sharing): all flows with packets are
 * served at once, in proportion to their weights. When it begins and finishes every packet, in seconds.
 */
export interface FluidPacket {
  readonly atSec: number;
  readonly flow: number;
  readonly lengthBytes: number;
}

export interface FluidService {
  readonly beginSec: number[];
  readonly finishSec: number[];
}

const SPENT_BYTES = 1e-9;

export function serveFluid(
  packets: readonly FluidPacket[],
  weights: readonly number[],
  rateBytesPerSec: number,
): FluidService {
  const beginSec = packets.map(() => Number.NaN);
  const finishSec = packets.map(() => Number.NaN);
  const queues: number[][] = weights.map(() => []);
  const left = packets.map(({ lengthBytes }) => lengthBytes);
  let nowSec = 0;
  let next = 0;
  let done = 0;
  while (done < packets.length) {
    for (; next < packets.length && (packets[next] as FluidPacket).atSec <= nowSec; next++) {
      (queues[(packets[next] as FluidPacket).flow] as number[]).push(next);
    }
    const busy = queues.flatMap((queue, flow) => (queue.length > 0 ? [flow] : []));
    const sum = busy.reduce((total, flow) => total + (weights[flow] as number), 0);
    const rateOf = (flow: number): number => (rateBytesPerSec * (weights[flow] as number)) / sum;
    const headOf = (flow: number): number => (queues[flow] as number[])[0] as number;
    for (const flow of busy) if (Number.isNaN(beginSec[headOf(flow)])) beginSec[headOf(flow)] = nowSec;
    const untilSec = Math.min(
      (packets[next]?.atSec ?? Number.POSITIVE_INFINITY) - nowSec,
      ...busy.map((flow) => (left[headOf(flow)] as number) / rateOf(flow)),
    );
    nowSec += untilSec;
    for (const flow of busy) {
      const head = headOf(flow);
      left[head] -= untilSec * rateOf(flow);
      if ((left[head] as number) > SPENT_BYTES) continue;
      finishSec[head] = nowSec;
      (queues[flow] as number[]).shift();
      done++;
    }
  }
  return { beginSec, finishSec };
}
