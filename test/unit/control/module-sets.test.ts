import { expect, it } from 'vitest';
import { ApiError } from '../../../src/control/api-error.ts';
import { begunModule, moduleSetter } from '../../../src/control/commands/modules.ts';
import type { FromControlThread } from '../../../src/control/messages.ts';
import { ModuleSets } from '../../../src/control/module-sets.ts';

/** Both sides, with a change service that knows one class. */
function sides() {
  const set: object[] = [];
  const asked: Promise<void>[] = [];
  const change = {
    patchClass: async (path: string, values: object) => {
      if (path !== 'wan/up/a') throw new ApiError(404, 'no-such-class', `no class ${path}`);
      set.push(values);
      return { changes: [], generation: 1, notes: [] };
    },
  };
  const sets = new ModuleSets((request, one) => asked.push(serve({ request, ...one })));
  const serve = moduleSetter(change as never, (message: FromControlThread) => {
    if (message.type === 'set-done') sets.done(message.request, message.refusal);
  });
  return { set, sets };
}

it('a change is made, and one that is refused says why', async () => {
  const { set, sets } = sides();
  await sets.ask({ by: 'm', path: 'wan/up/a', values: { ceil: '8mbit' } });
  expect(set).toEqual([{ ceil: '8mbit' }]);
  await expect(sets.ask({ by: 'm', path: 'wan/up/b', values: {} })).rejects.toThrow('no class wan/up/b');
});

it('a module that asks faster than changes are made is refused', async () => {
  const told: number[] = [];
  const sets = new ModuleSets((request) => told.push(request));
  const change = { by: 'm', path: 'p', values: {} };
  const asked = Array.from({ length: 100 }, () => sets.ask(change));
  await expect(sets.ask(change)).rejects.toThrow('100 changes wait already');
  for (const request of told) sets.done(request, null);
  await Promise.all(asked);
  const next = sets.ask(change);
  sets.done(told.at(-1)!, null);
  await next;
});

it('a life of a module has begun when it was loaded, turned on or reloaded', () => {
  const begun = (action: string) => begunModule('module', { label: 'a', action });
  expect(['loaded', 'on', 'reloaded'].map(begun)).toEqual(['a', 'a', 'a']);
  expect(['off', 'unloaded', 'ejected'].map(begun)).toEqual([null, null, null]);
  expect(begunModule('quota', { label: 'a', action: 'loaded' })).toBeNull();
});
