import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { gidOf } from '../../../src/control/group.ts';

const folder = mkdtempSync(join(tmpdir(), 'shaper-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'group');
writeFileSync(
  file,
  'root:x:0:\nadm:x:4:syslog,me\n\n# no group\nbroken:x:\n+nis:x:x:\nwheel::10:\nadm:x:99:\n',
);

it.each([
  ['root', 0],
  ['adm', 4],
  ['wheel', 10],
])('the number of %s is %i', async (name, gid) => {
  expect(await gidOf(name, file)).toBe(gid);
});

it.each([
  ['whell', "did you mean 'wheel'?"],
  ['operators', 'make it (groupadd --system operators), or name another'],
  ['broken', 'make it (groupadd --system broken), or name another'],
  ['4', 'make it (groupadd --system 4), or name another'],
])('there is no %s', async (name, hint) => {
  const message = `control.group: there is no group '${name}' in ${file}`;
  await expect(gidOf(name, file)).rejects.toMatchObject({ name: 'ControlError', exitCode: 3, message, hint });
});

it('a file that cannot be read is said', async () => {
  const message = `control.group: ${folder}/none: ENOENT`;
  await expect(gidOf('adm', join(folder, 'none'))).rejects.toMatchObject({ message });
});
