import { expect, test } from 'vitest';
import { inTransaction, openDatabase, SqliteError } from '../../../src/store/sqlite.ts';

test('rows come as arrays, whatever the library', () => {
  const database = openDatabase(':memory:');
  database.exec('CREATE TABLE things (a INTEGER, b TEXT, c REAL)');
  const insert = database.prepare('INSERT INTO things VALUES (?, ?, ?)');
  insert.run(2 ** 52, 'naïve', 0.5);
  insert.run(-1, null, null);
  expect(database.query('a, b, c', 'FROM things ORDER BY a').all()).toEqual([
    [-1, null, null],
    [2 ** 52, 'naïve', 0.5],
  ]);
  expect(database.query('b', 'FROM things WHERE a = ?').all(-1)).toEqual([[null]]);
  expect(database.query('json_group_array(a)', 'FROM things WHERE a < ?').all(0)).toEqual([[[-1]]]);
  database.close();
});

test('a text of a broken file that is no UTF-8 does no harm', () => {
  const database = openDatabase(':memory:');
  database.exec("CREATE TABLE things (a TEXT); INSERT INTO things VALUES (CAST(x'41ff42' AS TEXT))");
  expect(database.query('a', 'FROM things').all()).toEqual([['A\ufffdB']]);
  database.close();
});

test('errors have the codes of SQLite', () => {
  const database = openDatabase(':memory:');
  database.exec('CREATE TABLE things (a INTEGER NOT NULL)');
  const error = (work: () => void): unknown => {
    try {
      work();
      return null;
    } catch (caught) {
      return caught instanceof SqliteError ? caught.code : caught;
    }
  };
  expect(error(() => database.exec('nonsense'))).toBe(1);
  expect(error(() => database.prepare('INSERT INTO things VALUES (?)').run(null))).toBe(19);
  expect(error(() => openDatabase('/nowhere/at/all.db'))).toBe(14);
  database.close();
});

test('a transaction is all or nothing', () => {
  const database = openDatabase(':memory:');
  database.exec('CREATE TABLE things (a INTEGER)');
  expect(() =>
    inTransaction(database, () => {
      database.exec('INSERT INTO things VALUES (1)');
      throw new RangeError('stop');
    }),
  ).toThrow('stop');
  expect(inTransaction(database, () => 7)).toBe(7);
  expect(database.query('count(*)', 'FROM things').all()).toEqual([[0]]);
  database.close();
});
