/** `simulate` with modules: of the command line and of the configuration. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { readModuleWords } from '../../../src/cli/simulate/modules.ts';
import { findAddon } from '../../../src/io/nfqueue/addon.ts';
import { filesWith, shaper } from './helpers.ts';

const LINKS = 'links: { wan: { device: nodevice0, up: 9mbit, down: 20mbit } }\n';
const HEAD = `import { ACCEPT, DROP, defineModule } from 'nfqueue-shaper/module';`;
const files = filesWith({
  'plain.yaml': LINKS,
  'with.yaml': `${LINKS}modules: [{ use: ./nth.ts, priority: 5, options: { nth: 20 } }, { use: ./nth.ts, enabled: false }]\n`,
  'kernel.yaml': `${LINKS}modules: [{ use: ./rules.ts, run: kernel }, { use: ./only.ts }]\n`,
  'nth.ts': `${HEAD}
    export default defineModule<{ nth: number }>({
      label: 'nth', hooks: ['forward'], options: { nth: { type: 'integer', default: 10, help: 'each so many is dropped' } },
      create: (itm, { nth }) => {
        let n = 0;
        itm.log.info({ nth }, 'begins');
        itm.every(1000, () => void itm.classes.set('wan/up', { rate: '5mbit' }).catch((e) => itm.log.error({}, e.message)));
        return { process: () => (++n % nth === 0 ? DROP : ACCEPT) };
      },
    });`,
  'wrong.ts': `${HEAD}
    export default defineModule({ label: 'wrong', hooks: ['forward'], create: (itm) => {
      itm.every(1000, () => void itm.classes.set('wan/up', { rte: '5mbit' }).catch((e) => itm.log.error({}, e.message)));
      let n = 0;
      return { process() { if (++n === 50) throw new Error('fifty'); return ACCEPT; } };
    } });`,
  'create.ts': `${HEAD}\nexport default defineModule({ label: 'c', hooks: ['forward'],\n  create() { throw new Error('not here'); } });`,
  'loops.ts': `${HEAD}
    export default defineModule({ label: 'loops', hooks: ['forward'], create: () => {
      let n = 0;
      return { process() { if (++n === 50) for (;;); return ACCEPT; } };
    } });`,
  'made-endless.ts': `${HEAD}\nexport default defineModule({ label: 'm', hooks: ['forward'], create() { for (;;); } });`,
  'rejects.ts': `${HEAD}
    export default defineModule({ label: 'rejects', hooks: ['forward'], create: () => {
      let n = 0;
      return { process() {
        if (++n === 50) void Promise.reject(new Error('fifty'));
        return ACCEPT;
      } };
    } });`,
  'late.ts': `${HEAD}
    export default defineModule({ label: 'late', hooks: ['forward'], create: (itm) => {
      setTimeout(() => { throw new Error('a timer'); }, 0);
      itm.every(100, () => void itm.classes.set('wan/up', { rate: '5mbit' }));
      return {};
    } });`,
  'rules.ts': `${HEAD}\nexport default defineModule({ label: 'rules', hooks: ['input'], create: () => ({}), kernel: () => ({}) });`,
  'only.ts': `${HEAD}\nexport default defineModule({ label: 'only', hooks: ['forward'], kernel: () => ({}) });`,
});
afterAll(() => files.remove());

const SCENARIO = ['--scenario', 'game-beside-download', '--duration', '3s'];
const simulate = (conf: string, ...args: string[]) =>
  shaper('simulate', files.path(conf), ...SCENARIO, ...args);
const json = async (conf: string, ...args: string[]) =>
  JSON.parse((await simulate(conf, '--json', ...args)).stdout);

it('a module of the command line, with its options, in text, JSON and the page', async () => {
  const page = files.path('page.html');
  const module = ['--module', files.path('nth.ts'), 'nth=50'];
  const { code, stdout, stderr } = await simulate('plain.yaml', ...module, '--html', page);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^module +packets +dropped +stolen +held +injected +errors +state\nnth +\d+ +\d+ +0 +0 +0 +0 +on$/m,
  );
  expect(stderr).toContain('0.000000 s info nth: begins {"nth":50}');
  expect(stderr).not.toContain('error');
  expect(readFileSync(page, 'utf8')).toContain('<h2>Modules</h2>');
  const [one, other] = [await json('plain.yaml', ...module), await json('plain.yaml', ...module)];
  expect(one.modules).toEqual([
    {
      ...{ label: 'nth', priority: 100, hooks: ['forward'], packets: one.totals.received.packets },
      ...{
        dropped: Math.floor(one.totals.received.packets / 50),
        stolen: 0,
        held: 0,
        injected: 0,
        errors: 0,
      },
      ...{ state: 'on', reason: null },
    },
  ]);
  expect(one.modules[0].dropped).toBeGreaterThan(20);
  expect(other.traceHash).toBe(one.traceHash);
});

it('modules of the configuration come first, and each run has its own', async () => {
  const report = await json(
    'with.yaml',
    '--module',
    files.path('nth.ts'),
    '--compare',
    files.path('plain.yaml'),
  );
  const [a, b] = report.runs;
  expect(
    a.modules.map(({ label, priority }: { label: string; priority: number }) => [label, priority]),
  ).toEqual([
    ['nth', 5],
    ['nth-3', 100],
  ]);
  expect(b.modules.map(({ label }: { label: string }) => label)).toEqual(['nth']);
  expect(a.modules[1].packets).toBe(a.modules[0].packets - a.modules[0].dropped);
});

it('modules that fail are told', async () => {
  const { stderr } = await simulate('plain.yaml', '--module', files.path('wrong.ts'));
  expect(stderr).toMatch(/module wrong was ejected: .*fifty.*wrong\.ts:5:\d+/);
  const created = await simulate('plain.yaml', '--module', files.path('create.ts'));
  expect(created.code).toBe(2);
  expect(created.stderr).toMatch(/c: create\(\) throws: not here \(.*create\.ts:3:\d+\)/);
  const options = await simulate('plain.yaml', '--module', files.path('nth.ts'), 'nht=5');
  expect([options.code, options.stderr]).toEqual([
    2,
    expect.stringContaining("unknown option 'nht' of nth; did you mean 'nth'?"),
  ]);
});

it.skipIf(findAddon() === undefined)('modules that do not return are ended', async () => {
  const { code, stdout, stderr } = await simulate('plain.yaml', '--module', files.path('loops.ts'));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^loops +50 .* ejected$/m);
  expect(stderr).toContain('module loops was ejected: it took more than 100 ms at once');
  const created = await simulate('plain.yaml', '--module', files.path('made-endless.ts'));
  expect([created.code, created.stderr]).toEqual([
    2,
    expect.stringContaining('m: create() has not returned within 100 ms'),
  ]);
});

/** In a process of its own: what nobody catches there is the runner's here. */
it.each([
  [
    'rejects',
    /^shaper: module rejects threw outside of its functions: fifty \(.*rejects\.ts:5:\d+\)\n {2}catch /,
  ],
  ['late', /^shaper: module late threw outside of its functions: a timer \(.*late\.ts:3:\d+\)\n {2}catch /],
])('what the module %s leaves to nobody ends the run', (name, told) => {
  const module = ['--module', files.path(`${name}.ts`)];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'src/shaper.ts', 'simulate', files.path('plain.yaml'), ...SCENARIO, ...module],
    { encoding: 'utf8' },
  );
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(told);
});

it('the kernel-run form has no rules here', async () => {
  const { stderr } = await simulate('kernel.yaml');
  expect(stderr).toContain('module rules runs in the kernel; here its user-run form does');
  expect(stderr).toContain('module rules meets no packet here');
  expect(stderr).toContain('module only has rules of the kernel alone');
});

describe('--module', () => {
  it('takes files and packages, each with the options behind it', () => {
    const uses = readModuleWords(['/a.ts', 'x=1', 'y=a=b', 'qosmod', './c.ts', 'z=']);
    expect(uses.map(({ use, options }) => [use, options])).toEqual([
      ['/a.ts', { x: '1', y: 'a=b' }],
      ['qosmod', {}],
      [`${process.cwd()}/c.ts`, { z: '' }],
    ]);
    expect(() => readModuleWords(['x=1'])).toThrow("'x=1' is an option, and no module stands before it");
  });
});
