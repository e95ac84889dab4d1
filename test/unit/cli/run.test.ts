import { afterAll, expect, it } from 'vitest';
import { configFiles, shaper } from './helpers.ts';

const files = configFiles();
afterAll(() => files.remove());
const good = files.path('good.yaml');
const bad = files.path('bad.yaml');

it.each([
  ['with the word', ['run', '--conf']],
  ['without the word', ['--conf']],
])('%s: a bad file is exit 2, before anything on this machine is looked at', async (_, args) => {
  const { code, stderr } = await shaper(...args, bad);
  expect(code).toBe(2);
  expect(stderr).toContain('bad.yaml:4:9:');
});

it('a missing device is exit 3, naming it and those that exist', async () => {
  const { code, stderr } = await shaper('--conf', good);
  expect(code).toBe(3);
  expect(stderr).toContain('device nodevice0 of link wan does not exist');
  expect(stderr).toContain('devices here:');
});
