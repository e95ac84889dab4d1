import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  checkCommentWidth,
  checkExit,
  checkFileCircles,
  checkFloors,
  checkLedger,
  checkLeftovers,
  checkLength,
  checkLock,
  checkPaths,
  checkPurity,
  checkRanks,
  checkReferences,
  checkRoomCircles,
  checkUnits,
  checkUnreferenced,
  parseFloors,
  parseRanks,
} from './checks.ts';
import { DOCUMENTS, ROOT, readSources, sourceFile } from './source.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const config = sourceFile('vitest.config.ts', read('vitest.config.ts'));
const files = readSources();

describe('house rules', () => {
  test('imports go to lower ranks only', () => {
    expect(checkRanks(files, parseRanks(read('ARCHITECTURE.md')))).toEqual([]);
  });

  test('rooms of core import from lower floors only', () => {
    expect(checkFloors(files, parseFloors(read('ARCHITECTURE.md')))).toEqual([]);
  });

  test('rooms of a folder form no circle', () => {
    expect(checkRoomCircles(files)).toEqual([]);
  });

  test('files of bench and test form no circle', () => {
    expect(checkFileCircles(files)).toEqual([]);
  });

  test('base, packet, algo, core and sim are pure', () => {
    expect(checkPurity(files)).toEqual([]);
  });

  test('only shaper.ts ends the process', () => {
    expect(checkExit(files)).toEqual([]);
  });

  test('the ledger alone writes statistics', () => {
    expect(checkLedger(files)).toEqual([]);
  });

  test('files can be read in one sitting', () => {
    expect(checkLength(files)).toEqual([]);
  });

  test('comments are at most 110 columns wide', () => {
    expect(checkCommentWidth(files)).toEqual([]);
  });

  test('names of rates say bits or bytes', () => {
    expect(checkUnits(files)).toEqual([]);
  });

  test('no file is dead', () => {
    expect(checkUnreferenced([...files, { ...config, path: 'vitest.config.test.ts' }])).toEqual([]);
  });

  test('algorithms name their source', () => {
    expect(checkReferences(files)).toEqual([]);
  });

  test('nothing is left over', () => {
    expect(checkLeftovers(files)).toEqual([]);
  });

  test('documents name files that exist', () => {
    const exists = (path: string): boolean => {
      const pattern = path.replaceAll('.', '\\.').replaceAll('*', '[^/]*');
      return files.some((file) => new RegExp(`^${pattern}`).test(file.path)) || existsSync(join(ROOT, path));
    };
    expect(DOCUMENTS.flatMap((name) => checkPaths(name, read(name), exists))).toEqual([]);
  });

  test('the lock file holds no addresses', () => {
    expect(checkLock(read('package-lock.json'))).toEqual([]);
  });

  test('formatted, linted, functions of at most 60 lines', () => {
    const { status, stdout, stderr } = spawnSync(
      join(ROOT, 'node_modules/.bin/biome'),
      ['ci', '--colors=off', '.'],
      {
        cwd: ROOT,
        encoding: 'utf8',
      },
    );
    expect(status, stdout + stderr).toBe(0);
  });
});
