/** `check` loads the modules of a configuration. */
import { afterAll, expect, it } from 'vitest';
import { filesWith, shaper } from './helpers.ts';

const LINKS = 'links: { w: { device: e, up: 9mbit } }\n';
const files = filesWith({
  'mine.js': `import { DROP, defineModule } from 'nfqueue-shaper/module';
    export default defineModule({ label: 'mine', hooks: ['output', 'forward'], create: () => ({ process: () => DROP }),
      options: { rate: { type: 'rate', default: '8mbit', help: 'what is dropped' }, to: { type: 'list', help: 'to whom' } } });`,
  'good.yaml': `${LINKS}modules:\n  - { use: ./mine.js, priority: 7, options: { to: [a, b] }, enabled: false }\n`,
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
