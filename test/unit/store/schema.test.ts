import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkFile, type Migrations, prepareFile } from '../../../src/store/schema.ts';
import { type Database, openDatabase } from '../../../src/store/sqlite.ts';
import { makeFolder } from './samples.ts';

let folder: ReturnType<typeof makeFolder>;
let database: Database;
beforeEach(() => {
  folder = makeFolder();
  database = openDatabase(folder.path('a.db'));
});
afterEach(() => {
  database.close();
  folder.remove();
});

const SECOND: Migrations = new Map([
  [0, 'CREATE TABLE one (a INTEGER) STRICT'],
  [1, 'CREATE TABLE two (b INTEGER) STRICT; INSERT INTO two SELECT a FROM one'],
  [2, 'ALTER TABLE two ADD COLUMN c INTEGER'],
]);
const FIRST: Migrations = new Map([...SECOND].slice(0, 1));
const version = (): unknown => database.query('user_version', 'FROM pragma_user_version').all()[0]![0];

test('a new file gets all tables, and survives SIGKILL and power cuts', () => {
  prepareFile(database);
  expect(version()).toBe(1);
  expect(database.query('journal_mode', 'FROM pragma_journal_mode').all()).toEqual([['wal']]);
  expect(database.query('synchronous', 'FROM pragma_synchronous').all()).toEqual([[2]]);
  const tables = database.query(
    'count(*)',
    "FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
  );
  expect(tables.all()).toEqual([[11]]);
  prepareFile(database);
  expect(tables.all()).toEqual([[11]]);
});

test('a file of an older version is brought to ours, step by step', () => {
  prepareFile(database, FIRST);
  database.exec('INSERT INTO one VALUES (5)');
  prepareFile(database, SECOND);
  expect(version()).toBe(3);
  expect(database.query('b, c', 'FROM two').all()).toEqual([[5, null]]);
});

test('a migration that fails leaves the file as it was', () => {
  prepareFile(database, FIRST);
  const broken: Migrations = new Map([...SECOND, [2, 'INSERT INTO absent VALUES (1)']]);
  expect(() => prepareFile(database, broken)).toThrow('no such table: absent');
  expect(version()).toBe(1);
  expect(database.query('count(*)', "FROM sqlite_master WHERE name = 'two'").all()).toEqual([[0]]);
  prepareFile(database, SECOND);
  expect(version()).toBe(3);
});

test('a newer version and files of others are refused', () => {
  prepareFile(database, SECOND);
  expect(() => checkFile(database, FIRST)).toThrow(
    'of version 3, made by a newer shaper; this one writes version 1',
  );
  const other = openDatabase(':memory:');
  other.exec('CREATE TABLE theirs (a)');
  expect(() => prepareFile(other)).toThrow('belongs to another program');
  other.close();
});
