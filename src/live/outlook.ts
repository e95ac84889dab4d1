/** What an instance is to shape by, and what this machine can do of that, before anything is queued. */
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { LoadedConfig } from '../config/config.ts';
import type { ModuleGuard } from '../core/modules/guard.ts';
import {
  type Backend,
  builtInTables,
  probeBackend,
  type RulesLog,
  removeNewEmptyTables,
} from '../io/rules/index.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import { tryEditing } from './edit-trial.ts';
import { createModules } from './modules/create-modules.ts';
import type { FaultWatch } from './modules/faults.ts';
import type { Resume } from './modules/handover.ts';
import type { ModuleManager } from './modules/manager.ts';
import type { Restarts } from './modules/restarts.ts';
import type { ModulesDraft } from './modules/roster.ts';
import { takeOver } from './modules/take-over.ts';
import { type Claimed, claimMark } from './neighbours.ts';
import type { News } from './news.ts';
import { PacingGate } from './pacing-gate.ts';
import type { Stopper } from './stop.ts';
import type { Unwinder } from './unwinder.ts';

interface Parts {
  readonly source: { readonly file: string };
  readonly logger: Logger;
  readonly rulesLog: RulesLog;
  readonly stopper: Stopper;
  readonly unwinder: Unwinder;
  readonly news: News;
  readonly restarts: Restarts;
  readonly resume: Resume | null;
}

export interface Outlook {
  readonly claimed: Claimed;
  readonly backend: Backend;
  readonly pacing: PacingGate;
  readonly modules: ModuleManager;
  readonly faults: FaultWatch;
  readonly firstModules: ModulesDraft;
  readonly spec: ShaperSpec;
}

/** Resolves with null if a stop is requested meanwhile. */
export async function lookOut(
  config: LoadedConfig,
  guard: ModuleGuard,
  parts: Parts,
): Promise<Outlook | null> {
  const { logger, stopper, unwinder } = parts;
  const claimed = await claimMark(config, parts.rulesLog, stopper.isWanted);
  const { session } = claimed;
  unwinder.add('table', async () => void (await session.end()));
  // Trying iptables makes its tables already.
  const tables = await builtInTables();
  unwinder.add('empty tables of iptables', () => removeNewEmptyTables(tables));
  if (stopper.isRequested()) return null;
  const backend = await probeBackend(claimed.spec.nfqueue.backend);
  const pacing = new PacingGate(await tryEditing(session, backend, claimed.spec, stopper.requested));
  if (stopper.isRequested()) return null;
  const { manager: modules, faults } = createModules(claimed.spec, guard, parts);
  const { resume, source } = parts;
  const uses = resume ? await takeOver(modules, resume, config.modules, logger) : config.modules;
  const firstModules = await modules.draft(uses, dirname(source.file));
  if (stopper.isRequested()) return null;
  const spec = modules.admit(pacing.admit(claimed.spec), firstModules);
  const warning = pacing.settle(claimed.spec);
  if (warning !== null) logger.warn(warning);
  return { claimed, backend, pacing, modules, faults, firstModules, spec };
}
