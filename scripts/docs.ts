/** npm run docs: writes the tables of keys in docs/configuration.md from the table of fields. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fieldTable } from '../src/config/fields/docs.ts';

const DOCUMENT = new URL('../docs/configuration.md', import.meta.url);
const BETWEEN = /(<!-- fields -->\n)[\s\S]*?(<!-- \/fields -->)/;

const text = readFileSync(DOCUMENT, 'utf8');
if (!BETWEEN.test(text)) throw new Error('docs/configuration.md has no place for the table of fields');
writeFileSync(
  DOCUMENT,
  text.replace(BETWEEN, (_, before: string, after: string) => `${before}\n${fieldTable()}\n${after}`),
);
