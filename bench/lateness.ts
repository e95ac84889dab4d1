/**
 * How long after its due instant a packet leaves, at 20 Mbit/s and twice that load. Measured by the engine,
 * and at the receiver: there as the lag behind a grid of one packet time, placed by the earliest packet.
 * Packets released in groups arrive early and shift that grid, so the receiver's number is the larger one.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askCore, coreCommand, queueRule, startContender } from './contenders.ts';
import { cpuNs } from './drain.ts';
import type { CoreReport } from './drain-core.ts';
import { createLab } from './lab/lab.ts';
import { udpTransfer } from './lab/udp.ts';

const QUEUE = 61;
const PORT = 7100;
const RATE_BITS_PER_SEC = 20e6;
const LENGTH_BYTES = 1000;
const CONFIG = `
links:
  wan: { device: wan0, up: { rate: 20mbit, classes: { default: { queue: { discipline: fifo, limit: 100p } } } } }
`;

export interface Lateness {
  readonly engineMicroseconds: CoreReport['latenessMicroseconds'];
  readonly receiverMicroseconds: { readonly p50: number; readonly p99: number };
  readonly bitsPerSec: number;
  /** CPU of the shaping process per packet read, while it held packets back. */
  readonly cpuNsPerPacket: number;
}

export async function measureLateness(seconds: number): Promise<Lateness> {
  const lab = await createLab();
  try {
    const configPath = join(lab.folder, 'lateness.yaml');
    writeFileSync(configPath, CONFIG);
    await queueRule(lab, { protocol: 'udp', port: PORT }, QUEUE);
    // In a session of its own, as a service manager starts it (native/loop/promptness.h).
    const command = ['setsid', ...(await coreCommand('addon', QUEUE, configPath))];
    const child = await startContender(lab, command);
    const cpuBefore = cpuNs(child.pid!);
    const { received, sent, bitsPerSec } = await udpTransfer(lab.client, lab.server, {
      port: PORT,
      seconds,
      rateBitsPerSec: 2 * RATE_BITS_PER_SEC,
      lengthBytes: LENGTH_BYTES,
      flows: 16,
      intervalNs: (LENGTH_BYTES * 8e9) / RATE_BITS_PER_SEC,
    });
    const cpu = cpuNs(child.pid!) - cpuBefore;
    const { latenessMicroseconds } = await askCore(child, 'SIGTERM');
    return {
      engineMicroseconds: latenessMicroseconds,
      receiverMicroseconds: {
        p50: (received.latenessNs?.p50 ?? 0) / 1000,
        p99: (received.latenessNs?.p99 ?? 0) / 1000,
      },
      bitsPerSec,
      cpuNsPerPacket: cpu / sent.packets,
    };
  } finally {
    await lab.close();
  }
}
