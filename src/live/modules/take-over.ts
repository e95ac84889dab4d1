/** The modules of an instance that has started anew: all that it had, but those that made it hang. */
import type { Logger } from 'pino';
import { OperatingError } from '../../base/errors.ts';
import { kindOfUse } from '../../io/modules/loader.ts';
import type { ModuleUse } from '../../spec/modules.ts';
import { type ModuleAsk, ModuleEntry, type ReadModule } from './entry.ts';
import { blameOf, type HandedModule, type Resume, shelved } from './handover.ts';
import { EJECTED, type ModuleManager } from './manager.ts';

type Read = (ask: ModuleAsk) => Promise<ReadModule>;

const ANEW =
  'the program has started anew: what set, class, reload and module have changed still holds; ' +
  'changes with an end (--for), attachments and classes of exec are gone, and counters begin at 0';

/**
 * Gives the manager its list. Returns what of `modules:` of the configuration is to be loaded besides: all
 * of it is known by then, unless nothing could be handed on.
 */
export async function takeOver(
  manager: Pick<ModuleManager, 'takeOver'>,
  resume: Resume,
  uses: readonly ModuleUse[],
  logger: Logger,
): Promise<readonly ModuleUse[]> {
  const { handover, stillMs } = resume;
  if (handover === null) {
    const safe = uses.filter(({ use }) => kindOfUse(use) === 'built-in');
    const left = uses.filter((use) => !safe.includes(use)).map(({ use }) => use);
    logger.error(
      { modules: left, stillMs },
      'a module hung; started anew by the file, without modules from files',
    );
    return safe;
  }
  const { leftOut, reason } = blameOf(resume, handover);
  const known = handover.modules.map(({ label }) => label);
  logger.warn({ stillMs, reason }, ANEW);
  for (const label of leftOut)
    if (!known.includes(label)) logger.error({ module: label, reason }, 'module not loaded');
  await manager.takeOver((read) => enteredAgain(handover.modules, leftOut, reason, read, logger));
  return uses;
}

async function enteredAgain(
  modules: readonly HandedModule[],
  leftOut: readonly string[],
  reason: string,
  read: Read,
  logger: Logger,
): Promise<ModuleEntry[]> {
  const entries: ModuleEntry[] = [];
  for (const module of modules) {
    const { label, state } = module;
    if (leftOut.includes(label)) {
      logger.error({ module: label, reason }, EJECTED);
      entries.push(shelved(module, reason));
    } else if (state === 'ejected') entries.push(shelved(module, module.reason ?? ''));
    else entries.push(await entered(module, read, logger));
  }
  return entries;
}

async function entered(module: HandedModule, read: Read, logger: Logger): Promise<ModuleEntry> {
  const { label, ask, declared, enabled } = module;
  try {
    return new ModuleEntry(label, ask, await read(ask), declared, enabled);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    const reason = `it could not be loaded again: ${error.message}`;
    logger.error({ module: label, reason }, EJECTED);
    return shelved(module, reason);
  }
}
