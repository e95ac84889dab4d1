/** Puts the watch on ports of bridges together with what it reads and whom it tells. */
import type { DeviceNames } from '../io/nfqueue/device-names.ts';
import { findPorts, readBridgeCalls, takesEditsInBridges } from '../io/proc/ports.ts';
import { type Backend, probePortHooks } from '../io/rules/index.ts';
import type { NfqueueSpec } from '../spec/spec.ts';
import type { News } from './news.ts';
import { PortWatch } from './port-watch.ts';
import type { Unwinder } from './unwinder.ts';

interface Parts {
  readonly logger: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  readonly news: News;
  readonly unwinder: Unwinder;
}

export function createPortWatch(
  backend: Backend,
  nfqueue: NfqueueSpec,
  { indexOf }: Pick<DeviceNames, 'indexOf'>,
  { logger, news, unwinder }: Parts,
): PortWatch {
  const watch = new PortWatch({
    backend,
    findPorts: (devices) => findPorts(devices, indexOf),
    readCalls: readBridgeCalls,
    takesEdits: takesEditsInBridges(),
    // A trial in this network namespace would discard packets that wait.
    refusalOfHooks: (isLive) => probePortHooks(nfqueue, isLive),
    onMoved: (device, bridge) => {
      const index = indexOf(device);
      const message =
        bridge === null ? 'the device is no port of a bridge now' : `the device is a port of ${bridge} now`;
      logger.info({ device, bridge }, message);
      news.tell('device', { device, from: index, to: index, message });
    },
    warn: (message) => logger.warn({}, message),
  });
  unwinder.add('watch on ports of bridges', () => watch.close());
  return watch;
}
