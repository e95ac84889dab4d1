/** `check` loads the modules of a configuration. */
import { afterAll, expect, it } from 'vitest';
import { filesWith, shaper } from './helpers.ts';

const LINKS = 'links: { w: { device: e, up: 9mbit } }\n';
const files = filesWith({
  'mine.js': `import { DROP, defineModule } from 'nfqueue-shaper/module';
    export default defineModule({ label: 'mine', hooks: ['output', 'forward'], create: () => ({ process: () => DROP }),
      options: { rate: { type: 'rate', default: '8mbit', help: 'what is dropped' }, to: { type: 'list', help: 'to whom' } } });`,
  'good.yaml': `${LINKS}modules:\n  - { use: ./mine.js, priority: 7, options: { to: [a, b] }, enabled: false }\n`,
  'kernel.js': `export default { label: 'kernel', hooks: ['output'], kernel: () => ({ output: ['counter', 'tcp dport 80 accept'] }) };`,
  'create.js': `export default { label: 'c', hooks: ['output'], create() { throw new Error('never'); } };`,
  'create.yaml': `${LINKS}modules: { use: ./create.js }\n`,
  'all.yaml': `links: { w: { device: e, up: 9mbit, upp: 9mbit } }
modules:
  - { use: ./none.js }
  - { use: ./kernel.js, run: kernel }
  - qosmod
  - { priority: 7 }
  - { use: ./mine.js, options: { to: a, rate: 8 } }
local: { exempt: { share: x } }
`,
  'bad.yaml': `${LINKS}modules:\n  - use: mine.js\n    options:\n      to: a\n      rate: 8\n`,
});
afterAll(() => files.remove());

it('says what they are and what their options mean', async () => {
  const { code, stdout } = await shaper('check', files.path('good.yaml'));
  expect(stdout).toContain(
    '  module mine: { use: ./mine.js, run: user, priority: 7, enabled: false } at forward, output\n' +
      '    rate: 8mbit (default 8mbit), what is dropped\n' +
      '    to: a,b, to whom\n',
  );
  expect(code).toBe(0);
});

it('tells their problems by the line of the configuration', async () => {
  const { code, stdout, stderr } = await shaper('check', files.path('bad.yaml'));
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/bad\.yaml:6:13: rate: '8' has no unit/);
});

it('tells problems of the configuration and of modules together, in the order of the file', async () => {
  const { code, stderr } = await shaper('check', files.path('all.yaml'));
  expect(code).toBe(2);
  const told = stderr
    .trim()
    .split('\n')
    .map((line) => line.replace(/^.*?all\.yaml:/, '').replace(/: \/.*\//, ': /'));
  expect(told).toEqual([
    expect.stringMatching(/^1:37: unknown key 'upp'/),
    '3:12: /none.js: there is no such file',
    expect.stringMatching(/^4:30: .*hook output, rule 2, "tcp dport 80 accept": accept cannot stand/),
    '5:5: a module is a map; write - use: qosmod',
    expect.stringMatching(/^6:5: a module needs use/),
    expect.stringMatching(/^7:47: rate: '8' has no unit/),
    expect.stringMatching(/^8:27: share/),
  ]);
});

it('calls create() of none', async () => {
  expect((await shaper('check', files.path('create.yaml'))).code).toBe(0);
});
