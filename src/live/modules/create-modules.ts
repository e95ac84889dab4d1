/** Puts together the modules of a running instance. */
import type { Logger } from 'pino';
import { OperatingError } from '../../base/errors.ts';
import type { ModuleSet } from '../../control/messages.ts';
import type { Engine } from '../../core/engine.ts';
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { Accounts } from '../../io/accounts.ts';
import type { DeviceNames } from '../../io/nfqueue/device-names.ts';
import { deviceNames } from '../../io/proc/devices.ts';
import { type KernelCounts, readKernelCounts } from '../../io/rules/index.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import type { News } from '../news.ts';
import { classesFor } from './classes.ts';
import { ModuleDevices } from './devices.ts';
import { FaultWatch } from './faults.ts';
import type { GuardOnDemand } from './guard.ts';
import { type ApplyModules, ModuleManager } from './manager.ts';
import { readModule } from './read.ts';
import type { Restarts } from './restarts.ts';
import { SenderOnDemand } from './sender.ts';

export interface ModuleParts {
  readonly logger: Logger;
  readonly news: News;
  readonly restarts: Restarts;
}

/** Nothing runs yet: files can be read, and rules planned. */
export function createModules(
  spec: ShaperSpec,
  guard: ModuleGuard,
  { logger, news, restarts }: ModuleParts,
): { readonly manager: ModuleManager; readonly faults: FaultWatch } {
  const { hosts, nfqueue } = spec;
  const manager = new ModuleManager({
    read: (ask) => {
      restarts.reads(ask.use);
      faults.watch();
      const context = { hosts, ownMarkMask: nfqueue.markMask, accounts: new Accounts() };
      return readModule(ask, context, guard, restarts.arePacketsWaiting);
    },
    logger,
    tell: (event) => news.tell('module', event),
  });
  const faults = new FaultWatch({
    entries: () => manager.alive,
    eject: (label, reason) => manager.fault(label, reason),
    tell: (modules, reason) => logger.error({ modules, reason }, 'a module threw; nothing else ends'),
  });
  restarts.entries = () => manager.current.entries;
  return { manager, faults };
}

/** Without our table, which the watchdog may have taken away, nothing is known. */
async function kernelCounts(
  first: number,
  labels: readonly string[],
): Promise<ReadonlyMap<string, KernelCounts>> {
  try {
    return await readKernelCounts(first, labels);
  } catch (error) {
    if (error instanceof OperatingError) return new Map();
    throw error;
  }
}

export interface ModuleMachine {
  readonly engine: Engine;
  readonly guard: GuardOnDemand;
  readonly restarts: Restarts;
  readonly faults: FaultWatch;
  readonly nowNs: () => number;
  readonly names: DeviceNames;
  readonly set: (change: ModuleSet) => Promise<void>;
  readonly apply: ApplyModules;
}

/** From now on modules can run. */
export function connectModules(manager: ModuleManager, machine: ModuleMachine): void {
  const { engine, guard, restarts, faults, nowNs, names, set, apply } = machine;
  const sender = new SenderOnDemand();
  const { indexOf, mtuOf } = names;
  const devices = new ModuleDevices({ names: deviceNames, indexOf, mtuOf });
  restarts.begin();
  manager.connect({
    ...{ stage: engine.modules, guard, nowNs, inject: sender.send, devices, apply },
    kernelCounts: (labels) => kernelCounts(engine.told.spec.nfqueue.first, labels),
    classesFor: classesFor(engine, set),
    onLiving: (isAny) => {
      restarts.note();
      if (isAny) return faults.begin();
      guard.rest();
      sender.close();
    },
  });
}
