import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileStamps } from '../../../src/portal/file-stamps.ts';
import { readFiles } from '../../../src/portal/page-files.ts';
import { STYLE } from '../../../src/portal/style.ts';
import { TEXT } from '../../../src/portal/text.ts';

const NONE = { certFile: null, keyFile: null, textFile: null, styleFile: null };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'page-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('without files the page is ours, and there is no API', () => {
  expect(readFiles(NONE)).toEqual({ files: { tls: null, text: TEXT, style: STYLE }, complaints: [] });
});

test('files stand in the place of ours', () => {
  const [certFile, keyFile] = [file('c', 'CERT'), file('k', 'KEY')];
  const [textFile, styleFile] = [file('t', '<h1>{{name}}</h1>'), file('s', 'h1 { color: red }')];
  expect(readFiles({ certFile, keyFile, textFile, styleFile })).toEqual({
    files: { tls: { cert: 'CERT', key: 'KEY' }, text: '<h1>{{name}}</h1>', style: 'h1 { color: red }' },
    complaints: [],
  });
});

test('what cannot be used is told, and the page stands without it', () => {
  const missing = join(folder, 'missing');
  const styleFile = file('s', 'h1 {}</STYLE><script>');
  const textFile = file('t', 'x'.repeat(70_000));
  const { files, complaints } = readFiles({ certFile: missing, keyFile: missing, textFile, styleFile });
  expect(files).toEqual({ tls: null, text: TEXT, style: STYLE });
  expect(complaints).toEqual([
    `cannot read ${missing}: ENOENT; there is no API of RFC 8908`,
    `cannot read ${missing}: ENOENT; there is no API of RFC 8908`,
    `cannot read ${textFile}: it is longer than 65536 bytes; the page has our text`,
    `${styleFile} has the end of a style element in it; the page has our style`,
  ]);
});

test('files that were written again are noticed', async () => {
  const styleFile = file('s', 'one');
  const stamps = new FileStamps();
  const files = { ...NONE, styleFile };
  await stamps.remember(files);
  expect(await stamps.haveChanged(files)).toBe(false);
  writeFileSync(styleFile, 'other text');
  expect(await stamps.haveChanged(files)).toBe(true);
  await stamps.remember(files);
  rmSync(styleFile);
  expect(await stamps.haveChanged(files)).toBe(true);
});
