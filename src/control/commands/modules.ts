/** Changes that modules make go the way of `shaper set`. */
import type { ChangeService } from '../change/service.ts';
import type { FromControlThread, ModuleSet } from '../messages.ts';

/** Carries a change out, and tells what has come of it. */
export function moduleSetter(
  change: Pick<ChangeService, 'patchClass'>,
  tell: (message: FromControlThread) => void,
): (message: ModuleSet & { readonly request: number }) => Promise<void> {
  return async ({ request, path, values }) => {
    const refusal = await change.patchClass(path, values, undefined).then(
      () => null,
      (error: Error) => error.message,
    );
    tell({ type: 'set-done', request, refusal });
  };
}
