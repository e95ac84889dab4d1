/** From a file and options to a module that can run. */

import type { InterestContext } from '../../config/modules/interest.ts';
import { readOptions, reportOptions } from '../../config/modules/options.ts';
import { moduleSpecOf } from '../../config/modules/spec.ts';
import { loadModule } from '../../io/modules/loader.ts';
import { budgetNsOf } from '../../modules/definition.ts';
import type { ModuleAsk, ReadModule } from './entry.ts';

const PRIORITY = 100;

/** Rejects with OperatingError if the module cannot be used so. */
export async function readModule(ask: ModuleAsk, context: InterestContext): Promise<ReadModule> {
  const { definition, source } = await loadModule(ask.use, ask.folder);
  const options = readOptions(definition, ask.options);
  const { run, priority } = ask;
  const how = { run, priority: priority ?? PRIORITY };
  const spec = moduleSpecOf(definition, definition.label, how, options, context);
  const { interest } = definition;
  const asked = typeof interest === 'function' ? interest(options) : interest;
  return {
    ...{ definition, source, spec, options },
    optionReports: reportOptions(definition, options),
    budgetNs: budgetNsOf(definition),
    interest: asked === undefined || asked === null ? '' : JSON.stringify(asked),
  };
}
