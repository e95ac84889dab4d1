/** Changes that modules make go the way of `shaper set`. */
import type { ChangeService } from '../change/service.ts';
import type { EventType } from '../events.ts';
import type { FromControlThread, ModuleSet } from '../messages.ts';

interface ModuleNews {
  readonly label: string;
  readonly action: string;
}

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

/** The label of a module whose life has begun, if that is what the packet thread tells; null: it is not. */
export function begunModule(event: EventType, data: object): string | null {
  if (event !== 'module') return null;
  const { label, action } = data as ModuleNews;
  return ['loaded', 'on', 'reloaded'].includes(action) ? label : null;
}
