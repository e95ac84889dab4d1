/** From a file and options to a module that can run. */
import { invariant } from '../../base/assert.ts';
import { OperatingError } from '../../base/errors.ts';
import type { InterestContext } from '../../config/modules/interest.ts';
import { readOptions, reportOptions } from '../../config/modules/options.ts';
import { moduleSpecOf } from '../../config/modules/spec.ts';
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { type LoadedModule, loadModule, type RunText } from '../../io/modules/loader.ts';
import { budgetNsOf } from '../../modules/definition.ts';
import { type ModuleAsk, ModuleError, type ReadModule } from './entry.ts';
import { guarded } from './guarded.ts';

const PRIORITY = 100;

/**
 * Rejects with OperatingError if the module cannot be used so. `arePacketsWaiting`: its outermost statements
 * run under the guard, as all else of it.
 */
export async function readModule(
  ask: ModuleAsk,
  context: InterestContext,
  guard: ModuleGuard,
  arePacketsWaiting: boolean,
): Promise<ReadModule> {
  const underGuard: RunText = (run) => {
    guard.owner[0] = guard.numberOf(ask.use);
    return guard.run(run) ? null : '100 ms of processor time';
  };
  const loaded = await loadModule(ask.use, ask.folder, arePacketsWaiting ? underGuard : undefined);
  let read: ReadModule | null = null;
  let refusal: OperatingError | null = null;
  // It may say its interest and its rules by functions.
  const fault = guarded(guard, ask.use, () => {
    try {
      read = readLoaded(loaded, ask, context);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      refusal = error;
    }
  });
  if (refusal !== null) throw refusal;
  if (fault !== null)
    throw new ModuleError('invalid', `${loaded.source}: interest or kernel() ${fault}`, 'mend the module');
  invariant(read !== null, 'what threw nothing has been read');
  return read;
}

function readLoaded(
  { definition, source, text }: LoadedModule,
  { run, priority, options: given }: ModuleAsk,
  context: InterestContext,
): ReadModule {
  const options = readOptions(definition, given);
  const how = { run, priority: priority ?? PRIORITY };
  const spec = moduleSpecOf(definition, definition.label, how, options, context);
  const { interest } = definition;
  const asked = typeof interest === 'function' ? interest(options) : interest;
  return {
    ...{ definition, source, text, spec, options },
    optionReports: reportOptions(definition, options),
    budgetNs: budgetNsOf(definition),
    interest: asked === undefined || asked === null ? '' : JSON.stringify(asked),
  };
}
