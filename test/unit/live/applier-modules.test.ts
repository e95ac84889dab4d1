/** Modules that come and go with a configuration, and by themselves. */
import { describe, expect, it } from 'vitest';
import { ONE, TWO, world } from './applier-world.ts';
import { useOf } from './modules/modules-world.ts';

const counting = {
  label: 'count',
  hooks: ['forward' as const],
  interest: { proto: 'udp' },
  create: () => ({}),
};

const withModules = (...modules: ReturnType<typeof useOf>[]) => ({ ...ONE, modules });

describe('modules of a configuration', () => {
  it('are in the specification before rules are made, and gone with the next one', async () => {
    const { apply, modules, files, running } = world();
    files.set('count.ts', counting);
    expect(await apply(withModules(useOf('count.ts')))).toMatchObject({ ok: true });
    expect(running.spec.modules).toMatchObject([{ name: 'count', hooks: ['forward'], run: 'user' }]);
    expect(modules.current.entries).toHaveLength(1);
    expect(await apply(ONE)).toMatchObject({ ok: true });
    expect(running.spec.modules).toEqual([]);
  });

  it('that cannot be read refuse the whole configuration', async () => {
    const { apply, steps, running } = world();
    const answer = await apply({ ...TWO, modules: [useOf('none.ts')] });
    expect(answer).toMatchObject({
      ...{ ok: false, code: 'invalid', message: expect.stringContaining('none.ts') },
    });
    expect([steps, running.generation]).toEqual([[], 0]);
  });

  it('that have begun end again if the rules are refused', async () => {
    const { apply, modules, files, fails, running } = world();
    const calls: string[] = [];
    const create = () => {
      calls.push('create');
      return { stop: () => void calls.push('stop') };
    };
    files.set('count.ts', { ...counting, create });
    fails.add('rules: wan0>0 ppp0>1');
    const to = { ...TWO, modules: [useOf('count.ts')] };
    expect(await apply(to)).toMatchObject({ ok: false });
    expect(calls).toEqual(['create', 'stop']);
    expect([modules.current.entries, running.spec.modules]).toEqual([[], []]);
    fails.clear();
    expect(await apply(to)).toMatchObject({ ok: true });
    expect(calls).toEqual(['create', 'stop', 'create']);
  });
});

describe('modules by commands', () => {
  it('change no generation, as clients see no other classes', async () => {
    const { apply, modules, files, running } = world();
    files.set('count.ts', counting);
    const load = {
      do: 'load',
      use: 'count.ts',
      folder: '/',
      priority: null,
      run: null,
      options: {},
    } as const;
    expect(await modules.answer(load)).toMatchObject({
      ok: true,
      modules: [{ label: 'count', state: 'on' }],
    });
    expect([running.generation, running.spec.modules.length]).toEqual([0, 1]);
    await apply(ONE);
    expect(running.spec.modules).toHaveLength(1);
    await modules.answer({ do: 'off', name: 'count' });
    expect(running.spec.modules).toEqual([]);
  });

  it('are refused while the instance starts, and when it stops', async () => {
    const { modules, files, at } = world();
    files.set('count.ts', counting);
    const load = {
      do: 'load',
      use: 'count.ts',
      folder: '/',
      priority: null,
      run: null,
      options: {},
    } as const;
    at.isReady = false;
    expect(await modules.answer(load)).toMatchObject({
      ok: false,
      message: 'the instance is still starting',
    });
    at.isReady = true;
    at.isStopping = true;
    expect(await modules.answer(load)).toMatchObject({ ok: false, message: 'the instance is stopping' });
    expect(modules.current.entries).toEqual([]);
  });
});
