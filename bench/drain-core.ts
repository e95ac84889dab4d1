/**
 * Contender: the whole core, over the addon or over the npm package, without the program around it.
 * Arguments: `addon` or `npm`, queue number, queue length, configuration file. On SIGTERM it prints what it
 * counted as one line of JSON.
 */
import { readFileSync } from 'node:fs';
import { histogramPercentile } from '../src/base/histogram.ts';
import { widenInlining } from '../src/cli/inlining.ts';
import { loadConfig } from '../src/control/config.ts';
import { Engine } from '../src/core/engine.ts';
import { TOTAL } from '../src/core/stats.ts';
import { askForPromptness, openNfqueue } from '../src/io/nfqueue.ts';
import { startReactor } from '../src/io/reactor.ts';
import { COPY_BYTES } from '../src/limits.ts';
import { NpmNfqueuePort } from './npm-nfqueue-port.ts';

// As the program does.
widenInlining();
const [over, queueText, lengthText, configPath] = process.argv.slice(2);
const queue = Number(queueText);
const lengthPackets = Number(lengthText);
const { spec } = loadConfig(readFileSync(configPath!, 'utf8'), configPath!);
const ownQueue = { ...spec, nfqueue: { ...spec.nfqueue, first: queue, count: 1, length: lengthPackets } };

const engine = new Engine(ownQueue, { seed: 1 });
for (const device of engine.devices) {
  engine.setDeviceIndex(device, Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8')));
}
if (over === 'npm') {
  const port = new NpmNfqueuePort(queue, lengthPackets);
  port.onReady(() => engine.runBatch(port, port.nowNs()));
} else {
  const gso = [false];
  const options = { firstQueue: queue, count: 1, lengthPackets, copyBytes: COPY_BYTES, gso, uidGid: false };
  askForPromptness();
  startReactor(openNfqueue(options), engine);
}
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
