/** npm run docs: writes the configuration reference of README.md from the table of fields. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fieldTable } from '../src/config/fields/docs.ts';

const README = new URL('../README.md', import.meta.url);
const BETWEEN = /(<!-- fields -->\n)[\s\S]*?(\n<!-- \/fields -->)/;

const text = readFileSync(README, 'utf8');
if (!BETWEEN.test(text)) throw new Error('README.md has no place for the table of fields');
writeFileSync(
  README,
  text.replace(BETWEEN, (_, before: string, after: string) => `${before}\n${fieldTable()}${after}`),
);
