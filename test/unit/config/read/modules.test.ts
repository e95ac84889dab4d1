import { describe, expect, it } from 'vitest';
import { load, problemsOf } from '../helpers.ts';

const fileWith = (modules: string): string =>
  `links: { w: { device: e, up: 9mbit } }\nmodules:${modules.startsWith('\n') ? '' : ' '}${modules}\n`;

describe('modules', () => {
  it('in the order of the file, with what they have by default', () => {
    const { modules, modulePlaces, spec } = load(
      fileWith(
        '\n  - { use: qosmod, run: kernel, priority: 10, options: { threshold: 0x10, on: true }, enabled: false }\n  - use: ./mine.ts\n    options:\n      hosts: [10.0.0.1, nas]\n      rate: 8mbit',
      ),
    );
    expect(modules).toEqual([
      {
        ...{ use: 'qosmod', run: 'kernel', priority: 10, enabled: false, line: 3 },
        options: { threshold: '0x10', on: 'true' },
      },
      {
        ...{ use: './mine.ts', run: null, priority: 100, enabled: true, line: 4 },
        options: { hosts: ['10.0.0.1', 'nas'], rate: '8mbit' },
      },
    ]);
    expect(modulePlaces[1]).toEqual({
      ...{ use: { line: 4, column: 10 }, run: { line: 4, column: 5 }, priority: { line: 4, column: 5 } },
      options: { hosts: { line: 6, column: 14 }, rate: { line: 7, column: 13 } },
    });
    // They are part of the specification when their own files were read.
    expect(spec.modules).toEqual([]);
  });

  it('a file that a quota names is one more', () => {
    const quota = (module: string) =>
      `quotas: { q: { windows: { over: 4h, up: 5GB }, then: [{ module: ${module} }] } }`;
    const one = load(`${fileWith('[{ use: delay }]')}${quota('./punish.ts')}`);
    expect(one.modules.map(({ use, line, priority }) => [use, line, priority])).toEqual([
      ['delay', 2, 100],
      ['./punish.ts', 3, 100],
    ]);
    expect(one.modulePlaces[1]!.use).toEqual({ line: 3, column: 65 });
    const modulesOf = (module: string) =>
      load(`${fileWith('[{ use: ./punish.ts }, { use: delay }]')}${quota(module)}`).modules;
    for (const module of ['./punish.ts', 'delay', 'punish']) expect(modulesOf(module)).toHaveLength(2);
  });

  it('one of them without a list, or none', () => {
    expect(load(fileWith('{ use: delay }')).modules).toHaveLength(1);
    expect(load(fileWith('[]')).modules).toEqual([]);
    expect(load('links: { w: { device: e, up: 9mbit } }').modules).toEqual([]);
  });

  it.each([
    ['[{ priority: 5 }]', '2:11 a module needs use: a built-in name, a file ./NAME.ts, or a package'],
    ['[{ use: a, priority: 1001 }]', "2:31 priority: '1001' is not a whole number from 0 to 1000"],
    ['[{ use: a, run: both }]', "2:26 run: 'both' is not one of: user, kernel"],
    ['[{ use: a, options: 5 }]', "2:30 options must be a map (key: value), not '5'"],
    ['[{ use: "" }]', "2:18 use: '' names no module; write a built-in name, ./FILE.ts, or a package"],
    ['[{ use: a, options: { x: 1, x: 2 } }]', '2:38 this key is here twice'],
    ['[a]', '2:11 a module is a map; write - use: a'],
    ['qosmod', '2:10 a module is a map; write - use: qosmod'],
    ['[[a]]', '2:11 a module must be a map (key: value), not a list'],
    [
      `[${Array(101).fill('{ use: a }').join()}]`,
      '2:10 modules: 101 are more than the 100 that are possible',
    ],
  ])('%s', (text, problem) => expect(problemsOf(fileWith(text))).toContain(problem));
});
