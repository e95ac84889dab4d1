/** The classes as a module reaches them: counters at once, changes by the way of `shaper set`. */
import type { ModuleSet } from '../../control/messages.ts';
import { ClassCounterReader, type CountedClasses } from '../../core/class-counters.ts';
import type { Classes } from '../../modules/api/module.ts';

/** `set` rejects with the error that `shaper set` would print. */
export function classesFor(
  counted: CountedClasses,
  set: (change: ModuleSet) => Promise<void>,
): (label: string) => Classes {
  const reader = new ClassCounterReader(counted);
  return (label) => ({
    get: (path) => reader.get(path),
    set: async (path, values) => {
      for (const [key, value] of Object.entries(values))
        if (!['string', 'number', 'boolean'].includes(typeof value))
          throw new TypeError(`${path} ${key}: text, a number, true or false is expected`);
      await set({ by: label, path, values: { ...values } });
    },
  });
}
