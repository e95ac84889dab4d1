/** What becomes of modules by commands and by the configuration. */
import { describe, expect, it } from 'vitest';
import type { ModuleAnswer, ModuleReport } from '../../../../src/control/modules.ts';
import type { Itm } from '../../../../src/modules/api/module.ts';
import { useOf, type Written, modulesWorld as world } from './modules-world.ts';

/** A module that writes down what is done with it. */
function diary(label: string, more: Partial<Written> = {}) {
  const calls: string[] = [];
  const itms: Itm[] = [];
  const definition: Written = {
    ...{ label, hooks: ['forward'] },
    create: (itm) => {
      calls.push('create');
      itms.push(itm);
      return {
        stop: () => void calls.push('stop'),
        onQuota: (_, quota, state) => void calls.push(quota, state),
      };
    },
    ...more,
  };
  return { calls, itms, definition };
}

const load = (name: string, more: object = {}) => ({
  ...{ do: 'load' as const, use: name, folder: '/m', priority: null, run: null, options: {} },
  ...more,
});

function reports(answer: ModuleAnswer): readonly ModuleReport[] {
  if (!answer.ok) throw new Error(answer.message);
  return answer.modules;
}

const brief = (answer: ModuleAnswer): string[] =>
  reports(answer).map(({ label, state, priority }) => `${label} ${state} ${priority}`);

describe('commands', () => {
  it('load, off, on, reload and unload', async () => {
    const { manager, files, events, used } = world();
    const { calls, definition } = diary('count');
    files.set('count.ts', definition);
    expect(brief(await manager.answer(load('count.ts', { priority: 5 })))).toEqual(['count on 5']);
    expect(brief(await manager.answer({ do: 'off', name: 'count' }))).toEqual(['count off 5']);
    expect(brief(await manager.answer({ do: 'on', name: 'count' }))).toEqual(['count on 5']);
    expect(brief(await manager.answer({ do: 'reload', name: 'count' }))).toEqual(['count on 5']);
    expect(brief(await manager.answer({ do: 'unload', name: 'count' }))).toEqual(['count on 5']);
    expect(brief(await manager.answer({ do: 'list' }))).toEqual([]);
    expect(calls).toEqual(['create', 'stop', 'create', 'create', 'stop', 'stop']);
    expect(used).toEqual([['count'], [], ['count'], ['count'], []]);
    expect(events).toEqual([
      ...['count loaded', 'count off', 'count on', 'count reloaded', 'count unloaded'],
    ]);
  });

  it('on and off of what is so already change nothing', async () => {
    const { manager, files, events } = world();
    const { calls, definition } = diary('count');
    files.set('count.ts', definition);
    await manager.answer(load('count.ts'));
    await manager.answer({ do: 'on', name: 'count' });
    expect([calls, events]).toEqual([['create'], ['count loaded']]);
  });

  it('a label that is taken gets a number, and packets pass by priority, then as loaded', async () => {
    const { manager, files, used } = world();
    files.set('a.ts', diary('a').definition);
    await manager.answer(load('a.ts'));
    await manager.answer(load('a.ts', { priority: 0 }));
    await manager.answer(load('a.ts'));
    expect(brief(await manager.answer({ do: 'list' }))).toEqual(['a-2 on 0', 'a on 100', 'a-3 on 100']);
    expect(used.at(-1)).toEqual(['a-2', 'a', 'a-3']);
    await manager.answer({ do: 'unload', name: 'a' });
    expect(brief(await manager.answer(load('a.ts')))).toEqual(['a on 100']);
  });

  it('options are read, told, and handed to create()', async () => {
    const { manager, files } = world();
    const seen: object[] = [];
    files.set('o.ts', {
      ...{ label: 'o', hooks: ['input'] },
      options: { rate: { type: 'rate', default: '1mbit', help: 'how fast' } },
      create: (_: Itm, options: object) => {
        seen.push(options);
        return {};
      },
    } as never);
    const [report] = reports(await manager.answer(load('o.ts', { options: { rate: '8mbit' } })));
    expect(seen).toEqual([{ rate: 1e6 }]);
    expect(report!.options).toEqual([
      { name: 'rate', type: 'rate', value: '8mbit', default: '1mbit', help: 'how fast' },
    ]);
    expect(await manager.answer(load('o.ts', { options: { rat: '8mbit' } }))).toMatchObject({
      ...{ ok: false, code: 'invalid', message: expect.stringContaining("did you mean 'rate'?") },
    });
  });

  it.each([
    ['a file that is not there', load('none.ts'), 'there is no such file'],
    ['create() that throws', load('throws.ts'), /^\/m\/throws.ts: create\(\) throws: no luck$/],
    ['create() that returns nothing', load('nothing.ts'), /create\(\) returns no object/],
    ['create() that returns no function', load('wrong.ts'), /create\(\) returns process: 5: a function is/],
    ['a form that it has not', load('a.ts', { run: 'kernel' }), /no kernel-run form/],
    ['a name that nobody has', { do: 'off', name: 'aa' } as const, 'no module aa is loaded'],
  ])('%s is refused, and all is as before', async (_, command, message) => {
    const { manager, files, events } = world();
    const { calls, definition } = diary('a');
    files.set('a.ts', definition);
    const fails = (create: () => never): Written => ({ label: 'f', hooks: ['input'], create });
    files.set('wrong.ts', { label: 'f', hooks: ['input'], create: () => ({ process: 5 as never }) });
    files.set(
      'throws.ts',
      fails(() => {
        throw new Error('no luck');
      }),
    );
    files.set(
      'nothing.ts',
      fails(() => undefined as never),
    );
    await manager.answer(load('a.ts'));
    const answer = await manager.answer(command);
    expect(answer).toMatchObject({ ok: false, message: expect.stringMatching(message) });
    expect(brief(await manager.answer({ do: 'list' }))).toEqual(['a on 100']);
    expect([calls, events]).toEqual([['create'], ['a loaded']]);
  });

  it('a reload that fails leaves the module running', async () => {
    const { manager, files } = world();
    const { calls, definition } = diary('a');
    files.set('a.ts', definition);
    await manager.answer(load('a.ts'));
    files.delete('a.ts');
    const refusal = { ok: false, code: 'invalid', message: '/m/a.ts: there is no such file' };
    const what = 'put the file right and reload it again, or: shaper module unload a';
    expect(await manager.answer({ do: 'reload', name: 'a' })).toEqual({
      ...{ ...refusal, hint: `a goes on as it was: ${what}` },
    });
    expect(calls).toEqual(['create']);
    expect(brief(await manager.answer({ do: 'stat', name: 'a' }))).toEqual(['a on 100']);
    await manager.answer({ do: 'off', name: 'a' });
    expect(await manager.answer({ do: 'reload', name: 'a' })).toEqual({
      ...{ ...refusal, hint: `a stays off: ${what}` },
    });
    // What was read before is enough to turn it on.
    expect(brief(await manager.answer({ do: 'on', name: 'a' }))).toEqual(['a on 100']);
    expect(calls).toEqual(['create', 'stop', 'create']);
  });

  it('a priority that puts a kernel-run module behind a user-run one is refused', async () => {
    const { manager, files } = world();
    files.set('u.ts', diary('u').definition);
    files.set('k.ts', { label: 'k', hooks: ['forward'], kernel: () => ({ forward: ['counter'] }) });
    await manager.answer(load('u.ts', { priority: 10 }));
    expect(await manager.answer(load('k.ts', { priority: 20 }))).toMatchObject({
      ...{ ok: false, code: 'invalid', message: expect.stringContaining('give k 10 or less') },
    });
    expect(brief(await manager.answer(load('k.ts', { priority: 10 })))).toEqual(['k on 10']);
  });
});

describe('ejection', () => {
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('a module is out with its reason; on brings it back, and others go on', async () => {
    const { manager, files, events, stage, used } = world();
    const a = diary('a');
    files.set('a.ts', a.definition);
    files.set('b.ts', diary('b').definition);
    await manager.answer(load('a.ts'));
    await manager.answer(load('b.ts'));
    stage.onEjected('a', 'process() throws: no luck');
    expect(manager.current.entries.map(({ state }) => state)).toEqual(['ejected', 'on']);
    await settled();
    expect(events.at(-1)).toBe('a ejected: process() throws: no luck');
    expect(a.calls).toEqual(['create', 'stop']);
    expect(used.at(-1)).toEqual(['b']);
    expect(manager.warnings).toEqual(['module a was ejected: process() throws: no luck']);
    expect(reports(await manager.answer({ do: 'stat', name: 'a' }))[0]).toMatchObject({
      ...{ state: 'ejected', enabled: true, reason: 'process() throws: no luck' },
    });
    await manager.answer({ do: 'on', name: 'a' });
    expect(brief(await manager.answer({ do: 'list' }))).toEqual(['a on 100', 'b on 100']);
    expect(manager.warnings).toEqual([]);
  });

  it('a module that throws between create() and the rules is out before its first packet', async () => {
    const made = world({
      apply: async (plan) => {
        const draft = plan();
        await made.manager.begin(draft);
        expect(made.manager.alive.map(({ label }) => label)).toEqual(['a']);
        if (draft.entries.some(({ state }) => state === 'on')) made.stage.onEjected('a', 'late');
        made.manager.commit(draft);
      },
    });
    const { manager, files, events, used } = made;
    files.set('a.ts', diary('a').definition);
    expect(brief(await manager.answer(load('a.ts')))).toEqual(['a ejected 100']);
    await settled();
    expect(used[0]).toEqual([]);
    expect(events).toEqual(['a loaded', 'a ejected: late']);
  });

  it('what a module does after its end has no effect', async () => {
    const { manager, files, lines, listeners } = world();
    const { itms, definition } = diary('a');
    files.set('a.ts', definition);
    await manager.answer(load('a.ts'));
    const itm = itms[0]!;
    itm.log.info({ level2: 1 }, 'alive');
    itm.onDevice(() => undefined);
    expect(lines.at(-1)).toEqual({ level: 30, level2: 1, module: 'a', msg: 'alive' });
    itm.log.warn('alone');
    expect(lines.at(-1)).toEqual({ level: 40, module: 'a', msg: 'alone' });
    expect(listeners.size).toBe(1);
    await manager.answer({ do: 'unload', name: 'a' });
    const before = lines.length;
    itm.log.info({}, 'dead');
    itm.onDevice(() => {
      throw new Error('called after its end');
    });
    expect([lines.length, listeners.size]).toEqual([before, 0]);
    // It is never answered, as nobody is there to hear it.
    const answer = itm.classes.set('a', {}).then(() => 'set');
    expect(await Promise.race([answer, new Promise((done) => setImmediate(() => done('nothing')))])).toBe(
      'nothing',
    );
  });
});

describe('the configuration', () => {
  it('another list loads, unloads and switches; what is the same stays', async () => {
    const { manager, files, reads, events, lines } = world();
    const go = async (uses: ReturnType<typeof useOf>[]): Promise<string[]> => {
      const draft = await manager.draft(uses, '/m');
      await manager.begin(draft);
      manager.commit(draft);
      return brief(await manager.answer({ do: 'list' }));
    };
    const a = diary('a');
    files.set('a.ts', a.definition);
    files.set('b.ts', diary('b').definition);
    expect(await go([useOf('a.ts'), useOf('b.ts', { enabled: false })])).toEqual(['a on 100', 'b off 100']);
    expect(lines).toMatchObject([
      { module: 'a', msg: 'module loaded' },
      { module: 'b', msg: 'module loaded, off' },
    ]);
    await manager.answer(load('b.ts', { priority: 7 }));
    expect(await go([useOf('b.ts', { line: 9 }), useOf('a.ts', { line: 12 })])).toEqual([
      ...['b-2 on 7', 'b on 100', 'a on 100'],
    ]);
    expect(a.calls).toEqual(['create']);
    expect(reads).toEqual(['a.ts', 'b.ts', 'b.ts']);
    expect(await go([useOf('a.ts', { priority: 1 })])).toEqual(['a on 1', 'b-2 on 7']);
    expect(a.calls).toEqual(['create', 'create', 'stop']);
    expect(events).toEqual([...['a loaded', 'b loaded', 'b-2 loaded', 'b on', 'b unloaded', 'a reloaded']]);
  });

  it('what was loaded or switched by command goes on when the configuration says the same', async () => {
    const { manager, files, reads, events } = world();
    const go = async (uses: readonly ReturnType<typeof useOf>[]): Promise<string[]> => {
      const draft = await manager.draft(uses, '/m');
      await manager.begin(draft);
      manager.commit(draft);
      return brief(await manager.answer({ do: 'list' }));
    };
    const [a, b] = [diary('a'), diary('b')];
    files.set('a.ts', a.definition);
    files.set('b.ts', {
      ...b.definition,
      options: { n: { type: 'integer', default: 1, help: 'n' } },
    } as never);
    await go([useOf('./a.ts', { enabled: false })]);
    await manager.answer({ do: 'on', name: 'a' });
    await manager.answer(load('./b.ts', { priority: 7, options: { n: '2' } }));
    const { present } = manager;
    expect(present).toEqual([
      useOf('/m/a.ts', { line: 0 }),
      useOf('/m/b.ts', { line: 0, priority: 7, options: { n: '2' } }),
    ]);
    // As after save.
    const before = [a.calls, b.calls, events, reads].map(({ length }) => length);
    expect(await go(present)).toEqual(['b on 7', 'a on 100']);
    expect([a.calls, b.calls, events, reads].map(({ length }) => length)).toEqual(before);
    // Now they are of the configuration, and go with it.
    expect(await go([])).toEqual([]);
    expect(manager.present).toEqual([]);
  });

  it('the same list in another folder means other files', async () => {
    const { manager, files, reads } = world();
    files.set('a.ts', diary('a').definition);
    for (const folder of ['/m', '/m', '/n']) {
      const draft = await manager.draft([useOf('./a.ts')], folder);
      await manager.begin(draft);
      manager.commit(draft);
    }
    expect(reads).toEqual(['a.ts', 'a.ts']);
  });

  it('a list of which one module cannot be read changes nothing', async () => {
    const { manager, files } = world();
    files.set('a.ts', diary('a').definition);
    await expect(manager.draft([useOf('a.ts'), useOf('none.ts', { line: 3 })], '/m')).rejects.toMatchObject({
      message: 'modules, line 3 of the configuration (/m/none.ts): /m/none.ts: there is no such file',
      hint: 'put the file right, or take it out of the configuration',
    });
    expect(manager.current.entries).toEqual([]);
  });
});

it('quotas reach the modules that they name, by file or label', async () => {
  const { manager, files } = world();
  const { calls, definition } = diary('a');
  files.set('a.ts', definition);
  await manager.answer(load('./a.ts'));
  const host = { id: 'h', name: null, addresses: [] };
  const told = { do: 'quota', host, quota: 'q', state: 'limited', only: null } as const;
  await manager.answer({ ...told, name: './a.ts' });
  await manager.answer({ ...told, name: 'a', state: 'ok' });
  expect(calls.splice(0)).toEqual(['create', 'q', 'limited', 'q', 'ok']);
  await manager.answer({ ...told, name: './a.ts', only: 'b' });
  expect(calls).toEqual([]);
  await manager.answer({ ...told, name: './a.ts', only: 'a' });
  expect(calls).toEqual(['q', 'limited']);
  expect(await manager.answer({ ...told, name: 'b' })).toMatchObject({ ok: false, code: 'not-found' });
});

it('all stop with the instance', async () => {
  const { manager, files, used } = world();
  const { calls, definition } = diary('a');
  files.set('a.ts', definition);
  await manager.answer(load('a.ts'));
  manager.stop();
  manager.stop();
  expect([calls, used.at(-1)]).toEqual([['create', 'stop'], []]);
});
