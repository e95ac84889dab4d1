/**
 * Contender: the whole core, over the addon or over the npm package, without the program around it.
 * Arguments: `addon` or `npm`, queue number, queue length, configuration file, and `no-hosts` if none are to
 * be found. On SIGUSR2 and SIGTERM it prints its counters as one line of JSON. SIGTERM ends it as well. On
 * SIGHUP it gives every host a maximum, as quotas do.
 */
import { readFileSync } from 'node:fs';
import { histogramPercentile } from '../src/base/histogram.ts';
import { loadConfig } from '../src/config/config.ts';
import { Engine } from '../src/core/engine.ts';
import type { HostLimits } from '../src/core/hosts/update.ts';
import { TOTAL } from '../src/core/packets/stats.ts';
import { askForPromptness, openNfqueue } from '../src/io/nfqueue/nfqueue.ts';
import { startReactor } from '../src/io/nfqueue/reactor.ts';
import { COPY_BYTES } from '../src/limits.ts';
import { widenInlining } from '../src/live/inlining.ts';
import { farMaxima } from './far-maxima.ts';
import { NpmNfqueuePort } from './npm-nfqueue-port.ts';

export interface CoreReport {
  readonly received: number;
  readonly accepted: number;
  readonly dropped: number;
  readonly unmatched: number;
  readonly batches: number;
  readonly flows: number;
  /** Hosts that have a maximum. */
  readonly limited: number;
  readonly eachBuckets: number;
  /** Classes that have sent packets of their own. */
  readonly classes: number;
  /** Of the packets that waited. */
  readonly latenessMicroseconds: { readonly p50: number; readonly p99: number; readonly packets: number };
}

// As the program does.
widenInlining();
const [over, queueText, lengthText, configPath, hosts] = process.argv.slice(2);
const queue = Number(queueText);
const lengthPackets = Number(lengthText);
const { spec } = loadConfig(readFileSync(configPath!, 'utf8'), configPath!);
const ownQueue = { ...spec, nfqueue: { ...spec.nfqueue, first: queue, count: 1, length: lengthPackets } };

const engine = new Engine(ownQueue, { seed: 1, findsHosts: hosts !== 'no-hosts' });
for (const device of engine.intake.devices) {
  engine.intake.setDeviceIndex(device, Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8')));
}
let limited: HostLimits | null = null;
if (over === 'npm') {
  const port = new NpmNfqueuePort(queue, lengthPackets);
  port.onReady(() => engine.runBatch(port, port.nowNs()));
} else {
  const gso = [false];
  const options = { firstQueue: queue, count: 1, lengthPackets, copyBytes: [COPY_BYTES], gso };
  askForPromptness();
  const nfqueue = openNfqueue(options);
  startReactor(nfqueue, engine);
  process.on('SIGHUP', () => {
    limited = farMaxima(engine.hosts.buffer);
    engine.updateHosts({ limits: limited }, nfqueue.nowNs());
  });
}
function report(): CoreReport {
  const { totals, lateness, sentPackets, dropEarly, dropTail, dropPolice, dropAqm, dropModule } =
    engine.stats;
  const sum = (column: Float64Array): number => column.reduce((a, b) => a + b, 0);
  return {
    received: totals[TOTAL.receivedPackets]!,
    accepted: totals[TOTAL.acceptedPackets]!,
    dropped: sum(dropEarly) + sum(dropTail) + sum(dropPolice) + sum(dropAqm) + sum(dropModule),
    unmatched: totals[TOTAL.unmatchedPackets]!,
    batches: totals[TOTAL.batches]!,
    flows: totals[TOTAL.flows]!,
    limited: limited?.host.length ?? 0,
    eachBuckets: totals[TOTAL.eachBuckets]!,
    classes: sentPackets.filter((packets) => packets > 0).length,
    latenessMicroseconds: {
      p50: histogramPercentile(lateness, 0, 0.5),
      p99: histogramPercentile(lateness, 0, 0.99),
      packets: sum(lateness),
    },
  };
}

const print = (then?: () => void): boolean => process.stdout.write(`${JSON.stringify(report())}\n`, then);
process.on('SIGUSR2', () => print());
process.on('SIGTERM', () => print(() => process.exit(0)));
console.log('ready');
