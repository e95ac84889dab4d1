/** The decision loop in slices of a millisecond or two, so that many of them see no other process. */
import type { Engine } from '../src/core/engine.ts';
import { TOTAL } from '../src/core/packets/stats.ts';
import { ARRIVAL_ROWS } from '../src/limits.ts';
import { cpuMs } from './cpu-time.ts';
import { type MemoryPort, PACKET_BYTES } from './memory-port.ts';
import { RATE_BYTES_PER_SEC } from './scale-cases.ts';
import { type Spread, spread } from './table.ts';

const SLICE_BATCHES = 8;
/** Packets take half of the rate. */
const BATCH_NS = (2 * ARRIVAL_ROWS * PACKET_BYTES * 1e9) / RATE_BYTES_PER_SEC;

export class LoopSlices {
  nowNs = 1e9;
  private readonly engine: Engine;
  private readonly port: MemoryPort;

  constructor(engine: Engine, port: MemoryPort) {
    this.engine = engine;
    this.port = port;
  }

  /** Handles at least so many packets. */
  warmUp(packets: number): void {
    for (let n = 0; n < packets; n += SLICE_BATCHES * ARRIVAL_ROWS) this.runSlice();
  }

  /** Nanoseconds a packet, without those of the port. */
  measure(slices: number): Spread {
    return spread(Array.from({ length: slices }, () => this.runSlice()));
  }

  private runSlice(): number {
    const { engine, port } = this;
    const { totals } = engine.stats;
    const receivedBefore = totals[TOTAL.receivedPackets]!;
    const ownBefore = port.ownMs;
    const startMs = cpuMs();
    for (let n = 0; n < SLICE_BATCHES; n++) {
      engine.runBatch(port, this.nowNs);
      this.nowNs += BATCH_NS;
    }
    const ms = cpuMs() - startMs - (port.ownMs - ownBefore);
    return (ms * 1e6) / (totals[TOTAL.receivedPackets]! - receivedBefore);
  }
}
