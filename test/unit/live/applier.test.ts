/** The order of a change, and what comes of a step that fails. */
import { describe, expect, it } from 'vitest';
import type { LoadedConfig } from '../../../src/config/config.ts';
import type { Field, Section } from '../../../src/config/fields/kinds.ts';
import { SECTIONS } from '../../../src/config/fields/sections.ts';
import { addedDirections } from '../../../src/live/applier.ts';
import { ChangeRefusedError } from '../../../src/spec/edit.ts';
import { config, ONE, TWO, UP, world } from './applier-world.ts';
import { useOf } from './modules/modules-world.ts';

const refusal = (code: string, more: object) => ({ ok: false, code, ...more });

describe('a change', () => {
  it('of classes alone is a step of the engine', async () => {
    const { apply, steps, running } = world();
    const faster = config(
      `links: { wan: { device: wan0, up: 20mbit } }\nnfqueue: { count: 1 }\nlog: { level: debug }`,
    );
    expect(await apply(faster)).toEqual({ ok: true, generation: 1, notes: [] });
    expect(steps).toEqual(['applied, level debug']);
    expect(running.spec.links[0]!.up!.rateBytesPerSec).toBe(2_500_000);
  });

  it('by which packets are shaped as before begins a generation, and the engine hears nothing', async () => {
    const { apply, steps, running } = world();
    const before = running.spec;
    expect(await apply(ONE, true)).toEqual({ ok: true, generation: 1, notes: [] });
    expect(running.spec).toBe(before);
    expect(steps).toEqual(['applied, level info']);
  });

  it('of links and NFQUEUEs opens, makes rules, changes the engine and tidies up, and back', async () => {
    const { apply, steps, paths } = world();
    expect(await apply(TWO)).toEqual({ ok: true, generation: 1, notes: [] });
    const up = [
      ...['uses 2', 'NFQUEUEs: - -, 2 of 32768', 'rules: wan0>0 ppp0>1'],
      ...['NFQUEUEs: - -, 2 of 32768', 'rules finished', 'uses 2'],
    ];
    expect(steps.splice(0)).toEqual([...up, 'applied, level info, new plan']);
    expect(paths()).toContain('dsl/down');
    expect(await apply(ONE)).toEqual({ ok: true, generation: 2, notes: [] });
    expect(steps).toEqual([
      ...['uses 2', 'NFQUEUEs: - -, 2 of 32768', 'rules: wan0>0', 'NFQUEUEs: -, 1 of 32768'],
      ...['rules finished', 'uses 1', 'applied, level info, new plan'],
    ]);
    expect(paths()).not.toContain('dsl/down');
  });

  it('packets of new NFQUEUEs may come before the engine knows the new classes', async () => {
    const { apply, at, engine, paths } = world();
    const seen: unknown[] = [];
    at.beforeRules = () => seen.push(engine.told.plan.copyBytes.length, paths().includes('dsl/down'));
    await apply(TWO);
    expect(seen).toEqual([2, false]);
  });

  it('has superpackets come only while no slow class may get them', async () => {
    const fast = config('links: { wan: { device: wan0, up: 10gbit } }\nnfqueue: { count: 1 }');
    const { apply, steps } = world(fast);
    await apply(ONE);
    expect(steps.filter((line) => line.startsWith('NFQ'))).toEqual([
      ...['NFQUEUEs: -, 1 of 32768', 'NFQUEUEs: -, 1 of 32768'],
    ]);
    steps.splice(0);
    await apply(fast);
    expect(steps.filter((line) => line.startsWith('NFQ'))).toEqual([
      ...['NFQUEUEs: -, 1 of 32768', 'NFQUEUEs: gso, 1 of 32768'],
    ]);
  });

  it.each([
    ['NFQUEUEs: - -, 2 of 32768', ['NFQUEUEs: - -, 2 of 32768', 'NFQUEUEs: -, 1 of 32768']],
    [
      'rules: wan0>0 ppp0>1',
      ['NFQUEUEs: - -, 2 of 32768', 'rules: wan0>0 ppp0>1', 'NFQUEUEs: -, 1 of 32768'],
    ],
  ])('goes back if this fails: %s', async (step, taken) => {
    const { apply, steps, fails, paths, running } = world();
    fails.add(step);
    const answer = await apply(TWO);
    expect(answer).toEqual(refusal('failed', { where: '', message: `${step} failed`, hint: 'a hint' }));
    expect(steps).toEqual(['uses 2', ...taken, 'uses 1']);
    expect(paths()).not.toContain('dsl/down');
    expect(running.generation).toBe(0);
    fails.clear();
    expect(await apply(TWO)).toEqual({ ok: true, generation: 1, notes: [] });
  });

  it('goes back if the engine refuses when the rules have changed', async () => {
    const { apply, steps, at, running } = world();
    at.beforeRules = () => {
      running.applySpec = () => {
        throw new ChangeRefusedError('wan', 'too late', 'restart');
      };
    };
    expect(await apply(TWO)).toEqual(
      refusal('restart', { where: 'wan', message: 'too late', hint: 'restart' }),
    );
    expect(steps).toEqual([
      ...['uses 2', 'NFQUEUEs: - -, 2 of 32768', 'rules: wan0>0 ppp0>1', 'rules undone'],
      ...['NFQUEUEs: -, 1 of 32768', 'uses 1'],
    ]);
  });

  it('goes back if a device cannot be shaped, before anything changes', async () => {
    const { apply, steps } = world();
    const none = config('links: { x: { device: none, up: 1mbit } }');
    expect(await apply(none)).toEqual(
      refusal('failed', {
        where: '',
        message: 'device none of link x does not exist',
        hint: 'devices here: wan0',
      }),
    );
    expect(steps).toEqual([]);
  });

  it('ends where the stop begins', async () => {
    const { apply, steps, at, paths } = world();
    at.beforeRules = () => {
      at.isStopping = true;
    };
    expect(await apply(TWO)).toMatchObject(refusal('stopping', { message: 'the instance is stopping' }));
    expect(steps).toEqual(['uses 2', 'NFQUEUEs: - -, 2 of 32768', 'rules: wan0>0 ppp0>1', 'uses 2']);
    expect(paths()).not.toContain('dsl/down');
    expect(await apply(ONE)).toMatchObject(refusal('stopping', {}));
  });

  it('waits for the one before it', async () => {
    const { apply, paths } = world();
    const answers = await Promise.all([apply(TWO), apply(ONE), apply(TWO)]);
    expect(answers.map((answer) => answer.ok && answer.generation)).toEqual([1, 2, 3]);
    expect(paths()).toContain('dsl/down');
  });

  it('is refused while the instance starts', async () => {
    const { apply, at } = world();
    at.isReady = false;
    expect(await apply(TWO)).toMatchObject(refusal('failed', { message: 'the instance is still starting' }));
  });
});

describe('pacing where the kernel refuses edited packets', () => {
  const paced = config(
    'links: { wan: { device: wan0, up: { rate: 10mbit, tcp: { pace: true } } } }\nnfqueue: { count: 1 }',
  );
  const note = expect.stringMatching(/^tcp\.pace is off in wan\/up: /);

  it('is accepted and not done, and both answer and log say so', async () => {
    const { apply, steps, running } = world(ONE, { outcome: 'refused' });
    expect(await apply(paced)).toEqual({ ok: true, generation: 1, notes: [note] });
    expect(running.spec.links[0]!.up!.pace).toBeNull();
    // No rule for the other direction, and no longer copies.
    expect(steps).toEqual([
      'applied, level info',
      expect.stringMatching(/^warning: tcp\.pace is off in wan\/up: /),
    ]);
    expect(await apply(ONE)).toEqual({ ok: true, generation: 2, notes: [] });
  });

  it('is done where the kernel takes them', async () => {
    const { apply, running } = world();
    expect(await apply(paced)).toEqual({ ok: true, generation: 1, notes: [] });
    expect(running.spec.links[0]!.up!.pace).not.toBeNull();
  });
});

describe('what needs another start', () => {
  const text = (nfqueue: string, links = `wan: { device: wan0, ${UP} }`, more = ''): LoadedConfig =>
    config(`links: { ${links} }\nnfqueue: { ${nfqueue} }\n${more}`);
  const marks = `wan: { device: wan0, up: { rate: 1mbit, classes: { a: { match: { mark: 0x1000000/0xff000000 } } } } }`;
  const points = (from: number, count: number): string => {
    const classes = Array.from(
      { length: count },
      (_, i) => `c${i}: { match: { dport: ${i + 1} }, remark: ${from + i} }`,
    );
    return `wan: { device: wan0, up: { rate: 10mbit, classes: { ${classes.join(', ')} } } }`;
  };

  it.each([
    ['nfqueue.first', 'first queue cannot become 500', text('first: 500')],
    ['nfqueue.mark', 'other bits of the mark', text('mark: 0xff')],
    ['nfqueue.backend', 'packets are queued by rules of nft', text('backend: iptables')],
    ['control.socket', 'commands reach it at', text('', undefined, 'control: { socket: /run/other.sock }')],
    ['control.group', 'the socket is for', text('', undefined, 'control: { group: staff }')],
    ['match.mark', 'uses these bits of the mark itself', text('', marks)],
  ])('is refused: %s, %s', async (where, reason, to) => {
    const { apply, steps } = world();
    expect(await apply(to)).toMatchObject(
      refusal('restart', { where, message: expect.stringContaining(reason) }),
    );
    expect(steps).toEqual([]);
  });

  const others: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    nfqueue: {
      ...{ first: '500', count: '2', length: '10', bypass: 'false' },
      ...{ gso: 'false', backend: 'iptables', mark: '0xff' },
    },
    control: { socket: '/run/other.sock', group: 'staff' },
    log: { level: 'debug' },
    exempt: { ports: '[]', share: '1%' },
    link: { device: 'ppp0', wait: 'true', overhead: '20', up: '5mbit', down: '5mbit', both: '5mbit' },
    overhead: { bytes: '20', mpu: '64', framing: 'atm' },
  };
  const written = (section: string, key: string, value: string): string => {
    const device = key === 'device' ? '' : 'device: wan0, ';
    const up = key === 'up' || key === 'both' ? '' : 'up: 1mbit, ';
    if (section === 'link') return `links: { wan: { ${device}${up}${key}: ${value} } }`;
    if (section === 'overhead') return written('link', 'overhead', `{ ${key}: ${value} }`);
    const map = `{ ${key}: ${value} }`;
    const whole = section === 'exempt' ? `local: { exempt: ${map} }` : `${section}: ${map}`;
    return `links: { wan: { device: wan0, up: 1mbit } }\n${whole}`;
  };
  const changes = Object.entries(others).flatMap(([section, values]) =>
    Object.entries<Field>(SECTIONS[section as keyof typeof SECTIONS]).flatMap(([key, field]) =>
      field.shape === 'refused' ? [] : [[section, key, field.change, values[key]] as const],
    ),
  );

  it.each(changes)('is what the table of fields says: %s, %s: %s', async (section, key, change, value) => {
    const { apply } = world(config('links: { wan: { device: wan0, up: 1mbit } }'));
    const answer = await apply(config(written(section, key, value!)));
    expect(answer).toMatchObject(
      change === 'restart' ? refusal('restart', { where: `${section}.${key}` }) : { ok: true },
    );
  });

  it('is the file of history, and nothing else of history', async () => {
    const links = 'links: { wan: { device: wan0, up: 1mbit } }';
    const { apply } = world(config(`${links}\nhistory: { file: /x.db }`));
    const refused = await apply(config(`${links}\nhistory: { file: /y.db }`));
    expect(refused).toMatchObject(refusal('restart', { where: 'history.file' }));
    const more = 'history: { file: /x.db, flush: 5s, keep: [1m for 1h] }';
    expect(await apply(config(`${links}\n${more}`))).toMatchObject({ ok: true });
  });

  it('is no key of a class', () => {
    for (const [section, fields] of Object.entries<Section>(SECTIONS)) {
      if (section in others || ['top', 'local', 'history'].includes(section)) continue;
      for (const [key, field] of Object.entries(fields))
        expect(field.shape === 'refused' || field.change, `${section}.${key}`).not.toBe('restart');
    }
  });

  it('more code points in all than a verdict can name', async () => {
    const { apply, steps } = world(text('', points(0, 15)));
    expect(await apply(text('', points(1, 15)))).toMatchObject(refusal('restart', { where: 'remark' }));
    expect(steps).toEqual([]);
    expect(await apply(text('', points(1, 14)))).toMatchObject({ ok: true });
    expect(await apply(text('', points(1, 15)))).toMatchObject({ ok: true });
  });

  it('superpackets beside slow classes come with the next start unless connections are tracked', async () => {
    const mixed = text(
      'count: 2',
      'wan: { device: wan0, up: { rate: 10gbit, classes: { a: { match: { dport: 1 }, ceil: 1mbit } } } }',
    );
    const { apply, steps, at } = world();
    expect(await apply(mixed)).toMatchObject({ ok: true });
    expect(steps).toContainEqual(expect.stringContaining('get no superpackets before the next start'));
    expect(steps.filter((line) => line.includes('gso'))).toEqual([]);
    at.tracks = true;
    steps.splice(0);
    expect(await apply(mixed)).toMatchObject({ ok: true });
    expect(steps.filter((line) => line.includes('gso'))).toEqual(['NFQUEUEs: - gso, 2 of 32768']);
  });

  it('answers of connections that are not paced are left alone from the next start on, unless they are tracked', async () => {
    const paced = text(
      'count: 1',
      'wan: { device: wan0, up: { rate: 1mbit, classes: { a: { match: { dport: 25 }, tcp: { pace: true } } } } }',
    );
    const { apply, steps, at, request } = world();
    const half = () => request().plan.directions.find(({ isHalf }) => isHalf);
    expect(await apply(paced)).toMatchObject({ ok: true });
    expect(half()).toMatchObject({ direction: 'down', isHalf: true });
    expect(half()!.isByMark).toBeUndefined();
    expect(steps).toContainEqual(expect.stringContaining('not paced come here beside those to paced ones'));
    at.tracks = true;
    expect(await apply(paced)).toMatchObject({ ok: true });
    expect(half()!.isByMark).toBe(true);
  });

  describe('modules', () => {
    const on = (loaded: LoadedConfig, names: readonly string[] = ['a']): LoadedConfig => {
      const modules = names.map((name) => ({
        ...{ name, run: 'user' as const, priority: 100, hooks: ['forward' as const], interest: null },
        ...{ payload: false, kernelRules: {} },
      }));
      const uses = names.map((name) => useOf(name));
      return { ...loaded, modules: uses, spec: { ...loaded.spec, modules } };
    };
    const nfqueues = (steps: readonly string[]) => steps.filter((line) => !line.startsWith('applied'));

    it('have their NFQUEUE before rules send packets there, and it closes last', async () => {
      const { apply, steps, request } = world(ONE);
      expect(await apply(on(ONE))).toMatchObject({ ok: true });
      expect(request().plan.moduleNfqueue).toBe(1);
      expect(nfqueues(steps.splice(0))).toEqual([
        ...['uses 2', 'NFQUEUEs: - -, 2 of 32768', 'rules: wan0>0'],
        ...['NFQUEUEs: - -, 2 of 32768', 'rules finished', 'uses 2'],
      ]);
      expect(await apply(ONE)).toMatchObject({ ok: true });
      expect(request().plan.moduleNfqueue).toBeNull();
      expect(nfqueues(steps)).toEqual([
        ...['uses 2', 'NFQUEUEs: - -, 2 of 32768', 'rules: wan0>0', 'NFQUEUEs: -, 1 of 32768'],
        ...['rules finished', 'uses 1'],
      ]);
    });

    it('may show packets before the engine knows the change', async () => {
      const { apply, at, engine } = world(ONE);
      const seen: unknown[] = [];
      at.beforeRules = () => seen.push(engine.told.plan.moduleNfqueue);
      for (const to of [on(ONE), ONE]) await apply(to);
      expect(seen).toEqual([1, 1]);
      expect(engine.told.plan.moduleNfqueue).toBeNull();
    });

    it('keep the number of NFQUEUEs, which would move theirs', async () => {
      const { apply, steps } = world(on(ONE));
      const two = on(config(`links: { wan: { device: wan0, up: 10mbit } }\nnfqueue: { count: 2 }`));
      expect(await apply(two)).toMatchObject(refusal('restart', { where: 'nfqueue.count' }));
      expect(steps).toEqual([]);
    });
  });

  describe('copies of whole packets', () => {
    const paced = text('count: 1', 'wan: { device: wan0, up: { rate: 10mbit, tcp: { pace: true } } }');
    const plain = text('count: 1', 'wan: { device: wan0, up: { rate: 10mbit } }');
    it('go and come back with pacing', async () => {
      const { apply, request } = world(paced);
      const { copyBytes } = request().plan;
      await apply(plain);
      expect(request().plan.copyBytes).not.toEqual(copyBytes);
      await apply(paced);
      expect(request().plan.copyBytes).toEqual(copyBytes);
    });

    it('come late as well', async () => {
      const { apply, steps, request } = world(plain);
      expect(request().plan.copyBytes).toEqual([128]);
      expect(await apply(paced)).toMatchObject({ ok: true });
      expect(request().plan.copyBytes).toEqual([65531]);
      expect(steps.filter((line) => line.startsWith('warning'))).toEqual([]);
    });
  });
});

it('only directions of devices that were not shaped before are looked at', () => {
  const links = (text: string) => config(`links: { ${text} }`).spec;
  const before = links('a: { device: wan0, up: 1mbit }, b: { device: lan0, both: 1mbit }');
  const after = links(
    'c: { device: wan0, both: 1mbit }, b: { device: lan0, up: 1mbit }, d: { device: x, up: 1mbit }',
  );
  expect(
    addedDirections(before, after).map(({ name, up, down }) => [name, up !== null, down !== null]),
  ).toEqual([
    ['c', false, true],
    ['d', true, false],
  ]);
});
