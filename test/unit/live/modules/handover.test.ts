/** What a start is told by the one before, which a module made hang. */
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { blameOf, type Handover, type Resume, takeResume } from '../../../../src/live/modules/handover.ts';
import { Restarts } from '../../../../src/live/modules/restarts.ts';
import { takeOver } from '../../../../src/live/modules/take-over.ts';
import { modulesWorld, useOf } from './modules-world.ts';

const CONFIG = { text: 'links: {}', file: '/m/x.yaml' };
const load = (name: string) => ({
  ...{ do: 'load' as const, use: name, folder: '/m', priority: null, run: null, options: {} },
});

describe('the variable', () => {
  const take = (told: string | undefined, text: string | null = null) => {
    const environment: NodeJS.ProcessEnv = told === undefined ? {} : { SHAPER_RESUME: told };
    const resume = takeResume(environment, 7, () => text);
    expect(environment).toEqual({});
    return resume;
  };

  it('is read once, and only by the process that it is for', () => {
    expect(take(undefined)).toBeNull();
    expect(take('8 19 sleeps 510 2 15')).toBeNull();
    expect(take('no such thing')).toBeNull();
    expect(take('7 19 sleeps 510 2 15', JSON.stringify({ config: CONFIG }))).toEqual({
      ...{ isAsleep: true, stillMs: 510, owner: 2, signal: 'SIGTERM' },
      handover: { config: CONFIG },
    });
  });

  it('may come without a text', () => {
    expect(take('7 -1 computes 510 0 0', '{}')).toMatchObject({
      isAsleep: false,
      signal: null,
      handover: null,
    });
  });
});

/** An instance with these modules, of which the first two are files; as it would hand them on. */
async function handoverOf(): Promise<{
  handover: Handover;
  files: ReturnType<typeof modulesWorld>['files'];
}> {
  const { manager, files } = modulesWorld();
  for (const label of ['a', 'b']) files.set(`${label}.ts`, { label, hooks: ['forward'], create: () => ({}) });
  files.set('delay', { label: 'delay', about: 'waits', hooks: ['output'], create: () => ({}) });
  const draft = await manager.draft([useOf('./a.ts', { priority: 5 })], '/m');
  await manager.begin(draft);
  manager.commit(draft);
  for (const name of ['b.ts', 'delay']) await manager.answer(load(name));
  let text = '';
  const guard = { owners: ['', 'a', 'b'], onOwner: () => {}, arm: (one: string) => (text = one) };
  const restarts = new Restarts(guard as never, CONFIG);
  restarts.entries = () => manager.current.entries;
  restarts.reads('delay');
  restarts.begin();
  expect(text).toBe('');
  restarts.reads('./a.ts');
  return { handover: JSON.parse(text) as Handover, files };
}

const resumeOf = (handover: Handover | null, more: Partial<Resume> = {}): Resume => ({
  ...{ isAsleep: false, stillMs: 510, owner: 0, signal: null, handover },
  ...more,
});

describe('blame', () => {
  it('is for the module whose function ran', async () => {
    const { handover } = await handoverOf();
    expect(blameOf(resumeOf(handover, { owner: 2, isAsleep: true }), handover)).toEqual({
      leftOut: ['b'],
      reason: 'it waited for 510 ms in a call that blocks',
    });
  });

  it('else for the only module with a text of its own, or for all of them', async () => {
    const { handover } = await handoverOf();
    const both = blameOf(resumeOf(handover), handover);
    expect(both.leftOut).toEqual(['a', 'b']);
    expect(both.reason).toMatch(/^one of a, b computed for 510 ms.*nobody knows which$/);
    const without = (label: string) => handover.modules.filter((module) => module.label !== label);
    expect(blameOf(resumeOf(handover), { ...handover, modules: without('a') }).leftOut).toEqual(['b']);
    const gone = blameOf(resumeOf(handover), { ...handover, modules: [] });
    expect(gone).toMatchObject({ leftOut: [], reason: expect.stringMatching(/^a module that has gone/) });
  });
});

describe('the next start', () => {
  const begin = async (
    resume: Resume,
    prepare: (world: ReturnType<typeof modulesWorld>) => void = () => {},
  ) => {
    const world = modulesWorld();
    prepare(world);
    const lines: { module?: string; msg: string }[] = [];
    const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const uses = await takeOver(world.manager, resume, [useOf('./a.ts', { priority: 5 })], logger);
    world.manager.start(await world.manager.draft(uses, '/m'), true);
    const told = lines.map(({ module, msg }) => `${module ?? ''}: ${msg.slice(0, 15)}`);
    const answer = await world.manager.answer({ do: 'list' });
    const list = answer.ok ? answer.modules : [];
    return { ...world, told, list, states: list.map(({ label, state }) => `${label} ${state}`) };
  };

  it('has all modules but the guilty one, whose file is read when somebody wants it back', async () => {
    const { handover, files } = await handoverOf();
    const world = await begin(resumeOf(handover, { owner: 1 }), (one) => {
      for (const [name, file] of files) one.files.set(name, file);
    });
    expect(world.states).toEqual(['a ejected', 'b on', 'delay on']);
    expect(world.list[0]).toMatchObject({
      priority: 5,
      hooks: ['forward'],
      source: '/m/a.ts',
      enabled: true,
    });
    expect(world.reads).toEqual(['b.ts', 'delay']);
    expect(world.told).toEqual([': the program has', 'a: module ejected:']);
    expect(world.manager.warnings).toEqual([expect.stringMatching(/^module a was ejected: it computed/)]);
    // A reload of the same configuration leaves it as it is, and so does off.
    const again = await world.manager.draft([useOf('./a.ts', { priority: 5 }), useOf('delay')], '/m');
    expect(again.entries.map(({ label, state }) => `${label} ${state}`)).toContain('a ejected');
    await world.manager.answer({ do: 'off', name: 'a' });
    const on = await world.manager.answer({ do: 'on', name: 'a' });
    expect(on).toMatchObject({ ok: true, modules: [{ label: 'a', state: 'on' }] });
  });

  it('leaves out what cannot be loaded or created any more, and starts', async () => {
    const { handover } = await handoverOf();
    const world = await begin(resumeOf(handover, { owner: 1 }), ({ files }) => {
      files.set('delay', {
        ...{ label: 'delay', hooks: ['output'] },
        create: () => {
          throw new Error('no luck');
        },
      });
    });
    expect(world.states).toEqual(['a ejected', 'b ejected', 'delay ejected']);
    expect(world.list[1]!.reason).toMatch(/could not be loaded again/);
    expect(world.list[2]!.reason).toMatch(/no luck/);
  });

  it('without a text has nothing but what the file says, and no text of others', async () => {
    const world = await begin(resumeOf(null));
    expect(world.states).toEqual([]);
    expect(world.told).toEqual([': a module hung; ']);
  });

  it('keeps what was ejected before, and what was off', async () => {
    const { handover, files } = await handoverOf();
    const modules = handover.modules.map((module) =>
      module.label === 'a' ? { ...module, enabled: false, state: 'off' as const, isSuspect: false } : module,
    );
    const ejected = { ...modules[1]!, isSuspect: false, state: 'ejected' as const, reason: 'no luck' };
    const told = { ...handover, modules: [modules[0]!, ejected, modules[2]!] };
    const world = await begin(resumeOf(told, { owner: 9 }), (one) => {
      for (const [name, file] of files) one.files.set(name, file);
    });
    expect(world.states).toEqual(['a off', 'b ejected', 'delay on']);
    expect(world.list[1]!.reason).toBe('no luck');
  });
});

it('a module is a suspect while it lives, and if its text is none of ours', async () => {
  const { handover } = await handoverOf();
  expect(handover.modules.map(({ label, isSuspect }) => [label, isSuspect])).toEqual([
    ['a', true],
    ['b', true],
    ['delay', false],
  ]);
});
