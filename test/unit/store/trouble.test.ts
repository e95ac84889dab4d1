import { expect, test } from 'vitest';
import { SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SqliteError } from '../../../src/store/sqlite.ts';
import { troubleOf } from '../../../src/store/trouble.ts';

const failed = (code: number): SqliteError => new SqliteError(code, 'disk I/O error', null);

test('an error of a disk without room is told as such, and others as what they are', () => {
  const tell = (code: number, hasRoom: boolean): string =>
    troubleOf(failed(code), '/var/lib/h.db', (file) => {
      expect(file).toBe('/var/lib/h.db');
      return hasRoom;
    }).message;
  const full = 'history in /var/lib/h.db: no space is left on the disk (disk I/O error)';
  expect(tell(SQLITE_IOERR, false)).toBe(full);
  expect(tell(SQLITE_FULL, true)).toBe(full);
  expect(tell(SQLITE_IOERR, true)).toContain('the disk reports an error');
  expect(tell(SQLITE_READONLY, false)).toContain('it is read-only');
});

test('the disk of the file is asked; where it cannot be, the error is told as it is', () => {
  for (const file of ['/proc/h.db', '/proc/nothing/here/h.db']) {
    const { message, hint } = troubleOf(failed(SQLITE_IOERR), file);
    const isFull = file === '/proc/h.db';
    expect(message).toContain(isFull ? 'no space is left on the disk' : 'the disk reports an error');
    expect(hint).toContain(isFull ? 'make room' : 'dmesg');
  }
});
