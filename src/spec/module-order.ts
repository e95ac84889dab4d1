/** In which order packets pass modules. */
import type { ModuleSpec } from './modules.ts';

/** Kernel-run ones, then user-run ones; in each of both by priority, and then as they come. */
export function inOrder<M extends Pick<ModuleSpec, 'run' | 'priority'>>(modules: readonly M[]): M[] {
  const stage = ({ run }: M): number => (run === 'kernel' ? 0 : 1);
  return [...modules].sort((a, b) => stage(a) - stage(b) || a.priority - b.priority);
}

export interface OrderFault {
  /** The kernel-run module. */
  readonly name: string;
  readonly message: string;
}

/**
 * Kernel-run modules whose priority puts them behind a user-run module of one of their hooks, where they
 * cannot be.
 */
export function orderFaults(
  modules: readonly Pick<ModuleSpec, 'name' | 'run' | 'priority' | 'hooks'>[],
): OrderFault[] {
  return modules.flatMap(({ name, run, priority, hooks }) => {
    if (run !== 'kernel') return [];
    const common = (other: Pick<ModuleSpec, 'hooks'>) => other.hooks.find((hook) => hooks.includes(hook));
    const before = modules.find(
      (other) => other.run === 'user' && other.priority < priority && common(other) !== undefined,
    );
    if (before === undefined) return [];
    const message =
      `${name} has priority ${priority} and runs in the kernel, so at ${common(before)} it comes before ${before.name}, ` +
      `which runs in user space and has ${before.priority}; give ${name} ${before.priority} or less, or run: user`;
    return [{ name, message }];
  });
}
