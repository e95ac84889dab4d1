/** The documents that are made from the table of fields are up to date. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configSchema, fieldTable } from '../../../../src/config/fields/docs.ts';

const ROOT = new URL('../../../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, ROOT), 'utf8');

it('docs/configuration.md has it (npm run docs writes it)', () => {
  expect(read('docs/configuration.md')).toContain(fieldTable().trim());
});

it("the editor's schema has it (npx vitest run -u writes it)", async () => {
  await expect(`${JSON.stringify(configSchema(), null, 2)}\n`).toMatchFileSnapshot(
    '../../../../shaper.schema.json',
  );
});

it('every reference of the schema has a definition', () => {
  const schema = configSchema() as { $defs: Record<string, unknown> };
  const references = [...JSON.stringify(schema).matchAll(/#\/\$defs\/(\w+)/g)].map(([, name]) => name!);
  expect(references.length).toBeGreaterThan(8);
  for (const name of references) expect(Object.keys(schema.$defs)).toContain(name);
});

it('both say how a value changes', () => {
  const described = (section: string, key: string): string =>
    (configSchema() as { $defs: Record<string, { properties: Record<string, { description: string }> }> })
      .$defs[section]!.properties[key]!.description;
  expect(described('nfqueue', 'first')).toMatch(/ Takes effect at the next start\.$/);
  expect(described('link', 'device')).toMatch(/ Takes effect with shaper reload\.$/);
  expect(fieldTable()).toContain('| `device` | device name | required | reload |');
  expect(fieldTable()).toContain('| `weight` | 0.1 to 1000 | 1 | yes |');
});
