/**
 * Contender: the whole core, over the addon or over the npm package, without the program around it.
 * Arguments: `addon` or `npm`, queue number, queue length, configuration file. On SIGTERM it prints what it
 * counted as one line of JSON.
 */
import { readFileSync } from 'node:fs';
import { histogramPercentile } from '../src/base/histogram.ts';
import { loadConfig } from '../src/control/config.ts';
import { Engine } from '../src/core/engine.ts';
import { TOTAL } from '../src/core/stats.ts';
import { openNfqueue } from '../src/io/nfqueue.ts';
import { ARRIVAL_ROWS, BATCHES_PER_WAKEUP_MAX, COPY_BYTES } from '../src/limits.ts';
import type { Port } from '../src/packet/port.ts';
import { NpmNfqueuePort } from './npm-nfqueue-port.ts';

type TimedPort = Port & { nowNs(): number; onReady(callback: () => void): void };

const [over, queueText, lengthText, configPath] = process.argv.slice(2);
const queue = Number(queueText);
const lengthPackets = Number(lengthText);
const { spec } = loadConfig(readFileSync(configPath!, 'utf8'), configPath!);
const ownQueue = { ...spec, nfqueue: { ...spec.nfqueue, first: queue, count: 1, length: lengthPackets } };

const port: TimedPort =
  over === 'npm'
    ? new NpmNfqueuePort(queue, lengthPackets)
    : openNfqueue({
        firstQueue: queue,
        count: 1,
        lengthPackets,
        copyBytes: COPY_BYTES,
        gso: [false],
        uidGid: false,
      });
const engine = new Engine(ownQueue, { seed: 1 });
for (const device of engine.devices) {
  engine.setDeviceIndex(device, Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8')));
}
port.onReady(() => {
  for (let n = 0; n < BATCHES_PER_WAKEUP_MAX; n++) {
    if (engine.runBatch(port, port.nowNs()) < ARRIVAL_ROWS) return;
  }
});
process.on('SIGTERM', () => {
  const { totals, lateness, dropEarly, dropTail, dropPolice } = engine.stats;
  const sum = (column: Float64Array): number => column.reduce((a, b) => a + b, 0);
  const report = {
    received: totals[TOTAL.receivedPackets],
    accepted: totals[TOTAL.acceptedPackets],
    dropped: sum(dropEarly) + sum(dropTail) + sum(dropPolice),
    unmatched: totals[TOTAL.unmatchedPackets],
    batches: totals[TOTAL.batches],
    flows: totals[TOTAL.flows],
    eachBuckets: totals[TOTAL.eachBuckets],
    latenessMicroseconds: {
      p50: histogramPercentile(lateness, 0, 0.5),
      p99: histogramPercentile(lateness, 0, 0.99),
      packets: lateness.reduce((a, b) => a + b, 0),
    },
  };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
});
console.log('ready');
