/** What is read of the system, and how errors become numbers. */
import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { errnoNumber, errnoOf } from '../../../../src/files/fuse/errno.ts';
import { FileError } from '../../../../src/files/fuse/filesystem.ts';
import { mayMount } from '../../../../src/files/fuse/mount.ts';
import { parseMounts } from '../../../../src/files/fuse/mounts.ts';

test('mounts are read with blanks in their paths, with and without tags', () => {
  const text = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw',
    '90 22 0:38 / /run/my\\040net rw,nosuid shared:5 master:1 - fuse.shaper shaper:12.1 rw,user_id=0',
    '91 22 0:39 / /run/caf\\303\\251 rw - tmpfs none rw',
    'no mount at all',
    '',
  ].join('\n');
  expect(parseMounts(text)).toEqual([
    { device: '254:0', path: '/', type: 'ext4', source: '/dev/root' },
    { device: '0:38', path: '/run/my net', type: 'fuse.shaper', source: 'shaper:12.1' },
    { device: '0:39', path: '/run/café', type: 'tmpfs', source: 'none' },
  ]);
});

test('the right to mount is CAP_SYS_ADMIN', () => {
  expect(mayMount('CapPrm:\t0000000000200000\nCapEff:\t0000000000200000\n')).toBe(true);
  expect(mayMount('CapEff:\t0000000000001000\n')).toBe(false);
  expect(mayMount('Name:\tx\n')).toBe(null);
});

test('errors have the numbers of this machine; a fault has none', () => {
  expect(errnoNumber('ENOTEMPTY')).toBe(constants.errno.ENOTEMPTY);
  expect(errnoOf(new FileError('EBUSY'))).toBe('EBUSY');
  expect(errnoOf(Object.assign(new Error('gone'), { code: 'ENOENT' }))).toBe('ENOENT');
  expect(errnoOf(Object.assign(new Error('other'), { code: 'ECONNRESET' }))).toBe(null);
  expect(errnoOf(new TypeError('x'))).toBe(null);
});
