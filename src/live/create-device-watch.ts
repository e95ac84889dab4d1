/** Puts together what follows devices, and what the kernel knows of the hosts behind them. */
import type { Logger } from 'pino';
import type { Engine } from '../core/engine.ts';
import type { DeviceNames } from '../io/nfqueue/device-names.ts';
import { openHostListener } from '../io/nfqueue/host-listener.ts';
import type { NfqueuePort } from '../io/nfqueue/nfqueue.ts';
import { isBridge } from '../io/proc/ports.ts';
import { DeviceWatch } from './device-watch.ts';
import { HostWatch } from './host-watch.ts';
import type { LostWatch } from './lost-watch.ts';
import type { ModuleManager } from './modules/manager.ts';
import type { News } from './news.ts';
import type { PortWatch } from './port-watch.ts';
import type { Unwinder } from './unwinder.ts';

interface Parts {
  readonly logger: Logger;
  readonly news: News;
  readonly unwinder: Unwinder;
}

export function watchDevices(
  engine: Engine,
  port: NfqueuePort,
  names: DeviceNames,
  lost: LostWatch,
  ports: PortWatch,
  modules: Pick<ModuleManager, 'lookAtDevices'>,
  { logger, news, unwinder }: Parts,
): DeviceWatch {
  const hosts = new HostWatch({
    engine,
    open: openHostListener,
    indexOf: names.indexOf,
    isBridge: (ifIndex) => isBridge(names.nameOf(ifIndex)),
    nowNs: () => port.nowNs(),
    warn: (message, fields) => logger.warn(fields, message),
  });
  unwinder.add('watch on neighbours', () => hosts.close());
  return new DeviceWatch({
    engine,
    events: port,
    indexOf: names.indexOf,
    onDown: (ifIndexes) => lost.look(ifIndexes),
    onLooked: () => {
      hosts.look();
      ports.look();
      modules.lookAtDevices();
    },
    onFollowed: () => hosts.look(),
    onChange: (device, from, to) => {
      const message = describeChange(from, to);
      logger.info({ device, from, to }, message);
      news.tell('device', { device, from, to, message });
    },
  });
}

function describeChange(from: number | null, to: number | null): string {
  if (to === null) return 'the device has gone';
  return from === null ? 'the device has come' : 'the device has another index';
}
