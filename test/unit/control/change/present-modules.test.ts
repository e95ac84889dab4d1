/** What `save` and `diff` say of modules that commands have loaded, switched and unloaded. */
import { describe, expect, it } from 'vitest';
import type { ModuleUse } from '../../../../src/spec/modules.ts';
import { setUp } from './fakes.ts';

const LINKS = 'links: { w: { device: w, up: 1mbit } }\n';

const use = (name: string, more: Partial<ModuleUse> = {}): ModuleUse => ({
  ...{ use: name, run: null, priority: 100, options: {}, enabled: true, line: 0, ...more },
});

/** The file that is saved while these modules are there, and its differences from the file before. */
async function saved(yaml: string, modules: readonly ModuleUse[]) {
  const { service, present, files } = setUp(yaml);
  present.modules = modules;
  const { changes } = await service.diff();
  const { yaml: text } = await service.config();
  // Whoever saves it finds no difference any more.
  files.set('/etc/shaper.yaml', text);
  expect((await service.diff()).changes).toEqual([]);
  return { text, changes };
}

const TWO = `modules:
  # marks
  - { use: qosmod, priority: 10, options: { threshold: 20 } } # early
  - use: ./mine.ts
    options: { to: [a, b] }
${LINKS}`;
const QOSMOD = use('qosmod', { priority: 10, options: { threshold: '20' } });
const MINE = use('/etc/mine.ts', { options: { to: ['a', 'b'] } });

describe('the list of modules', () => {
  it('is that of the file while nothing else is there', async () => {
    expect(await saved(TWO, [QOSMOD, MINE])).toEqual({ text: TWO, changes: [] });
    expect(await saved(LINKS, [])).toEqual({ text: LINKS, changes: [] });
  });

  it('has what was loaded, with its path, priority, options and form', async () => {
    const loaded = use('/m/b.ts', { priority: 7, run: 'kernel', options: { n: '3', on: 'true', to: 'a,b' } });
    const { text, changes } = await saved(TWO, [QOSMOD, MINE, loaded, use('delay')]);
    expect(text).toBe(
      TWO.replace(
        '[a, b] }\n',
        '[ a, b ] }\n' +
          '  - { use: /m/b.ts, run: kernel, priority: 7, options: { n: 3, on: true, to: "a,b" } }\n' +
          '  - { use: delay }\n',
      ),
    );
    expect(changes).toMatchObject([{ path: '', key: 'modules' }]);
    expect(changes[0]!.new).toContain('use: /m/b.ts');
    expect((await saved(LINKS, [use('delay')])).text).toBe(`${LINKS}modules:\n  - { use: delay }\n`);
  });

  it('has those that are off, and keeps the lines of those that stay', async () => {
    const { text } = await saved(TWO, [{ ...QOSMOD, enabled: false }, MINE]);
    expect(text).toContain(
      '  # marks\n  - { use: qosmod, priority: 10, options: { threshold: 20 }, enabled: false } # early\n',
    );
    const off = text.replace('[ a, b ]', '[a, b]');
    expect((await saved(off, [QOSMOD, MINE])).text).toBe(text.replace(', enabled: false', ''));
  });

  it('has no module that was unloaded', async () => {
    const { text } = await saved(TWO, [MINE]);
    expect(text).toContain('  - use: ./mine.ts\n');
    expect(text).not.toContain('qosmod');
    expect((await saved(TWO, [])).text).toBe(LINKS);
  });

  it('may be one map, or entries that are anchors elsewhere', async () => {
    const one = `modules: { use: delay }\n${LINKS}`;
    expect((await saved(one, [use('delay'), use('loss')])).text).toBe(
      `modules:\n  - { use: delay }\n  - { use: loss }\n${LINKS}`,
    );
    const twice = `modules:\n  - &d { use: delay }\n  - *d\n${LINKS}`;
    expect((await saved(twice, [use('delay', { enabled: false }), use('delay')])).text).toBe(
      `modules:\n  - { use: delay, enabled: false }\n  - { use: delay }\n${LINKS}`,
    );
  });

  it('knows files that only a quota names: they need no entry, unless there is something to say', async () => {
    const yaml = `${LINKS}history: { file: none }
quotas: { q: { windows: { over: 1h, up: 1MB }, then: [ { module: ./punish.ts } ] } }
`;
    const punish = use('/etc/punish.ts');
    expect((await saved(yaml, [punish])).text).toBe(yaml);
    expect((await saved(yaml, [{ ...punish, enabled: false }])).text).toContain(
      'modules:\n  - { use: ./punish.ts, enabled: false }\n',
    );
    expect((await saved(yaml, [punish, use('delay')])).text).toContain(
      'modules:\n  - { use: ./punish.ts }\n  - { use: delay }\n',
    );
    // Loaded anew, with an option.
    expect((await saved(yaml, [{ ...punish, options: { n: '2' } }])).text).toContain(
      'modules:\n  - { use: ./punish.ts, options: { n: 2 } }\n',
    );
  });
});
