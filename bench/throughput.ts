/**
 * Throughput of forwarded TCP: without a queue, through the C loop with superpackets, and through the program
 * at a rate that does not limit it.
 */
import { queueRule, startContender } from './contenders.ts';
import { createLab } from './lab/lab.ts';
import { iperfTcp } from './lab/measure.ts';
import { nativeProgram } from './lab/native.ts';
import { startShaper } from './lab/shaper.ts';
import { type Spread, spread } from './table.ts';

const QUEUE = 60;
const PORT_FREE = 5201;
const PORT_QUEUED = 5202;
/** Flows of `default` go by superpackets, those of the slow class beside it never do. */
const NOT_LIMITING = `
links:
  wan: { device: wan0, up: { rate: 100gbit, classes: { slow: { match: { dport: 9 }, ceil: 2mbit } } } }
`;

export interface Throughput {
  /** Bits per second of payload. */
  readonly noQueue: Spread;
  readonly cLoopGso: Spread;
  readonly shaper: Spread;
  /** Shaper by C loop, round by round. */
  readonly toCLoop: Spread;
}

export async function measureThroughput(rounds: number, seconds: number): Promise<Throughput> {
  const plain = await createLab();
  const shaped = await createLab();
  try {
    const acceptall = await nativeProgram('acceptall');
    await queueRule(plain, { protocol: 'tcp', port: PORT_QUEUED }, QUEUE);
    const loop = await startContender(plain, [acceptall, '--queue', String(QUEUE), '--gso']);
    const shaper = await startShaper(shaped, NOT_LIMITING, { entry: 'dist' });
    const noQueue: number[] = [];
    const cLoopGso: number[] = [];
    const through: number[] = [];
    const tcp = async (lab: typeof plain, port: number): Promise<number> =>
      (await iperfTcp(lab.client, lab.server, { port, seconds })).bitsPerSec;
    for (let round = 0; round < rounds; round++) {
      noQueue.push(await tcp(plain, PORT_FREE));
      cLoopGso.push(await tcp(plain, PORT_QUEUED));
      through.push(await tcp(shaped, PORT_FREE));
    }
    loop.kill('SIGTERM');
    await shaper.stop();
    return {
      noQueue: spread(noQueue),
      cLoopGso: spread(cLoopGso),
      shaper: spread(through),
      toCLoop: spread(through.map((bitsPerSec, i) => bitsPerSec / cLoopGso[i]!)),
    };
  } finally {
    await shaped.close();
    await plain.close();
  }
}
