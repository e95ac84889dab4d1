/** Puts together the parts that change a running instance. */
import type { Logger } from 'pino';
import type { LoadedConfig } from '../config/config.ts';
import type { Engine } from '../core/engine.ts';
import { shownName } from '../io/nfqueue/device-names.ts';
import type { NfqueuePort } from '../io/nfqueue/nfqueue.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import { readKernelQueues } from '../io/proc/nfqueues.ts';
import { Applier, type ApplierOptions } from './applier.ts';
import { type NfqueueBooks, warnOfLess } from './nfqueues.ts';
import type { PortWatch } from './port-watch.ts';
import { checkDevices } from './preconditions.ts';
import { RetiringNfqueues } from './retiring.ts';
import type { Stopper } from './stop.ts';
import type { Unwinder } from './unwinder.ts';

/** What a change of the running instance acts on. */
interface Changeable extends Pick<ApplierOptions, 'running' | 'planner' | 'pacing' | 'modules' | 'rules'> {
  readonly engine: Engine;
  readonly port: NfqueuePort;
  readonly nfqueues: NfqueueBooks;
  readonly ports: PortWatch;
  readonly logger: Logger;
  readonly stopper: Stopper;
  readonly unwinder: Unwinder;
}

export function createApplier(
  config: LoadedConfig,
  { engine, port, nfqueues, ports, logger, stopper, unwinder, ...parts }: Changeable,
): Applier {
  const { spec, plan } = engine.told;
  const { first } = spec.nfqueue;
  const count = plan.gso.length;
  const retiring = new RetiringNfqueues({
    ...{ port, first, count, readQueues: readKernelQueues },
    waitingOf: (nfqueue) => engine.waitingOf(nfqueue),
    onClosed: (nfqueue, last) => {
      nfqueues.closed(last);
      logger.info({ queue: first + nfqueue }, 'a queue that is not used any more has closed');
    },
  });
  unwinder.add('watch for unused queues', () => retiring.close());
  return new Applier({
    ...{ ...parts, port, retiring, config },
    checkDevices: (links) => {
      // Most changes bring no device, and reading them all takes longer than the change.
      if (links.length > 0) checkDevices({ links }, readDeviceGraph() ?? new Map(), shownName);
    },
    findPorts: (links, added) => ports.find(links, added),
    isStopping: () => stopper.isRequested(),
    onApplied: ({ logLevel }, request, isPlanNew) => {
      logger.level = logLevel;
      if (isPlanNew) warnOfLess(port.granted, request, logger);
    },
    warn: (message, fields) => logger.warn(fields, message),
  });
}
